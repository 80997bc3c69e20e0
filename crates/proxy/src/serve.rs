//! `lockgate serve`: load, listen, reload on change, drain on a signal.

use std::{
    collections::BTreeMap, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc, time::Duration,
};

use anyhow::{Context, Result, bail};
use lockgate_config::{Overrides, Snapshot, Sources};
use lockgate_core::Secret;
use lockgate_gateway::{Drain, Gateway, watch_files};
use lockgate_store_file::FileStore;
use lockgate_telemetry::{LogOptions, Metrics};
use lockgate_transport::{Transport, TransportConfig};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    args::ServeArgs,
    check,
    list::complain,
    master_key::{self, Kept},
    welcome,
};

pub(crate) fn run(args: ServeArgs) -> Result<ExitCode> {
    let env: BTreeMap<String, String> = std::env::vars().collect();
    let mut sources = sources(&args, env);
    let loaded = lockgate_config::load(&sources);
    log(&args, &sources.env, loaded.as_ref().ok())?;
    if args.num_workers.is_some_and(|workers| workers > 1) {
        complain("--num_workers is not needed: one process uses all cores");
    }
    let mut snapshot = match loaded {
        Ok(snapshot) => snapshot,
        Err(problems) => {
            problems.iter().for_each(|problem| complain(&problem.to_string()));
            bail!("the configuration has problems; nothing was started");
        }
    };
    check::remarks(&snapshot);
    let kept = match &snapshot.general.master_key {
        Some(_) => None,
        None => Some(master_key::keep(&master_key::data_folder(args.data.clone()))?),
    };
    if let Some(kept) = &kept {
        snapshot.general.master_key = Some(kept.key.clone());
        sources.overrides.fallback_master_key = Some(kept.key.clone());
    }
    let exposed = lockgate_config::check_exposure(&snapshot, &args.host.to_string());
    if !exposed.is_empty() {
        exposed.iter().for_each(|problem| complain(&problem.to_string()));
        bail!("nothing was started");
    }
    runtime()?.block_on(serve(args, sources, snapshot, kept))
}

async fn serve(
    args: ServeArgs,
    sources: Sources,
    snapshot: Snapshot,
    kept: Option<Kept>,
) -> Result<ExitCode> {
    let address = SocketAddr::new(args.host, args.port);
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    let address = listener.local_addr()?;
    let transport = Transport::new(&transport(&snapshot, &sources.env))?;
    welcome::say(address, &snapshot, kept.as_ref());
    let files = snapshot.files.clone();
    let drain = Drain {
        delay: args.drain_delay.map_or(snapshot.general.drain_delay, seconds),
        limit: args.drain_limit.map_or(snapshot.general.drain_limit, seconds),
    };
    let root = sources.env.get("SERVER_ROOT_PATH").cloned().unwrap_or_default();
    let retention = snapshot.general.responses_retention;
    let gateway = Gateway::new(snapshot, transport, Metrics::new()?, &root);
    let responses = master_key::data_folder(args.data.clone()).join("responses");
    match FileStore::open(&responses, retention) {
        Ok(store) => gateway.keep_responses_in(Arc::new(store)),
        Err(error) => complain(&format!(
            "responses are kept in memory only: {} cannot be written ({error}); set --data to a folder that can",
            responses.display()
        )),
    }
    let reloading = tokio::spawn(reload(gateway.clone(), sources, files));
    let served = gateway.serve(listener, stop()?, drain).await;
    lockgate_telemetry::flush();
    served?;
    reloading.abort();
    Ok(ExitCode::SUCCESS)
}

/// Replaces the configuration when a file changes or SIGHUP comes. A bad one changes nothing and says where.
async fn reload(gateway: Gateway, sources: Sources, mut files: Vec<PathBuf>) {
    let mut hangup = match signal(SignalKind::hangup()) {
        Ok(hangup) => hangup,
        Err(error) => {
            tracing::error!(%error, "SIGHUP cannot be listened for; the configuration is not reloaded");
            return;
        }
    };
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = watch_files(files.clone()), if !files.is_empty() => {}
        }
        match lockgate_config::load(&sources) {
            Ok(snapshot) => {
                files.clone_from(&snapshot.files);
                tracing::info!(deployments = snapshot.routes.deployments().count(), "configuration reloaded");
                gateway.reload(snapshot);
            }
            Err(problems) => {
                for problem in &problems {
                    tracing::error!(%problem, "the configuration was not reloaded");
                }
            }
        }
    }
}

/// Done at SIGTERM or SIGINT. A second SIGINT ends the process at once.
fn stop() -> Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            interrupt.recv().await;
            lockgate_telemetry::flush();
            std::process::exit(130);
        });
    })
}

fn sources(args: &ServeArgs, env: BTreeMap<String, String>) -> Sources {
    let mut params = serde_json::Map::new();
    if let Some(base) = &args.api_base {
        params.insert("api_base".to_owned(), base.as_str().into());
    }
    let overrides = Overrides {
        models: args.model.iter().cloned().collect(),
        alias: args.alias.clone(),
        params,
        drop_params: args.drop_params.then_some(true),
        request_timeout: args.request_timeout.map(seconds),
        fallback_master_key: None,
    };
    Sources { file: args.config.clone(), env, overrides }
}

fn transport(snapshot: &Snapshot, env: &BTreeMap<String, String>) -> TransportConfig {
    let variable = |name: &str| {
        env.get(name).or_else(|| env.get(&name.to_lowercase())).filter(|value| !value.is_empty()).cloned()
    };
    TransportConfig {
        ssl_verify: snapshot.settings.ssl_verify,
        ca_file: snapshot.settings.ssl_cert_file.clone(),
        http_proxy: variable("HTTP_PROXY").map(Secret::from),
        https_proxy: variable("HTTPS_PROXY").map(Secret::from),
        no_proxy: variable("NO_PROXY"),
        ..TransportConfig::default()
    }
}

fn log(args: &ServeArgs, env: &BTreeMap<String, String>, snapshot: Option<&Snapshot>) -> Result<()> {
    let settings = snapshot.map(|snapshot| &snapshot.settings);
    let level = match (
        args.debug,
        settings.and_then(|settings| settings.log_level.clone()),
        env.get("LITELLM_LOG"),
    ) {
        (true, ..) => "debug".to_owned(),
        (_, Some(level), _) => level,
        (_, None, Some(level)) => level.to_lowercase(),
        _ => "info".to_owned(),
    };
    let json = args.json_logs || settings.is_some_and(|settings| settings.json_logs);
    lockgate_telemetry::init(&LogOptions { level, json, ..LogOptions::default() })?;
    Ok(())
}

/// One core: no other thread to hand work to. More: one worker each.
fn runtime() -> Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    Ok(builder.enable_all().worker_threads(cores).build()?)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
