//! The binary `lockgate`: arguments, start, drain.

mod args;
mod chat;
mod check;
mod health;
mod list;
mod master_key;
mod serve;
mod welcome;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;

/// A gateway allocates and frees buffers of every size for each call: the C library's allocator gives large ones back to
/// the system each time, and gets them back page by page.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(&args),
        Command::Chat(args) => chat::run(args),
        Command::Models(args) => list::models(&args),
        Command::Providers => list::providers(),
        Command::Health(args) => health::run(&args),
        Command::Version => {
            list::say(&format!("lockgate {}", env!("CARGO_PKG_VERSION")));
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        list::complain(&format!("lockgate: {error:#}"));
        ExitCode::FAILURE
    })
}
