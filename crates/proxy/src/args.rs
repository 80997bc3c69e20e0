//! The command line. LiteLLM's flags that make sense keep their names.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// An AI gateway: one interface over many models, with routing, fallbacks and prices.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the gateway (the default).
    Serve(ServeArgs),
    /// Check a configuration file: all problems at once, exit status 1 if there are any.
    Check(CheckArgs),
    /// Ask a model from the terminal; no server is needed.
    Chat(ChatArgs),
    /// List the models that a configuration (or the environment) gives.
    Models(ConfigArgs),
    /// List the providers that this build knows.
    Providers,
    /// Ask a running gateway whether it is ready; exit status 1 if not. For containers.
    Health(HealthArgs),
    /// Print the version.
    Version,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ServeArgs {
    /// The configuration: Lockgate's, or LiteLLM's config.yaml as it is.
    #[arg(short, long, env = "CONFIG_FILE_PATH", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1", env = "HOST")]
    pub(crate) host: IpAddr,
    /// The port to listen on.
    #[arg(short, long, default_value_t = 4000, env = "PORT")]
    pub(crate) port: u16,
    /// Where the gateway keeps what it must remember (default: the user's data folder).
    #[arg(long, env = "LOCKGATE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Serve this one model, without a file: `lockgate --model openai/gpt-4o`.
    #[arg(short, long, value_name = "MODEL", conflicts_with = "config")]
    pub(crate) model: Option<String>,
    /// Base URL for --model.
    #[arg(long = "api_base", alias = "api-base", value_name = "URL", requires = "model")]
    pub(crate) api_base: Option<String>,
    /// Public name for --model.
    #[arg(long, value_name = "NAME", requires = "model")]
    pub(crate) alias: Option<String>,
    /// Drop parameters that a model does not take, instead of refusing the call.
    #[arg(long = "drop_params", alias = "drop-params")]
    pub(crate) drop_params: bool,
    /// Limit on a whole call, in seconds.
    #[arg(long = "request_timeout", alias = "request-timeout", value_name = "SECONDS")]
    pub(crate) request_timeout: Option<f64>,
    /// Log lines as JSON.
    #[arg(long = "json-logs", alias = "json_logs", env = "JSON_LOGS", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) json_logs: bool,
    /// Log more.
    #[arg(long, alias = "detailed-debug", alias = "detailed_debug")]
    pub(crate) debug: bool,
    /// Accepted for LiteLLM's sake: one process uses all cores, so workers are not needed.
    #[arg(long = "num_workers", alias = "num-workers", value_name = "N")]
    pub(crate) num_workers: Option<usize>,
    /// Seconds for which connections are still accepted after SIGTERM.
    #[arg(long, value_name = "SECONDS", env = "LOCKGATE_DRAIN_DELAY")]
    pub(crate) drain_delay: Option<f64>,
    /// Seconds that calls may take to end after SIGTERM.
    #[arg(long, value_name = "SECONDS", env = "LOCKGATE_DRAIN_LIMIT")]
    pub(crate) drain_limit: Option<f64>,
}

#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The configuration to check.
    #[arg(value_name = "FILE")]
    pub(crate) config: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// The configuration (default: the environment).
    #[arg(short, long, env = "CONFIG_FILE_PATH", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ChatArgs {
    /// The model, as `provider/model` or a name from the configuration.
    #[arg(short, long, default_value = "demo/echo")]
    pub(crate) model: String,
    /// What to ask. Without it, standard input is read.
    pub(crate) prompt: Option<String>,
    /// What the model should be.
    #[arg(short, long)]
    pub(crate) system: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct HealthArgs {
    /// The gateway's address.
    #[arg(long, default_value = "127.0.0.1", env = "HOST")]
    pub(crate) host: IpAddr,
    /// Its port.
    #[arg(short, long, default_value_t = 4000, env = "PORT")]
    pub(crate) port: u16,
}
