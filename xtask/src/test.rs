//! `cargo xtask test [--only build|rust|doc|python|node]…`: everything, installing what it needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::shell;

const STEPS: [&str; 4] = ["rust", "doc", "python", "node"];

/// Runs the command.
pub fn run(args: &[String]) -> Result<()> {
    let chosen = chosen(args)?;
    let wants = |step: &str| chosen.iter().any(|name| name == step);
    shell::step(
        "build",
        &mut shell::cargo(&["build", "--workspace", "--bins", "--tests", "--examples", "--locked"]),
    )?;
    if wants("rust") {
        rust()?;
    }
    if wants("doc") {
        shell::step(
            "doc tests",
            &mut shell::cargo(&["test", "--workspace", "--doc", "--quiet", "--locked"]),
        )?;
    }
    if wants("python") {
        python()?;
    }
    if wants("node") {
        node()?;
    }
    println!("all tests pass");
    Ok(())
}

fn chosen(args: &[String]) -> Result<Vec<String>> {
    let mut chosen = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--only", Some(step)) if STEPS.contains(&step.as_str()) => chosen.push(step.clone()),
            _ => bail!("usage: cargo xtask test [--only {}]…", STEPS.join("|")),
        }
    }
    if chosen.is_empty() {
        chosen.extend(STEPS.map(str::to_owned));
    }
    Ok(chosen)
}

/// Unit tests, golden cases, laws, behaviour of the binary, short fuzzing.
fn rust() -> Result<()> {
    let args: &[&str] = if shell::has("cargo-nextest", "--version") {
        &["nextest", "run", "--workspace", "--locked"]
    } else {
        &["test", "--workspace", "--lib", "--bins", "--tests", "--quiet", "--locked"]
    };
    shell::step("rust tests", &mut shell::cargo(args))
}

/// The official Python SDKs against the binary.
fn python() -> Result<()> {
    let folder = shell::root().join("tests/sdk");
    let venv = folder.join(".venv");
    let python = venv.join("bin/python");
    let requirements = folder.join("python/requirements.txt");
    if !installed(&venv, &requirements) {
        shell::step("python: venv", shell::command("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut install = shell::command(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        shell::step("python: install", install.arg(&requirements))?;
        remember(&venv, &requirements)?;
    }
    let mut pytest = shell::command(&python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(folder.join("python"));
    shell::step("python SDKs", pytest.env("LOCKGATE_BIN", binary()))
}

/// The official Node SDKs against the binary.
fn node() -> Result<()> {
    let folder = shell::root().join("tests/sdk/node");
    let (modules, lock) = (folder.join("node_modules"), folder.join("package-lock.json"));
    if !installed(&modules, &lock) {
        let mut install = shell::command("npm");
        install.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
        shell::step("node: install", install.current_dir(&folder))?;
        remember(&modules, &lock)?;
    }
    let mut tests = shell::command("node");
    tests.args(["--test", "--test-reporter=dot", "suite/"]).current_dir(&folder);
    shell::step("node SDKs", tests.env("LOCKGATE_BIN", binary()))
}

fn binary() -> PathBuf {
    shell::target().join("debug/lockgate")
}

/// Whether `folder` was installed from this very list.
fn installed(folder: &Path, list: &Path) -> bool {
    let stamp = fs::read(folder.join(".installed-from")).ok();
    stamp.is_some() && stamp == fs::read(list).ok()
}

fn remember(folder: &Path, list: &Path) -> Result<()> {
    fs::copy(list, folder.join(".installed-from"))?;
    Ok(())
}
