//! What translating costs: every pair of a client's format and an upstream's, whole answers of 1 KB, against relaying
//! the client's own format through the same gateway.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::bodies::{QUESTION, tool_schema};
use crate::cases::{Limit, load};
use crate::report::median;
use crate::targets::{Places, Target};

/// Least throughput of a translated pair, as a share of the relayed one's.
const BAR: f64 = 0.7;
const CONCURRENCY: u32 = 16;

/// A format that the mock answers in, and how Lockgate is told of it.
#[derive(Debug)]
pub(crate) struct Dialect {
    name: &'static str,
    pub(crate) model: &'static str,
    /// Parameters of the entry, with `UPSTREAM` for the mock's address.
    pub(crate) upstream: &'static [&'static str],
}

impl Dialect {
    pub(crate) fn alias(&self) -> String {
        format!("pair-{}", self.name)
    }
}

/// Every format that the mock answers in.
pub(crate) const DIALECTS: [Dialect; 7] = [
    Dialect {
        name: "openai",
        model: "openai/mock-json",
        upstream: &["api_base: UPSTREAM/v1", "api_key: sk-mock"],
    },
    Dialect {
        name: "responses",
        model: "openai/responses/mock-json",
        upstream: &["api_base: UPSTREAM/v1", "api_key: sk-mock"],
    },
    Dialect {
        name: "anthropic",
        model: "anthropic/claude-mock-json",
        upstream: &["api_base: UPSTREAM", "api_key: sk-mock"],
    },
    Dialect {
        name: "gemini",
        model: "gemini/gemini-mock-json",
        upstream: &["api_base: UPSTREAM/v1beta", "api_key: sk-mock"],
    },
    Dialect {
        name: "bedrock",
        model: "bedrock/converse/mock-json",
        upstream: &[
            "aws_bedrock_runtime_endpoint: UPSTREAM",
            "aws_region_name: us-east-1",
            "aws_access_key_id: AKIDMOCK",
            "aws_secret_access_key: mock-secret",
        ],
    },
    Dialect {
        name: "cohere",
        model: "cohere_chat/mock-json",
        upstream: &["api_base: UPSTREAM/v2/chat", "api_key: sk-mock"],
    },
    Dialect { name: "ollama", model: "ollama_chat/mock-json", upstream: &["api_base: UPSTREAM"] },
];

/// A format that clients speak: a path and a body, with the model's name in one of them.
struct Client {
    name: &'static str,
    /// The dialect whose upstream is relayed.
    home: &'static str,
    path: &'static str,
    body: fn(&str) -> Value,
}

const CLIENTS: [Client; 6] = [
    Client { name: "openai", home: "openai", path: "/v1/chat/completions", body: openai },
    Client { name: "responses", home: "responses", path: "/v1/responses", body: responses },
    Client { name: "anthropic", home: "anthropic", path: "/v1/messages", body: anthropic },
    Client { name: "gemini", home: "gemini", path: "/v1beta/models/MODEL:generateContent", body: gemini },
    Client { name: "bedrock", home: "bedrock", path: "/model/MODEL/converse", body: converse },
    Client { name: "cohere", home: "cohere", path: "/v2/chat", body: cohere },
];

/// What was measured of one pair.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    client: &'static str,
    dialect: &'static str,
    /// CPU time of the gateway per request, in microseconds, round by round.
    cpu_us: Vec<f64>,
    /// Throughput as a share of the relayed pair's, round by round; none for the relayed pair itself.
    share: Option<f64>,
    /// Why there is no figure.
    problem: Option<String>,
}

impl Pair {
    /// Whether the bar is missed, or the pair does not work at all.
    pub(crate) fn missed(&self) -> bool {
        self.problem.is_some() || self.share.is_some_and(|share| share < BAR)
    }
}

/// Measures all pairs, round by round.
pub(crate) fn measure(lockgate: &Target, places: &Places, rounds: usize, seconds: f64) -> Result<Vec<Pair>> {
    let mut pairs: Vec<Pair> = Vec::new();
    for client in &CLIENTS {
        for dialect in &DIALECTS {
            let (client, dialect) = (client.name, dialect.name);
            pairs.push(Pair { client, dialect, cpu_us: Vec::new(), share: None, problem: None });
        }
    }
    for round in 0..=rounds {
        // The first round warms up.
        let seconds = if round == 0 { 0.1 } else { seconds };
        for pair in pairs.iter_mut().filter(|pair| pair.problem.is_none()) {
            match cpu(pair, lockgate, places, seconds) {
                Ok(cpu) if round > 0 => pair.cpu_us.push(cpu),
                Ok(_) => {}
                Err(error) => pair.problem = Some(format!("{error:#}")),
            }
        }
    }
    let relayed: BTreeMap<&str, Vec<f64>> = CLIENTS
        .iter()
        .filter_map(|client| {
            let own = |pair: &&Pair| pair.client == client.name && pair.dialect == client.home;
            Some((client.name, pairs.iter().find(own)?.cpu_us.clone()))
        })
        .collect();
    for pair in &mut pairs {
        let is_home = CLIENTS.iter().any(|own| own.name == pair.client && own.home == pair.dialect);
        let Some(base) = relayed.get(pair.client).filter(|_| !is_home) else { continue };
        let shares: Vec<f64> = base.iter().zip(&pair.cpu_us).map(|(relay, own)| relay / own).collect();
        pair.share = median(&shares);
    }
    Ok(pairs)
}

