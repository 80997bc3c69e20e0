//! What is measured: the mock alone, nginx, the bare proxy and Lockgate, each pinned to the gateway's core.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::cases::{MODELS, Model};
use crate::pairs::{DIALECTS, Dialect};
use crate::process::{Process, free_port, pinned};

/// The core of the gateway under test.
pub(crate) const GATEWAY_CORE: usize = 0;
/// The core of the mock provider and of the load.
pub(crate) const LOAD_CORE: usize = 1;
/// The gateway's master key: long enough to be accepted on any address.
pub(crate) const MASTER_KEY: &str = "sk-bench-4c1f7e0a9d2b8e6355aa";

/// Who answers the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Direct,
    Nginx,
    Bare,
    Lockgate,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Direct, Self::Nginx, Self::Bare, Self::Lockgate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Bare => "bare",
            Self::Lockgate => "lockgate",
        }
    }
}

/// A running target. `Direct` has no process of its own: it is the mock.
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    pub(crate) process: Option<Process>,
}

/// Where programs and working files are.
pub(crate) struct Places {
    /// The folder of the `perf-…` programs.
    pub(crate) programs: PathBuf,
    /// The gateway's binary.
    pub(crate) lockgate: PathBuf,
    /// Kept between runs: an unpacked nginx.
    pub(crate) cache: PathBuf,
    /// Removed at the end.
    pub(crate) work: PathBuf,
}

impl Target {
    pub(crate) fn direct(upstream: u16) -> Self {
        Self { kind: Kind::Direct, port: upstream, process: None }
    }

    pub(crate) fn bare(places: &Places, upstream: u16) -> Result<Self> {
        let port = free_port()?;
        let mut command = pinned(GATEWAY_CORE, &places.programs.join("perf-bare"));
        command.args(["--port", &port.to_string(), "--upstream", &format!("127.0.0.1:{upstream}")]);
        Self::start(Kind::Bare, command, port, "/", &places.work)
    }

    pub(crate) fn nginx(places: &Places, upstream: u16) -> Result<Self> {
        let program = find_nginx(&places.cache)?;
        let port = free_port()?;
        let config = places.work.join("nginx.conf");
        fs::write(&config, nginx_config(&places.work, port, upstream))?;
        let mut command = pinned(GATEWAY_CORE, &program);
        command.args(["-e", "stderr", "-p"]).arg(&places.work).arg("-c").arg(&config);
        Self::start(Kind::Nginx, command, port, "/", &places.work)
    }

    pub(crate) fn lockgate(places: &Places, upstream: u16) -> Result<Self> {
        let entries: Vec<_> =
            MODELS.map(entry).into_iter().chain(DIALECTS.iter().map(dialect_entry)).collect();
        let config = lockgate_config(upstream, &entries);
        let (port, command) = lockgate_command(places, &config)?;
        Self::start(Kind::Lockgate, command, port, "/health/readiness", &places.work)
    }

    fn start(kind: Kind, command: Command, port: u16, ready: &str, work: &Path) -> Result<Self> {
        let mut process = Process::spawn(kind.name(), command, work)?;
        process.wait_ready(port, ready)?;
        Ok(Self { kind, port, process: Some(process) })
    }
}

/// Starts the mock provider on the core of the load.
pub(crate) fn start_upstream(places: &Places) -> Result<(Process, u16)> {
    let port = free_port()?;
    let mut command = pinned(LOAD_CORE, &places.programs.join("perf-upstream"));
    command.args(["--port", &port.to_string()]);
    let mut process = Process::spawn("upstream", command, &places.work)?;
    process.wait_ready(port, "/")?;
    Ok((process, port))
}

/// Time from the start of the process to its first good readiness answer.
pub(crate) fn time_to_ready(kind: Kind, places: &Places, upstream: u16, models: usize) -> Result<Duration> {
    let (port, ready, command) = match kind {
        Kind::Lockgate => {
            let entries: Vec<_> = (0..models).map(numbered_entry).collect();
            let (port, command) = lockgate_command(places, &lockgate_config(upstream, &entries))?;
            (port, "/health/readiness", command)
        }
        _ => {
            let port = free_port()?;
            let mut command = pinned(GATEWAY_CORE, &places.programs.join("perf-bare"));
            command.args(["--port", &port.to_string(), "--upstream", &format!("127.0.0.1:{upstream}")]);
            (port, "/", command)
        }
    };
    let started = Instant::now();
    let mut process = Process::spawn("start", command, &places.work)?;
    process.wait_ready(port, ready)?;
    Ok(started.elapsed())
}

