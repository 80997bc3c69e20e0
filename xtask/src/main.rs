//! Tasks of the project: `cargo xtask TASK`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool talks to its terminal")]
#![expect(unreachable_pub, reason = "nobody else uses the modules of a program")]

mod arrows;
mod bench;
mod catalog;
mod ci;
mod docs;
mod golden;
mod grid;
mod metadata;
mod new_provider;
mod shell;
mod supply;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;

/// A task: its name, what it does, and the function that does it.
type Task = (&'static str, &'static str, fn(&[String]) -> Result<()>);

const TASKS: &[Task] = &[
    ("test", "everything: unit, golden, behaviour and doc tests, and the official SDKs", test::run),
    ("ci", "format, lints, arrows, tidiness, licences, docs, then `test`", ci::run),
    ("golden", "golden cases without sockets, as a table provider × kind", golden::run),
    ("grid", "what survives between every surface and every dialect, as a table", grid::run),
    ("bench", "the gateway against a bare proxy", bench::run),
    ("catalog", "`catalog import FILE` converts LiteLLM's price map into the catalogue's data", catalog::run),
    ("arrows", "crates depend only on lower layers", arrows::run),
    ("tidy", "file lengths, leftovers, lock files, crate metadata", tidy::run),
    ("supply", "licences, banned crates and sources of all dependencies", supply::run),
    ("new-provider", "writes the skeleton of a dialect crate", new_provider::run),
    ("docs", "writes the generated pages of docs/; --check only compares", docs::run),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted = args.first().map_or("", String::as_str);
    let Some((_, _, task)) = TASKS.iter().find(|(name, ..)| *name == wanted) else {
        println!("cargo xtask TASK");
        for (name, what, _) in TASKS {
            println!("  {name:14} {what}");
        }
        return if matches!(wanted, "" | "help" | "--help") { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    };
    match task(&args[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {wanted}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
