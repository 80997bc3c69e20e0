//! `cargo xtask supply`: licences, banned crates and sources of all dependencies, by the rules of `deny.toml`.
//!
//! `cargo deny` does it if it is installed. Else the essential rules are checked here, from `cargo metadata`.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{metadata::Metadata, shell};

#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

/// Runs the command.
pub fn run(_: &[String]) -> Result<()> {
    if shell::has("cargo-deny", "--version") {
        return shell::step(
            "cargo deny",
            &mut shell::cargo(&["deny", "check", "bans", "licenses", "sources"]),
        );
    }
    let rules = fs::read_to_string(shell::root().join("deny.toml")).context("deny.toml")?;
    let rules: Rules = toml::from_str(&rules)?;
    let metadata = Metadata::load(true)?;
    let faults = faults(&rules, &metadata);
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} faults in the supply chain", faults.len());
    println!("supply: {} packages (cargo-deny is not installed: built-in check)", metadata.packages.len());
    Ok(())
}

fn faults(rules: &Rules, metadata: &Metadata) -> Vec<String> {
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let title = format!("{} {}", package.name, package.version);
        match &package.license {
            Some(licence) if allowed(licence, &rules.licenses.allow) => {}
            Some(licence) => faults.push(format!("{title}: licence {licence} is not allowed")),
            None => faults.push(format!("{title}: names no licence")),
        }
        if let Some(source) = &package.source
            && !source.starts_with("registry+https://github.com/rust-lang/crates.io-index")
        {
            faults.push(format!("{title}: comes from {source}"));
        }
        for ban in rules.bans.deny.iter().filter(|ban| ban.name == package.name) {
            let users = metadata.packages.iter().filter(|user| {
                user.dependencies
                    .iter()
                    .any(|dependency| dependency.name == ban.name && dependency.kind.is_none())
            });
            for user in users.filter(|user| !ban.wrappers.contains(&user.name) && user.source.is_none()) {
                faults.push(format!("{} uses {}: {}", user.name, ban.name, ban.reason));
            }
            if ban.wrappers.is_empty() {
                faults.push(format!("{title} is banned: {}", ban.reason));
            }
        }
    }
    for package in metadata.members() {
        for dependency in package.dependencies.iter().filter(|it| it.req == "*" && it.path.is_none()) {
            faults.push(format!("{}: any version of {} will do", package.name, dependency.name));
        }
    }
    faults
}

/// Whether an SPDX expression can be satisfied with the allowed licences.
fn allowed(expression: &str, allow: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    any(&words, &mut 0, allow)
}

fn any(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut result = all(words, at, allow);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= all(words, at, allow);
    }
    result
}

fn all(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let mut result = one(words, at, allow);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= one(words, at, allow);
    }
    result
}

fn one(words: &[&str], at: &mut usize, allow: &[String]) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let inner = any(words, at, allow);
        *at += 1;
        return inner;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{name} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    allow.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions() {
        let allow = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"].map(str::to_owned);
        for good in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND ISC"] {
            assert!(allowed(good, &allow), "{good}");
        }
        assert!(allowed("Apache-2.0 WITH LLVM-exception OR BSD", &allow));
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "", "(MIT AND GPL-2.0) OR BSD"] {
            assert!(!allowed(bad, &allow), "{bad}");
        }
    }
}
