use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use lockgate_testkit::jwt;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The address that stands for the upstream's, `{{MOCK}}` in a case.
pub(crate) const MOCK: &str = "http://127.0.0.1:9";
const MOCK_HOST: &str = "127.0.0.1:9";

/// One recorded call.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its unique name.
    pub id: String,
    /// What it is about: `stream_tools`, `err_429`, ….
    pub kind: String,
    /// What the client speaks: `chat`, `messages`, `embeddings`, ….
    pub surface: String,
    /// Who answers.
    pub provider: String,
    /// The provider's prefix and the model's name.
    pub model: String,
    /// The deployment's parameters.
    #[serde(default)]
    pub litellm_params: Map<String, Value>,
    /// Settings of the whole gateway.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// The gateway's environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The client's body.
    pub request: Map<String, Value>,
    /// What goes to the provider and what it answers, in order.
    pub upstream: Vec<Step>,
    /// What the client gets.
    pub result: Outcome,
    /// What LiteLLM's proxy did.
    #[serde(default)]
    pub proxy: Option<Proxy>,
    /// What it costs.
    #[serde(default)]
    pub cost: Option<Cost>,
    /// Paths that differ from run to run.
    #[serde(default)]
    pub volatile: Vec<String>,
    /// Why the recorded behaviour may be wrong: such a case does not count.
    #[serde(default)]
    pub questionable: Option<String>,
}

/// One exchange with the provider.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// The request that must come.
    pub expect: Expect,
    /// The provider's answer.
    #[serde(default)]
    pub respond: Option<Respond>,
    /// Whether this only fetches a token.
    #[serde(default)]
    pub auth: bool,
}

/// A request to the provider.
#[derive(Clone, Debug, Deserialize)]
pub struct Expect {
    /// `POST`.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query's parameters.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// Scheme and host, where the case has no address of its own.
    #[serde(default)]
    pub origin: Option<String>,
    /// Headers that must be there.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(default)]
    pub body: Option<Value>,
}

/// A provider's answer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Respond {
    /// Its status.
    pub status: u16,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Its body: JSON, text or `{"$base64": …}`.
    #[serde(default)]
    pub body: Option<Value>,
    /// Its body in pieces: text or `{"base64": …}`.
    #[serde(default)]
    pub chunks: Option<Vec<Value>>,
    /// Whether the connection breaks before the end.
    #[serde(default)]
    pub truncate: bool,
    /// Only for requests like this.
    #[serde(default, rename = "match")]
    pub only: Option<Match>,
}

/// Which requests an answer is for.
#[derive(Clone, Debug, Deserialize)]
pub struct Match {
    /// The method, if it matters.
    #[serde(default)]
    pub method: Option<String>,
    /// How the path starts.
    #[serde(default)]
    pub path_prefix: String,
}

/// What the client gets: a body, chunks, an error, or chunks and an error.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Outcome {
    /// The status, if not 200.
    #[serde(default)]
    pub status: Option<u16>,
    /// A whole answer.
    #[serde(default)]
    pub body: Option<Value>,
    /// A stream.
    #[serde(default)]
    pub chunks: Option<Vec<Value>>,
    /// A failure.
    #[serde(default)]
    pub error: Option<Failure>,
}

/// A failure as LiteLLM's SDK raises it.
#[derive(Clone, Debug, Default, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Failure {
    #[serde(default)]
    pub class: String,
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default, rename = "type")]
    pub type_: Option<Value>,
    #[serde(default)]
    pub code: Option<Value>,
    #[serde(default)]
    pub message: String,
}

/// What LiteLLM's proxy did, where it was recorded.
#[derive(Clone, Debug, Deserialize)]
pub struct Proxy {
    /// Its answer.
    #[serde(default)]
    pub response: Option<Seen>,
    /// Where its upstream requests differ from those of the SDK.
    #[serde(default)]
    pub upstream_differs: Vec<Value>,
}

/// An answer of LiteLLM's proxy.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Seen {
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub body: Option<Value>,
    #[serde(default)]
    pub chunks: Option<Vec<Value>>,
}

/// What a call costs.
#[derive(Clone, Debug, Deserialize)]
pub struct Cost {
    /// Dollars.
    #[serde(default)]
    pub response_cost: Option<f64>,
    /// What the spend log got.
    #[serde(default)]
    pub logged: Option<Map<String, Value>>,
}

/// Which cases to run. Lists are comma-separated; an empty one means all.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Filter {
    pub provider: String,
    pub surface: String,
    pub kind: String,
    /// Globs.
    pub id: String,
}

