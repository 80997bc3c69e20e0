//! The table of what is measured, and one measurement.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::bodies;
use crate::process::pinned;
use crate::report::Bar;
use crate::targets::{Kind, LOAD_CORE, MASTER_KEY, Places, Target};

/// A model of the mock and the name under which Lockgate serves it; a gateway renames models, so the names
/// differ.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) alias: &'static str,
    pub(crate) mock: &'static str,
    pub(crate) anthropic: bool,
}

impl Model {
    const fn openai(alias: &'static str, mock: &'static str) -> Self {
        Self { alias, mock, anthropic: false }
    }

    const fn anthropic(alias: &'static str, mock: &'static str) -> Self {
        Self { alias, mock, anthropic: true }
    }
}

const CHAT: Model = Model::openai("bench-chat", "mock-json");
const PACED: Model = Model::openai("bench-paced", "mock-stream-paced-100");
const UNPACED: Model = Model::openai("bench-unpaced", "mock-stream-unpaced-500");
const BURST: Model = Model::openai("bench-burst", "mock-stream-burst-500");
const CLAUDE: Model = Model::anthropic("bench-claude", "mock-json");
const CLAUDE_PACED: Model = Model::anthropic("bench-claude-paced", "mock-stream-paced-100");

/// All models the gateway is configured with.
pub(crate) const MODELS: [Model; 6] = [CHAT, PACED, UNPACED, BURST, CLAUDE, CLAUDE_PACED];

/// What of a measurement goes into the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// CPU time of the gateway per request, or per chunk of a stream.
    Cpu,
    /// Requests per second.
    Rate,
    /// Latency more than direct.
    Added,
}

/// One row of the plan. The bodies of translated requests are the same as the others: the ratio is against a bare
/// proxy that carries the untranslated request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) model: Model,
    pub(crate) body_bytes: usize,
    /// Text chunks per answer; 0 for an answer in one piece.
    pub(crate) chunks: u64,
    pub(crate) concurrency: u32,
    pub(crate) figure: Figure,
    pub(crate) bar: Option<Bar>,
}

const KB: usize = 1024;

/// Everything that is loaded, in order.
pub(crate) const CASES: [Case; 10] = [
    Case::cpu("chat-1k", "chat, 1 KB", CHAT, KB, 16, Some(1.5)),
    Case::cpu("chat-100k", "chat, 100 KB", CHAT, 100 * KB, 16, Some(1.5)),
    Case::cpu("chat-1m", "chat, 1 MB", CHAT, 1024 * KB, 4, Some(1.3)),
    Case::cpu("stream-paced", "stream, chunk each 20 ms", PACED, KB, 64, Some(1.1)).chunks(100),
    Case::cpu("stream-unpaced", "stream, unpaced", UNPACED, KB, 8, Some(1.5)).chunks(500),
    Case::cpu("stream-burst", "stream, in bursts", BURST, KB, 8, None).chunks(500),
    Case::cpu("translate-1k", "OpenAI to Anthropic, 1 KB", CLAUDE, KB, 16, Some(2.5)),
    Case::cpu("translate-paced", "its stream, chunk each 20 ms", CLAUDE_PACED, KB, 64, Some(2.0)).chunks(100),
    Case { figure: Figure::Rate, ..Case::cpu("max-rate", "most requests, 1 KB", CHAT, KB, 64, None) },
    Case { figure: Figure::Added, ..Case::cpu("latency", "added latency, 1 KB", CHAT, KB, 1, None) },
];

impl Case {
    const fn cpu(
        name: &'static str,
        title: &'static str,
        model: Model,
        body_bytes: usize,
        concurrency: u32,
        ratio: Option<f64>,
    ) -> Self {
        let bar = match ratio {
            Some(ratio) => Some(Bar::Ratio(ratio)),
            None => None,
        };
        Self { name, title, model, body_bytes, chunks: 0, concurrency, figure: Figure::Cpu, bar }
    }

    const fn chunks(mut self, chunks: u64) -> Self {
        self.chunks = chunks;
        self
    }

    fn paced(&self) -> bool {
        self.model.mock.contains("-paced")
    }
}

/// What `perf-load` prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LoadReport {
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) seconds: f64,
    pub(crate) rps: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub first_byte_p50_us: f64,
    pub first_byte_p99_us: f64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

/// One measurement: the load's report and the gateway's CPU time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    pub(crate) load: LoadReport,
    /// CPU time per request or per chunk, in microseconds; none for `direct`.
    pub(crate) cpu_us: Option<f64>,
    /// Share of the gateway's core that was used.
    pub(crate) busy: Option<f64>,
}

/// Runs a case against a target for about `seconds` and checks that every answer was whole.
pub(crate) fn measure(case: &Case, target: &Target, places: &Places, seconds: f64) -> Result<Sample> {
    let body = body_file(case, target.kind, &places.work)?;
    let before = target.process.as_ref().map(|process| process.cpu()).transpose()?;
    let load = run_load(case, target, places, &body, seconds)?;
    // Let the gateway finish what follows an answer: logs, metrics, closed connections.
    std::thread::sleep(Duration::from_millis(30));
    let after = target.process.as_ref().map(|process| process.cpu()).transpose()?;
    let reason = load.first_error.as_deref().unwrap_or_default();
    ensure!(
        load.errors == 0 && load.requests > 0,
        "{} of {} requests failed: {reason}",
        load.errors,
        load.requests + load.errors
    );
    ensure!(load.events >= load.requests * case.chunks, "streams are short: {} events", load.events);
    let used_ns = before.zip(after).map(|(before, after)| after.since(before) as f64);
    let units = load.requests * case.chunks.max(1);
    Ok(Sample {
        cpu_us: used_ns.map(|ns| ns / 1e3 / units as f64),
        busy: used_ns.map(|ns| ns / 1e9 / load.seconds),
        load,
    })
}

fn run_load(case: &Case, target: &Target, places: &Places, body: &Path, seconds: f64) -> Result<LoadReport> {
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", target.port);
    let limit = if case.paced() {
        // Whole streams, one after the other on each connection: 2 s each.
        Limit::Requests((seconds / 2.0).ceil() as u32 * case.concurrency)
    } else {
        Limit::Seconds(seconds)
    };
    load(places, &url, body, case.concurrency, limit)
}

/// How long a load lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Requests(u32),
    Seconds(f64),
}

/// Sends a body again and again and waits for the report.
pub(crate) fn load(
    places: &Places,
    url: &str,
    body: &Path,
    concurrency: u32,
    limit: Limit,
) -> Result<LoadReport> {
    let mut command = pinned(LOAD_CORE, &places.programs.join("perf-load"));
    command.args(["--url", url, "--concurrency", &concurrency.to_string(), "--body"]).arg(body);
    for header in bodies::headers(MASTER_KEY) {
        command.args(["--header", &header]);
    }
    match limit {
        Limit::Requests(count) => command.args(["--requests", &count.to_string()]),
        Limit::Seconds(seconds) => command.args(["--seconds", &seconds.to_string()]),
    };
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cannot run perf-load")?;
    ensure!(output.status.success(), "perf-load failed");
    serde_json::from_slice(&output.stdout).context("perf-load printed no report")
}

fn body_file(case: &Case, kind: Kind, work: &Path) -> Result<PathBuf> {
    let model = if kind == Kind::Lockgate { case.model.alias } else { case.model.mock };
    let file = work.join(format!("{}-{}.json", case.name, kind.name()));
    if !file.exists() {
        std::fs::write(&file, bodies::chat(model, case.chunks > 0, case.body_bytes))?;
    }
    Ok(file)
}