fn lockgate_command(places: &Places, config: &str) -> Result<(u16, Command)> {
    let port = free_port()?;
    let dir = places.work.join(format!("lockgate-{port}"));
    fs::create_dir_all(&dir)?;
    let file = dir.join("config.yaml");
    fs::write(&file, config)?;
    let mut command = pinned(GATEWAY_CORE, &places.lockgate);
    // Provider keys of the caller's environment must not add models.
    let kept = ["PATH", "HOME"].map(|name| (name, std::env::var_os(name).unwrap_or_default()));
    command.env_clear().envs(kept);
    command.arg("serve").arg("--config").arg(&file).args([
        "--host",
        "127.0.0.1",
        "--port",
        &port.to_string(),
    ]);
    command.arg("--data").arg(dir.join("data"));
    Ok((port, command))
}

struct Entry {
    alias: String,
    model: String,
    /// Parameters of the upstream, with `UPSTREAM` for its address.
    upstream: &'static [&'static str],
}

const OPENAI: &[&str] = &["api_base: UPSTREAM/v1", "api_key: sk-mock"];
const ANTHROPIC: &[&str] = &["api_base: UPSTREAM", "api_key: sk-mock"];

fn entry(model: Model) -> Entry {
    let provider = if model.anthropic { "anthropic/claude-" } else { "openai/" };
    Entry {
        alias: model.alias.to_owned(),
        model: format!("{provider}{}", model.mock),
        upstream: if model.anthropic { ANTHROPIC } else { OPENAI },
    }
}

fn numbered_entry(n: usize) -> Entry {
    let anthropic = n % 4 == 3;
    let provider = if anthropic { "anthropic/claude-" } else { "openai/" };
    Entry {
        alias: format!("model-{n:04}"),
        model: format!("{provider}mock-json-{n}"),
        upstream: if anthropic { ANTHROPIC } else { OPENAI },
    }
}

fn dialect_entry(dialect: &Dialect) -> Entry {
    Entry { alias: dialect.alias(), model: dialect.model.to_owned(), upstream: dialect.upstream }
}

/// Prices stand in the entries, so that the cost of every answer is computed.
fn lockgate_config(upstream: u16, entries: &[Entry]) -> String {
    let mut yaml = String::from("model_list:\n");
    let address = format!("http://127.0.0.1:{upstream}");
    for Entry { alias, model, upstream } in entries {
        // Writing to a string cannot fail.
        let _ = write!(
            yaml,
            "  - model_name: {alias}\n    litellm_params:\n      model: {model}\n      \
             input_cost_per_token: 0.0000025\n      output_cost_per_token: 0.00001\n"
        );
        for param in *upstream {
            let _ = writeln!(yaml, "      {}", param.replace("UPSTREAM", &address));
        }
    }
    let _ = write!(yaml, "general_settings:\n  master_key: {MASTER_KEY}\n");
    yaml
}

/// A plain streaming reverse proxy in one process: no access log, no buffering, pooled upstream connections.
fn nginx_config(work: &Path, port: u16, upstream: u16) -> String {
    let work = work.display();
    format!(
        "daemon off;\nmaster_process off;\npid {work}/nginx.pid;\nerror_log stderr crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  client_max_body_size 64m;\n  keepalive_requests 1000000000;\n\
         client_body_temp_path {work}/body;\n  proxy_temp_path {work}/proxy;\n  \
         fastcgi_temp_path {work}/fastcgi;\n  uwsgi_temp_path {work}/uwsgi;\n  scgi_temp_path {work}/scgi;\n  \
         upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}\n  \
         server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://mock;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_buffering off;\n      \
         proxy_request_buffering off;\n    }}\n  }}\n}}\n"
    )
}

/// nginx of this machine, or of its Debian package, unpacked without installing it.
fn find_nginx(cache: &Path) -> Result<PathBuf> {
    let unpacked = cache.join("nginx");
    let program = unpacked.join("usr/sbin/nginx");
    let installed = Path::new("/usr/sbin/nginx");
    if installed.exists() {
        return Ok(installed.to_owned());
    }
    if !program.exists() {
        fs::create_dir_all(&unpacked)?;
        if run(&unpacked, "apt-get", &["-qq", "download", "nginx"]).is_err() {
            run(&unpacked, "apt-get", &["-qq", "update"])?;
            run(&unpacked, "apt-get", &["-qq", "download", "nginx"])?;
        }
        run(&unpacked, "sh", &["-c", "dpkg -x nginx_*.deb ."])?;
    }
    run(&unpacked, "usr/sbin/nginx", &["-v"])?;
    Ok(program)
}

fn run(dir: &Path, program: &str, args: &[&str]) -> Result<()> {
    let program = if program.contains('/') { dir.join(program) } else { program.into() };
    let output = Command::new(&program).args(args).current_dir(dir).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} {}: {}", program.display(), args.join(" "), error.trim());
    Ok(())
}
