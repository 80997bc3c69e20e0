//! `cargo xtask grid`: what survives between every surface and every dialect.

use anyhow::Result;

use crate::shell;

/// Runs the command.
pub fn run(args: &[String]) -> Result<()> {
    let mut command = shell::cargo(&["run", "--quiet", "--package", "lockgate-tests", "--bin", "grid", "--"]);
    let status = command.args(args).status()?;
    anyhow::ensure!(status.success(), "the grid has holes");
    Ok(())
}
