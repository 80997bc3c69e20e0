//! `cargo xtask docs [--check]`: writes the pages of `docs/` that are generated from declarations.
//!
//! The pages are compared by a test, `tests/tests/docs.rs`; asked to, that test writes them instead.

use anyhow::{Result, ensure};

use crate::shell;

/// Runs the command.
pub fn run(args: &[String]) -> Result<()> {
    let check = match args {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => anyhow::bail!("usage: cargo xtask docs [--check]"),
    };
    let mut command = shell::cargo(&["test", "--quiet", "--package", "lockgate-tests", "--test", "docs"]);
    if !check {
        command.env("LOCKGATE_WRITE_DOCS", "1");
    }
    ensure!(command.status()?.success(), "docs/ differs from the declarations; run `cargo xtask docs`");
    Ok(())
}
