//! `lockgate models`, `lockgate providers`, and writing to the terminal.

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use lockgate_config::Sources;

use crate::args::ConfigArgs;

pub(crate) fn models(args: &ConfigArgs) -> Result<ExitCode> {
    let sources =
        Sources { file: args.config.clone(), env: std::env::vars().collect(), ..Sources::default() };
    match lockgate_config::load(&sources) {
        Ok(snapshot) => {
            for name in snapshot.routes.names() {
                say(name.name);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            for problem in &problems {
                complain(&problem.to_string());
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

pub(crate) fn providers() -> Result<ExitCode> {
    let registry = lockgate_registry::Registry::builtin()?;
    for provider in registry.providers() {
        let key = match provider.auth.env.first() {
            Some(name) if std::env::var_os(name).is_some() => format!("{name} (set)"),
            Some(name) => name.clone(),
            None => "no key".to_owned(),
        };
        say(&format!("{:<24} {:<28} {:<10} {key}", provider.id, provider.title, provider.dialect.id()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A line on standard output. A closed pipe is not our failure.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
