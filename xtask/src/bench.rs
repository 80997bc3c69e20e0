//! `cargo xtask bench [--quick] [--only NAME]… [--rounds N] [--json FILE] [--check]`: measures the gateway.
//!
//! Builds the gateway and the measuring programs of `tests/perf` as releases, then lets `perf-bench` start, load
//! and stop them. It prints a table with ratios to a bare proxy and saves all figures as JSON.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Flags that are handed on to `perf-bench`, and whether a value follows.
const FLAGS: [(&str, bool); 5] =
    [("--quick", false), ("--check", false), ("--only", true), ("--rounds", true), ("--json", true)];

/// Runs the command with what stands behind `cargo xtask bench`.
pub fn run(args: &[String]) -> Result<()> {
    check(args)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "-p", "lockgate-proxy", "-p", "lockgate-perf"]).current_dir(root);
    ensure!(build.status().context("cannot run cargo")?.success(), "the build failed");

    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let release = target.join("release");
    let mut bench = Command::new(release.join("perf-bench"));
    bench.arg("--lockgate").arg(release.join("lockgate")).arg("--cache").arg(target.join("bench"));
    if !args.iter().any(|arg| arg == "--json") {
        bench.arg("--json").arg(target.join("bench.json"));
    }
    let status = bench.args(args).status().context("cannot run perf-bench")?;
    ensure!(status.success(), "the measurement failed");
    Ok(())
}

/// Refuses wrong flags before the long build.
fn check(args: &[String]) -> Result<()> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let known = FLAGS.iter().find(|(name, _)| name == arg);
        let names = FLAGS.map(|(name, _)| name).join(" ");
        let (name, value) = known.with_context(|| format!("unknown flag `{arg}`; known are {names}"))?;
        ensure!(!value || args.next().is_some(), "{name} needs a value");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(line: &str) -> Result<()> {
        check(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn wrong_flags_are_refused() {
        assert!(checked("--quick --only chat-1k --json out.json").is_ok());
        assert!(checked("--fast").is_err());
        assert!(checked("--only").is_err());
    }
}
