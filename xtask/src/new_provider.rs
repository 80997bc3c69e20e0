//! `cargo xtask new-provider NAME`: writes the skeleton of a dialect crate that compiles.
//!
//! A provider that speaks a known dialect needs no crate: it is a row of `crates/registry/providers.toml`.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::shell;

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.txt")),
    ("README.md", include_str!("../template/README.md.txt")),
    ("src/lib.rs", include_str!("../template/lib.rs.txt")),
    ("src/request.rs", include_str!("../template/request.rs.txt")),
    ("src/response.rs", include_str!("../template/response.rs.txt")),
    ("src/stream.rs", include_str!("../template/stream.rs.txt")),
    ("src/error.rs", include_str!("../template/error.rs.txt")),
    ("src/wire.rs", include_str!("../template/wire.rs.txt")),
    ("tests/laws.rs", include_str!("../template/laws.rs.txt")),
];

/// Runs the command.
pub fn run(args: &[String]) -> Result<()> {
    let [name] = args else { anyhow::bail!("usage: cargo xtask new-provider NAME") };
    let valid = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    ensure!(valid, "a provider's name is lower-case letters and digits");
    let folder = shell::root().join("crates/providers").join(name);
    ensure!(!folder.exists(), "{} exists", folder.display());
    fs::create_dir_all(folder.join("src"))?;
    fs::create_dir_all(folder.join("tests"))?;
    for (file, template) in FILES {
        fs::write(folder.join(file), fill(template, name)).with_context(|| (*file).to_owned())?;
    }
    shell::step("format", &mut shell::cargo(&["fmt", "-p", &format!("lockgate-{name}")]))?;
    println!("wrote {}; next:", folder.display());
    println!(
        "  1. add lockgate-{name} to [workspace.dependencies] and to crates/registry (Cargo.toml, dialects())"
    );
    println!("  2. add a row to crates/registry/providers.toml");
    println!("  3. put cases into tests/golden/{name}/ and run cargo xtask golden --provider {name}");
    Ok(())
}

fn fill(template: &str, name: &str) -> String {
    let mut type_name = name.to_owned();
    if let Some(first) = type_name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    template.replace("@NAME@", name).replace("@TYPE@", &type_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in() {
        assert_eq!(fill("@NAME@ is @TYPE@", "cohere"), "cohere is Cohere");
    }
}
