//! `cargo xtask golden [--cases DIR] [--provider P] [--surface S] [--kind K] [--id GLOB] [--diff N]`.
//!
//! The runner is a program of `lockgate-tests`, so that this one stays small and quick to build.

use anyhow::Result;

use crate::shell;

/// Runs the command.
pub fn run(args: &[String]) -> Result<()> {
    let mut command =
        shell::cargo(&["run", "--quiet", "--package", "lockgate-tests", "--bin", "golden", "--"]);
    let status = command.args(args).status()?;
    anyhow::ensure!(status.success(), "not all cases pass");
    Ok(())
}
