//! The part of `cargo metadata` that the checks need.

use anyhow::Result;
use serde::Deserialize;

use crate::shell;

/// All packages of the build.
#[derive(Deserialize)]
pub struct Metadata {
    /// Every package, those of the workspace included.
    pub packages: Vec<Package>,
    /// Ids of the packages of the workspace.
    pub workspace_members: Vec<String>,
}

/// One package.
#[derive(Deserialize)]
pub struct Package {
    /// Its unique id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence as an SPDX expression.
    pub license: Option<String>,
    /// Where it comes from; none for a path.
    pub source: Option<String>,
    /// One sentence about it.
    pub description: Option<String>,
    /// Its README, relative to the manifest.
    pub readme: Option<String>,
    /// The path of its `Cargo.toml`.
    pub manifest_path: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// One arrow.
#[derive(Deserialize)]
pub struct Dependency {
    /// The other package's name.
    pub name: String,
    /// None for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
    /// The version that is asked for.
    pub req: String,
    /// Set if the other package is found by path.
    pub path: Option<String>,
}

impl Metadata {
    /// Asks cargo. With `deep`, packages from registries are listed too.
    pub fn load(deep: bool) -> Result<Self> {
        let mut args = vec!["metadata", "--format-version", "1"];
        if !deep {
            args.push("--no-deps");
        }
        Ok(serde_json::from_str(&shell::output(&mut shell::cargo(&args))?)?)
    }

    /// The packages of the workspace.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}
