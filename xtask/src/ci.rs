//! `cargo xtask ci`: what must hold before a change lands; cheap checks first.

use anyhow::Result;

use crate::{arrows, shell, supply, test, tidy};

/// Runs the command.
pub fn run(_: &[String]) -> Result<()> {
    shell::step("format", &mut shell::cargo(&["fmt", "--all", "--check"]))?;
    arrows::run(&[])?;
    tidy::run(&[])?;
    supply::run(&[])?;
    shell::step(
        "lints",
        &mut shell::cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]),
    )?;
    shell::step(
        "documentation",
        shell::cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    // Whether docs/ says what the declarations say is one of the tests.
    test::run(&[])
}
