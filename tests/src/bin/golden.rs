//! `golden [--cases DIR] [--provider P] [--surface S] [--kind K] [--id GLOB] [--diff N]`: runs golden cases.
#![expect(clippy::print_stderr, reason = "a command-line tool talks to its terminal")]

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use lockgate_tests::golden::{Filter, Report, Runner, load};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("golden: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let mut folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut filter, mut limit) = (Filter::default(), 10);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--cases" => folder = PathBuf::from(value),
            "--provider" => filter.provider = value,
            "--surface" => filter.surface = value,
            "--kind" => filter.kind = value,
            "--id" => filter.id = value,
            "--diff" => limit = value.parse().context("--diff needs a number")?,
            _ => bail!("unknown flag `{flag}`; known are --cases --provider --surface --kind --id --diff"),
        }
    }
    let cases = load(&folder, &filter)?;
    ensure!(!cases.is_empty(), "no case matches");
    let runner = Runner::new()?;
    let start = Instant::now();
    let report = Report::of(&runner, &cases);
    let text = report.render(limit);
    let time = start.elapsed().as_secs_f64() * 1e3;
    // Who reads may stop early.
    let _ = writeln!(std::io::stdout(), "{text}{time:.0} ms");
    Ok(report.is_clean())
}