/// Clients down, upstreams across: the share of the relayed throughput; `=` is the relayed pair.
pub(crate) fn table(pairs: &[Pair]) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(out, "{:<30}", "throughput against relaying");
    for dialect in &DIALECTS {
        let _ = write!(out, " {:>10}", dialect.name);
    }
    let _ = writeln!(out, "  bar >= {BAR}");
    for client in &CLIENTS {
        let _ = write!(out, "{:<30}", format!("{} clients to", client.name));
        for pair in pairs.iter().filter(|pair| pair.client == client.name) {
            let cell = match (pair.share, &pair.problem) {
                (_, Some(_)) => "fails".to_owned(),
                (Some(share), _) => format!("{share:.2}{}", if share < BAR { "!" } else { "" }),
                (None, None) => "=".to_owned(),
            };
            let _ = write!(out, " {cell:>10}");
        }
        out.push('\n');
    }
    for pair in pairs {
        if let Some(problem) = &pair.problem {
            let _ = writeln!(out, "note: {} to {}: {problem}", pair.client, pair.dialect);
        }
    }
    out
}

fn cpu(pair: &Pair, lockgate: &Target, places: &Places, seconds: f64) -> Result<f64> {
    let client = CLIENTS.iter().find(|client| client.name == pair.client).context("an unknown client")?;
    let model = format!("pair-{}", pair.dialect);
    let url = format!("http://127.0.0.1:{}{}", lockgate.port, client.path.replace("MODEL", &model));
    let body = places.work.join(format!("pair-{}-{}.json", pair.client, pair.dialect));
    if !body.exists() {
        std::fs::write(&body, (client.body)(&model).to_string())?;
    }
    let process = lockgate.process.as_ref().context("no process to measure")?;
    let before = process.cpu()?;
    let report = load(places, &url, &body, CONCURRENCY, Limit::Seconds(seconds))?;
    std::thread::sleep(Duration::from_millis(30));
    let used = process.cpu()?.since(before) as f64;
    let problem = report.first_error.unwrap_or_default();
    ensure!(report.errors == 0 && report.requests > 0, "{} requests failed: {problem}", report.errors);
    Ok(used / 1e3 / report.requests as f64)
}

const SYSTEM: &str = "You are a helpful assistant. Answer briefly.";
const DESCRIPTION: &str = "Get the weather forecast of a place.";

/// About as much text as makes a body of 1 KB.
fn text() -> String {
    QUESTION.repeat(8)
}

fn openai(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text()}],
        "temperature": 0.7,
        "max_tokens": 256,
        "tools": [{"type": "function", "function": {
            "name": "get_weather", "description": DESCRIPTION, "parameters": tool_schema(),
        }}],
    })
}

fn responses(model: &str) -> Value {
    json!({
        "model": model,
        "instructions": SYSTEM,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": text()}]}],
        "temperature": 0.7,
        "max_output_tokens": 256,
        "store": false,
        "tools": [{
            "type": "function", "name": "get_weather", "description": DESCRIPTION, "parameters": tool_schema(),
        }],
    })
}

fn anthropic(model: &str) -> Value {
    json!({
        "model": model,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": text()}],
        "temperature": 0.7,
        "max_tokens": 256,
        "tools": [{"name": "get_weather", "description": DESCRIPTION, "input_schema": tool_schema()}],
    })
}

fn gemini(_model: &str) -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": text()}]}],
        "generationConfig": {"temperature": 0.7, "maxOutputTokens": 256},
        "tools": [{"functionDeclarations": [{
            "name": "get_weather", "description": DESCRIPTION, "parameters": tool_schema(),
        }]}],
    })
}

fn converse(_model: &str) -> Value {
    json!({
        "system": [{"text": SYSTEM}],
        "messages": [{"role": "user", "content": [{"text": text()}]}],
        "inferenceConfig": {"temperature": 0.7, "maxTokens": 256},
        "toolConfig": {"tools": [{"toolSpec": {
            "name": "get_weather", "description": DESCRIPTION, "inputSchema": {"json": tool_schema()},
        }}]},
    })
}

fn cohere(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text()}],
        "temperature": 0.7,
        "max_tokens": 256,
        "tools": [{"type": "function", "function": {
            "name": "get_weather", "description": DESCRIPTION, "parameters": tool_schema(),
        }}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_of_about_1_kb_and_every_client_has_a_home() {
        for client in &CLIENTS {
            let body = (client.body)("pair-openai").to_string();
            assert!(body.len().abs_diff(1024) < 256, "{}: {}", client.name, body.len());
            assert!(DIALECTS.iter().any(|dialect| dialect.name == client.home));
        }
    }

    #[test]
    fn the_table_marks_what_is_missed() {
        let pair = |dialect, share, problem: Option<&str>| Pair {
            client: "openai",
            dialect,
            cpu_us: vec![1.0],
            share,
            problem: problem.map(str::to_owned),
        };
        let pairs =
            [pair("openai", None, None), pair("gemini", Some(0.5), None), pair("cohere", None, Some("no"))];
        let table = table(&pairs);
        assert!(table.contains("0.50!") && table.contains("openai to cohere: no"), "{table}");
        assert_eq!(pairs.iter().map(Pair::missed).collect::<Vec<_>>(), [false, true, true]);
    }
}