/// Reads all cases below a folder, in the order of their files' names.
///
/// # Errors
/// A file cannot be read, or is no case.
pub fn load(folder: &Path, filter: &Filter) -> Result<Vec<Case>> {
    let mut files = Vec::new();
    collect(folder, &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let case: Case = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
        if filter.wants(&case) {
            cases.push(case);
        }
    }
    Ok(cases)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

impl Filter {
    fn wants(&self, case: &Case) -> bool {
        let listed = |value: &str, list: &str| list.is_empty() || list.split(',').any(|one| one == value);
        listed(&case.provider, &self.provider)
            && listed(&case.surface, &self.surface)
            && listed(&case.kind, &self.kind)
            && (self.id.is_empty()
                || self.id.split(',').any(|glob| matches(glob.as_bytes(), case.id.as_bytes())))
    }
}

/// Whether the text matches a pattern with `*` and `?`.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches(rest, text) || text.split_first().is_some_and(|(_, tail)| matches(pattern, tail))
        }
        (Some((b'?', rest)), Some((_, tail))) => matches(rest, tail),
        (Some((a, rest)), Some((b, tail))) if a == b => matches(rest, tail),
        _ => false,
    }
}

impl Case {
    /// The public model name that the client asks for.
    pub fn public_model(&self) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        self.id.chars().map(keep).collect()
    }

    /// The engine of a search.
    pub fn search_provider(&self) -> Option<&str> {
        self.litellm_params.get("search_provider").filter(|_| self.surface == "search")?.as_str()
    }

    /// Why the case has no truth to hold a gateway to, or goes beyond the gateway's HTTP API.
    pub fn skip(&self) -> Option<&'static str> {
        let known = ["model", "text", "messages", "tools"];
        if self.surface == "token_counter" && self.request.keys().any(|key| !known.contains(&key.as_str())) {
            return Some("needs an option that the HTTP endpoint does not have");
        }
        let tools = self.request.get("usage").and_then(|usage| usage.get("server_tool_use"));
        if self.surface == "cost" && tools.is_some() {
            return Some("the recorded figure leaves out built-in tools");
        }
        for differs in self.proxy.iter().flat_map(|proxy| &proxy.upstream_differs) {
            let path = differs["path"].as_str().unwrap_or("");
            let calls = path == "$.upstream.length" && differs["sdk"] == serde_json::json!([]);
            if calls || path.ends_with("body.stream") && differs["proxy"] == Value::Bool(true) {
                return Some("LiteLLM's SDK and proxy disagree on whether to call or to stream");
            }
        }
        None
    }

    /// The deployment's parameters, with keys that were made for tests in the place of their placeholders.
    pub(crate) fn params(&self) -> Value {
        map_strings(&Value::Object(self.litellm_params.clone()), &|text| match text {
            "{{GCP_SA_JSON}}" => jwt::service_account(&format!("{MOCK}/token"), self.key_id()),
            "{{OCI_TEST_KEY}}" => jwt::KEY.to_owned(),
            _ => filled(text),
        })
    }

    /// The name of its service account's key.
    fn key_id(&self) -> &str {
        let bodies = self.upstream.iter().filter_map(|step| step.expect.body.as_ref());
        let mut ids = bodies.filter_map(|body| body.pointer("/$form/assertion/$jwt/header/kid")?.as_str());
        ids.next().unwrap_or("k1")
    }

    /// Whether nothing of the case goes upstream: a function of the gateway itself.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.surface.as_str(), "token_counter" | "cost")
    }

    /// Whether the answer is a stream.
    pub(crate) fn streams(&self) -> bool {
        self.result.chunks.is_some()
    }
}

/// Puts the mock's address in the place of its placeholders.
pub(crate) fn fill(value: &Value) -> Value {
    map_strings(value, &filled)
}

fn filled(text: &str) -> String {
    text.replace("{{MOCK}}", MOCK).replace("{{MOCK_HOST}}", MOCK_HOST)
}

/// Puts the placeholders back.
pub(crate) fn unfill(value: &Value) -> Value {
    map_strings(value, &|text| text.replace(MOCK, "{{MOCK}}").replace(MOCK_HOST, "{{MOCK_HOST}}"))
}

fn map_strings(value: &Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(list) => Value::Array(list.iter().map(|one| map_strings(one, change)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, one)| (change(key), map_strings(one, change))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (glob, good) in [("openai.*", true), ("*tools", true), ("o?enai.tools", true), ("openai", false)]
        {
            assert_eq!(matches(glob.as_bytes(), b"openai.tools"), good, "{glob}");
        }
    }
}
