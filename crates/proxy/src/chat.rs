//! `lockgate chat`: asks a model through the library and streams its answer to the terminal.

use std::{
    io::{IsTerminal, Read, Write, stdin, stdout},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use lockgate_client::{Chat, Client};

use crate::{args::ChatArgs, list::complain};

pub(crate) fn run(args: ChatArgs) -> Result<ExitCode> {
    let prompt = match args.prompt {
        Some(prompt) => prompt,
        None if stdin().is_terminal() => bail!("say what to ask: lockgate chat -m {} \"Hello\"", args.model),
        None => {
            let mut text = String::new();
            stdin().read_to_string(&mut text).context("standard input cannot be read as text")?;
            text
        }
    };
    let mut chat = Chat::new(&args.model);
    if let Some(system) = args.system {
        chat = chat.system(system);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stream(chat.user(prompt)))?;
    Ok(ExitCode::SUCCESS)
}

async fn stream(chat: Chat) -> Result<()> {
    let mut texts = Client::from_env()?.stream(chat).await?.text();
    let mut out = stdout();
    while let Some(text) = texts.next().await {
        out.write_all(text?.as_bytes())?;
        out.flush()?;
    }
    writeln!(out)?;
    if stdout().is_terminal() {
        let meta = texts.meta();
        let cost = meta.cost().map_or("price unknown".to_owned(), |cost| format!("${cost}"));
        let usage = &meta.usage;
        complain(&format!("[{} in, {} out, {cost}]", usage.input, usage.output));
    }
    Ok(())
}
