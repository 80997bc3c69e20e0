//! `lockgate check`: all problems of a configuration at once.

use std::process::ExitCode;

use anyhow::Result;
use lockgate_config::{Snapshot, Sources};

use crate::{
    args::CheckArgs,
    list::{complain, say},
};

/// How many models are named.
const SHOWN: usize = 12;

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode> {
    let sources =
        Sources { file: Some(args.config.clone()), env: std::env::vars().collect(), ..Sources::default() };
    match lockgate_config::load(&sources) {
        Ok(snapshot) => {
            remarks(&snapshot);
            let names: Vec<&str> = snapshot.routes.names().into_iter().map(|name| name.name).collect();
            let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            let more = if names.len() > SHOWN { ", …" } else { "" };
            let count = plural(names.len(), "model");
            let tools: Vec<&str> = snapshot.search_tools.names().into_iter().map(|name| name.name).collect();
            let tools = match tools.as_slice() {
                [] => String::new(),
                names => format!("; {}: {}", plural(names.len(), "search tool"), names.join(", ")),
            };
            say(&format!("{}: good; {count}: {shown}{more}{tools}", args.config.display()));
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                complain(&problem.to_string());
            }
            complain(&format!("{}: {} to mend", args.config.display(), plural(problems.len(), "problem")));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What is not wrong but worth knowing.
pub(crate) fn remarks(snapshot: &Snapshot) {
    for warning in &snapshot.warnings {
        complain(&format!("warning: {warning}"));
    }
    if !snapshot.inactive.is_empty() {
        complain(&format!("known but not active yet: {}", snapshot.inactive.join(", ")));
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("{count} {noun}") } else { format!("{count} {noun}s") }
}
