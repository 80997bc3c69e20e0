//! `lockgate chat`: asks a model through the library and streams its answer to the terminal.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::args::ChatArgs;

pub(crate) fn run(args: ChatArgs) -> Result<ExitCode> {
    let _ = (args.model, args.prompt, args.system);
    bail!("the chat command is not wired yet")
}
