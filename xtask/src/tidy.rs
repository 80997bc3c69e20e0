//! `cargo xtask tidy`: file lengths, leftovers, machine paths, lock files, crate metadata.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use crate::{
    metadata::{Metadata, Package},
    shell,
};

/// Lines of a Rust file: a wish, and a wall.
const LENGTH: (usize, usize) = (400, 600);

/// What must not be in a committed text. Written in two halves, so that this file passes its own check.
const LEFTOVERS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "open work belongs into issues"),
    (concat!("FIX", "ME"), "open work belongs into issues"),
    (concat!("to", "do!("), "unfinished code"),
    (concat!("unimplement", "ed!("), "unfinished code"),
    (concat!("dbg", "!("), "left from debugging"),
    (concat!("/wo", "rk/"), "a path of somebody's machine"),
    (concat!("/ho", "me/"), "a path of somebody's machine"),
    (concat!("/ro", "ot/"), "a path of somebody's machine"),
    (concat!("/Us", "ers/"), "a path of somebody's machine"),
];

/// Texts that are searched for leftovers.
const TEXTS: &[&str] = &["rs", "toml", "md", "py", "mjs", "js", "json", "sh", "yaml", "yml", "txt"];

/// Data of others, which may say anything.
const DATA: &[&str] = &["tests/golden/", "crates/catalog/data/", "Cargo.lock"];

/// Runs the command.
pub fn run(_: &[String]) -> Result<()> {
    let mut faults = Vec::new();
    let mut long = Vec::new();
    let files = shell::output(shell::command("git").args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    let mut count = 0;
    for file in files.lines().filter(|file| shell::root().join(file).is_file()) {
        count += 1;
        check_file(file, &mut faults, &mut long);
    }
    for package in Metadata::load(false)?.members() {
        check_crate(package, &mut faults);
    }
    for warning in &long {
        println!("warning: {warning}");
    }
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} untidy places", faults.len());
    println!("tidy: {count} files");
    Ok(())
}

fn check_file(file: &str, faults: &mut Vec<String>, long: &mut Vec<String>) {
    let extension = Path::new(file).extension().and_then(|name| name.to_str()).unwrap_or("");
    if !TEXTS.contains(&extension) {
        return;
    }
    let Ok(text) = fs::read_to_string(shell::root().join(file)) else {
        faults.push(format!("{file}: not UTF-8"));
        return;
    };
    if extension == "rs" {
        let lines = text.lines().count();
        if lines > LENGTH.1 {
            faults.push(format!("{file}: {lines} lines, at most {}", LENGTH.1));
        } else if lines > LENGTH.0 {
            long.push(format!("{file}: {lines} lines, better at most {}", LENGTH.0));
        }
    }
    if file.ends_with("package-lock.json") && text.contains("\"resolved\"") {
        faults.push(format!("{file}: names registry hosts (`resolved`)"));
    }
    if DATA.iter().any(|data| file.starts_with(data)) || file.ends_with("package-lock.json") {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        for (leftover, why) in LEFTOVERS {
            if line.contains(leftover) {
                faults.push(format!("{file}:{}: `{leftover}`: {why}", number + 1));
            }
        }
    }
}

fn check_crate(package: &Package, faults: &mut Vec<String>) {
    let name = &package.name;
    let folder = Path::new(&package.manifest_path).parent().unwrap_or(Path::new("."));
    if package.description.as_deref().unwrap_or("").is_empty() {
        faults.push(format!("{name}: no description"));
    }
    match &package.readme {
        Some(readme) if folder.join(readme).is_file() => {}
        _ => faults.push(format!("{name}: no README")),
    }
    for root in ["src/lib.rs", "src/main.rs"] {
        let Ok(text) = fs::read_to_string(folder.join(root)) else { continue };
        let first = text.lines().next().unwrap_or("");
        if !first.starts_with("//! ") && !first.starts_with("#![doc = include_str!") {
            faults.push(format!("{name}: {root} does not begin with one sentence about the crate"));
        }
    }
}
