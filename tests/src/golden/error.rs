//! Comparing failures: the status, the provider's own words, the envelope.

use serde_json::{Value, json};

use crate::golden::{Case, case::Failure, diff::Diffs, run::Answer, sse};

/// Members whose text says what went wrong.
const TELLING: [&str; 10] = [
    "message",
    "detail",
    "error",
    "msg",
    "err_msg",
    "error_description",
    "reason",
    "title",
    "description",
    "errormessage",
];

/// The error object of an answer.
pub(crate) fn of(answer: &Answer) -> Option<Value> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    if body["error"].is_object() {
        return Some(body["error"].clone());
    }
    if let Some(detail) = body.get("detail") {
        return Some(json!({"message": detail.to_string()}));
    }
    body["message"].is_string().then_some(body)
}

/// Compares an error. `streamed`: it came as an event of a stream.
pub(crate) fn check(
    case: &Case,
    failure: &Failure,
    status: u16,
    error: Option<&Value>,
    answer: &Answer,
    streamed: bool,
    out: &mut Diffs,
) {
    let text = String::from_utf8_lossy(&answer.body);
    // The provider said 200, but its answer was no good.
    let want = failure.status.filter(|status| *status >= 400).unwrap_or(500);
    if status != want && !(streamed && status >= 500 && want >= 500) {
        out.add("$.result.status", want.to_string(), format!("{status}: {text}"));
    }
    let Some(error) = error else {
        out.add("$.result.error", "an error object in the client's wire format", text);
        return;
    };
    let Some(message) = error["message"].as_str().filter(|message| !message.trim().is_empty()) else {
        out.add("$.result.error.message", "a message", error["message"].to_string());
        return;
    };
    check_message(case, failure, message, out);
    if streamed && case.surface == "responses" {
        // Failures of this API have a code of their own and no type.
        return;
    }
    check_type(case, failure, want, error, out);
    let messages = case.surface == "messages";
    if messages && !streamed {
        let kind = serde_json::from_slice::<Value>(&answer.body).map(|body| body["type"].clone());
        if kind.as_ref().ok() != Some(&json!("error")) {
            out.add("$.result.type", "error", format!("{kind:?}"));
        }
    }
    if streamed || messages && error.get("code").is_none() {
        return;
    }
    let code = plain(&error["code"]);
    let recorded = failure.code.as_ref().map_or_else(|| want.to_string(), plain);
    if code != want.to_string() && code != recorded {
        out.add("$.result.error.code", format!("{want} or {recorded}"), code);
    }
}

fn check_message(case: &Case, failure: &Failure, message: &str, out: &mut Diffs) {
    let path = "$.result.error.message";
    if failure.class == "UnsupportedParamsError" {
        for name in unsupported(&failure.message) {
            if !message.contains(name) {
                out.add(path, format!("names the parameter {name:?}"), message);
            }
        }
        return;
    }
    let said = provider_messages(case);
    let squeezed = squeeze(message);
    let told = |said: &String| squeezed.contains(&squeeze(said).chars().take(120).collect::<String>());
    if !said.is_empty() && !said.iter().any(told) {
        out.add(path, format!("contains the provider's message {:?}", said[0]), message);
    }
}

/// The parameters that a refusal names.
fn unsupported(message: &str) -> Vec<&str> {
    let list =
        message.split_once("does not support parameters: [").and_then(|(_, rest)| rest.split_once(']'));
    list.map_or_else(Vec::new, |(list, _)| list.split('\'').skip(1).step_by(2).collect())
}

fn check_type(case: &Case, failure: &Failure, status: u16, error: &Value, out: &mut Diffs) {
    let mut good: Vec<String> = types(status).iter().map(|name| (*name).to_owned()).collect();
    good.extend(failure.type_.as_ref().filter(|it| !it.is_null()).map(plain));
    let kind = &error["type"];
    let recorded = recorded(case).map(|error| plain(&error["type"]));
    let fits = kind.as_str().is_some_and(|kind| good.iter().any(|one| one == kind));
    if !fits && recorded != Some(plain(kind)) {
        out.add("$.result.error.type", good.join(" or "), kind.to_string());
    }
}

/// What LiteLLM's proxy calls an error of this status, in OpenAI's and in Anthropic's words.
fn types(status: u16) -> &'static [&'static str] {
    match status {
        401 => &["authentication_error"],
        403 => &["permission_error"],
        404 => &["not_found_error", "invalid_request_error"],
        408 => &["timeout_error", "invalid_request_error"],
        429 => &["throttling_error", "rate_limit_error"],
        ..500 => &["invalid_request_error"],
        _ => &["internal_server_error", "api_error", "overloaded_error", "timeout_error"],
    }
}

/// The error object that LiteLLM's own proxy sent.
fn recorded(case: &Case) -> Option<Value> {
    let seen = case.proxy.as_ref()?.response.as_ref()?;
    let chunks = seen.chunks.iter().flatten().map(|chunk| chunk.get("data").unwrap_or(chunk));
    let mut all = seen.body.iter().chain(chunks);
    all.find(|body| body["error"].is_object()).map(|body| body["error"].clone())
}

/// What the provider said went wrong: one of these must be in the client's message.
fn provider_messages(case: &Case) -> Vec<String> {
    for respond in case.upstream.iter().rev().filter_map(|step| step.respond.as_ref()) {
        if respond.status >= 400 {
            return match &respond.body {
                Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                    Ok(body) => telling(&body),
                    Err(_) if text.trim().is_empty() || text.trim_start().starts_with('<') => Vec::new(),
                    Err(_) => vec![text.trim().chars().take(60).collect()],
                },
                Some(body) => telling(body),
                None => Vec::new(),
            };
        }
        // An error event in the midst of a stream.
        for chunk in respond.chunks.iter().flatten().filter_map(Value::as_str) {
            if !chunk.contains("\"error\"") {
                continue;
            }
            for (_, data) in sse::split(chunk.as_bytes()) {
                if let Ok(body) = serde_json::from_str::<Value>(&data) {
                    return telling(&body);
                }
            }
        }
    }
    Vec::new()
}

fn telling(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if TELLING.contains(&key.to_lowercase().as_str()) => vec![text.clone()],
                other => telling(other),
            })
            .filter(|text| !text.trim().is_empty())
            .collect(),
        Value::Array(list) => list.iter().flat_map(telling).collect(),
        _ => Vec::new(),
    }
}

fn squeeze(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace() && !"\\\"'".contains(*c)).collect()
}

/// A value as text, without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_a_refusal() {
        let text =
            "litellm.UnsupportedParamsError: x does not support parameters: ['a', 'b'], for model=y. ['c']";
        assert_eq!(unsupported(text), ["a", "b"]);
    }
}
