//! Comparing what the client got.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::golden::{
    Case,
    case::{Failure, Outcome, unfill},
    cost::near,
    diff::Diffs,
    error,
    json::{Volatile, empty},
    messages, object, responses,
    run::Answer,
    sse, stream,
};

/// Two witnesses: LiteLLM's SDK and, where recorded, its proxy. A successful answer that matches either is right;
/// errors are held to the SDK's.
pub(crate) fn check(case: &Case, answer: &Answer, out: &mut Diffs) {
    let mut first = Diffs::new(super::Verdict::Answer);
    check_with(case, &case.result, answer, &mut first);
    if !first.is_empty()
        && let Some(other) = second_witness(case)
    {
        let mut second = Diffs::new(super::Verdict::Answer);
        check_with(case, &other, answer, &mut second);
        if second.is_empty() {
            return;
        }
    }
    out.list.extend(first.list);
}

fn second_witness(case: &Case) -> Option<Outcome> {
    let seen = case.proxy.as_ref()?.response.as_ref()?;
    let usable = seen.status == Some(200)
        && case.result.error.is_none()
        && seen.chunks.is_some() == case.result.chunks.is_some();
    let chunks = seen.chunks.as_ref().map(|chunks| {
        chunks.iter().filter(|chunk| chunk.get("data") != Some(&json!("[DONE]"))).cloned().collect()
    });
    usable.then(|| Outcome { status: Some(200), body: seen.body.clone(), chunks, error: None })
}

fn check_with(case: &Case, expected: &Outcome, answer: &Answer, out: &mut Diffs) {
    if case.is_local() {
        return check_local(case, expected, answer, out);
    }
    if let Some(chunks) = &expected.chunks {
        return check_stream(case, expected, chunks, answer, out);
    }
    if let Some(failure) = &expected.error {
        let error = error::of(answer);
        return error::check(case, failure, answer.status, error.as_ref(), answer, false, out);
    }
    let want = expected.status.unwrap_or(200);
    if answer.status != want {
        out.add("$.result.status", want.to_string(), format!("{}: {}", answer.status, answer.text()));
        return;
    }
    let body = expected.body.as_ref().unwrap_or(&Value::Null);
    if let Some(Value::String(binary)) = body.get("$base64") {
        let binary = STANDARD.decode(binary).unwrap_or_default();
        if binary != answer.body {
            out.add("$.result.body", format!("{} bytes", binary.len()), answer.text());
        }
        return;
    }
    let mut got = serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(answer.text()));
    if case.surface == "audio_transcription" && body.is_object() && got.is_string() {
        // Text formats are answered as plain text; LiteLLM's SDK wraps it.
        let text = std::mem::replace(&mut got, body.clone());
        got["text"] = text;
    }
    object::check(case, body, &unfill(&got), "$.result.body", &Volatile::new(&case.volatile), out);
}

/// Token counts and prices: functions of the gateway itself.
fn check_local(case: &Case, expected: &Outcome, answer: &Answer, out: &mut Diffs) {
    if expected.error.is_some() {
        if answer.status < 400 {
            out.add("$.result.status", "an error", answer.status.to_string());
        }
        return;
    }
    if answer.status != 200 {
        out.add("$.result.status", "200", format!("{}: {}", answer.status, answer.text()));
        return;
    }
    let got: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let body = expected.body.as_ref().unwrap_or(&Value::Null);
    if case.surface == "token_counter" {
        if got["total_tokens"] != body["tokens"] {
            out.values("$.result.body.total_tokens", body.get("tokens"), got.get("total_tokens"));
        }
        return;
    }
    let parts: Vec<&Value> = match body {
        Value::Array(parts) => parts.iter().collect(),
        _ => vec![&body["prompt_cost"], &body["completion_cost"]],
    };
    let want: f64 = parts.into_iter().filter_map(Value::as_f64).sum();
    if !got["cost"].as_f64().is_some_and(|cost| near(cost, want)) {
        out.add("$.result.body.cost", want.to_string(), got["cost"].to_string());
    }
}

/// The data of recorded events.
pub(crate) fn plain_events(chunks: &[Value]) -> Vec<Value> {
    let wrapped = |chunk: &Value| {
        chunk.as_object().is_some_and(|map| {
            map.contains_key("data") && map.keys().all(|key| matches!(key.as_str(), "event" | "data"))
        })
    };
    chunks.iter().map(|chunk| if wrapped(chunk) { chunk["data"].clone() } else { chunk.clone() }).collect()
}

fn check_stream(case: &Case, expected: &Outcome, chunks: &[Value], answer: &Answer, out: &mut Diffs) {
    let mut recorded = plain_events(chunks);
    // An error event that LiteLLM passed on as it came.
    let told = recorded.iter().rev().find(|event| event["type"] == "error").cloned();
    recorded.retain(|event| event["type"] != "error");
    let failure = expected.error.clone().or_else(|| told.as_ref().map(passed_on));
    if answer.status != 200 || !answer.content_type.contains("event-stream") {
        match failure {
            Some(failure) if !said_something(case, &recorded) => {
                let error = error::of(answer);
                error::check(case, &failure, answer.status, error.as_ref(), answer, false, out);
            }
            _ => {
                let got = format!("{} {}: {}", answer.status, answer.content_type, answer.text());
                out.add("$.result.status", "200 text/event-stream", got);
            }
        }
        return;
    }
    let mut read = sse::read(&answer.body);
    for data in std::mem::take(&mut read.broken) {
        out.add("$.result.chunks", "JSON in every data line", data);
    }
    let failing = failure.is_some();
    let is_error = |event: &Value| {
        (failing && event["type"] == "response.failed")
            || matches!(event.get("error"), Some(Value::Object(_) | Value::String(_)))
            || event["type"] == "error"
    };
    let (errors, events): (Vec<_>, Vec<_>) = read.events.into_iter().partition(|(_, event)| is_error(event));
    let (names, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    check_ending(case, failure.as_ref(), errors.last().map(|(_, event)| event), answer, out);
    let mut made = Rebuilt::of(case, &recorded, &events, failure.is_some(), out);
    let volatile = inner_volatile(case);
    if case.surface == "responses" {
        let (expected, got) = (made.expected["response"].take(), made.got["response"].take());
        object::check(case, &expected, &got, "$.result.message.response", &volatile, out);
    }
    object::check(case, &made.expected, &made.got, "$.result.message", &volatile, out);
    if failure.is_none() {
        let (bad, known) = match case.surface.as_str() {
            "messages" => (messages::faults(&events, &names), messages::faults(&recorded, &[])),
            "responses" => {
                (responses::faults(&events, &names, &recorded), responses::faults(&recorded, &[], &[]))
            }
            surface => {
                let completion = surface == "completions";
                (stream::faults(&events, read.done, completion), stream::faults(&recorded, true, completion))
            }
        };
        // A fault that LiteLLM's own stream has is not held against others.
        for fault in bad.into_iter().filter(|fault| !known.contains(fault)) {
            out.add("$.result.protocol", "a well-formed stream", fault);
        }
    }
}

fn passed_on(event: &Value) -> Failure {
    let error = &event["error"];
    Failure {
        class: String::new(),
        status: Some(500),
        type_: error.get("type").cloned(),
        code: error.get("code").cloned(),
        message: error["message"].as_str().unwrap_or("").to_owned(),
    }
}

fn said_something(case: &Case, recorded: &[Value]) -> bool {
    if case.surface != "chat" {
        return !recorded.is_empty();
    }
    let message = stream::rebuild(recorded);
    let choices = message.get("choices").and_then(Value::as_object).into_iter().flat_map(|map| map.values());
    choices.into_iter().any(|choice| {
        ["content", "tool_calls", "reasoning_content"].into_iter().any(|key| !empty(&choice[key]))
    })
}

fn check_ending(
    case: &Case,
    failure: Option<&Failure>,
    error: Option<&Value>,
    answer: &Answer,
    out: &mut Diffs,
) {
    match (failure, error) {
        (None, None) => {}
        (None, Some(error)) => out.add("$.result.chunks", "no error event", error.to_string()),
        (Some(_), None) => {
            out.add(
                "$.result.error",
                "an error event that ends the stream",
                "the stream ended as if all were well",
            );
        }
        (Some(failure), Some(event)) => {
            let inner = &event["response"]["error"];
            let error = match if inner.is_object() { inner } else { &event["error"] } {
                whole @ Value::Object(_) => whole.clone(),
                Value::String(text) => json!({"message": text}),
                _ => event.clone(),
            };
            let code = match &error["code"] {
                Value::Number(code) => code.as_u64(),
                Value::String(code) => code.parse().ok(),
                _ => None,
            };
            let status = code.and_then(|code| u16::try_from(code).ok()).or(failure.status).unwrap_or(500);
            error::check(case, failure, status, Some(&error), answer, true, out);
        }
    }
    if answer.truncated {
        out.add("$.result.chunks", "a complete HTTP body", "the connection broke off");
    }
}

/// Both sides of a stream, put together.
struct Rebuilt {
    expected: Value,
    got: Value,
}

impl Rebuilt {
    fn of(case: &Case, recorded: &[Value], events: &[Value], failing: bool, out: &mut Diffs) -> Self {
        if case.surface == "messages" {
            let (mut expected, mut got) = (messages::rebuild(recorded), messages::rebuild(events));
            forget_block_ids(case, &mut expected, &mut got, out);
            return Self { expected: expected.into(), got: got.into() };
        }
        if case.surface == "responses" {
            let (mut expected, mut got) = (responses::rebuild(recorded), responses::rebuild(events));
            responses::forget_ids(case, &mut expected);
            responses::forget_ids(case, &mut got);
            return Self { expected: expected.into(), got: got.into() };
        }
        let (mut expected, mut got) = (stream::rebuild(recorded), stream::rebuild(events));
        if failing {
            expected.remove("usage");
            got.remove("usage");
        }
        trust_the_log(case, &mut expected, &got);
        forget_call_ids(case, &mut expected, &mut got, out);
        Self { expected: expected.into(), got: got.into() }
    }
}

/// What LiteLLM logged may be truer than what it streamed.
fn trust_the_log(case: &Case, expected: &mut Map<String, Value>, got: &Map<String, Value>) {
    let Some(logged) = case.cost.as_ref().and_then(|cost| cost.logged.as_ref()) else { return };
    let (Some(Value::Object(usage)), Some(got)) = (expected.get_mut("usage"), got.get("usage")) else {
        return;
    };
    let counts = ["prompt_tokens", "completion_tokens", "total_tokens"];
    if counts.iter().all(|count| logged.get(*count) == got.get(*count)) {
        for count in counts {
            usage.insert(count.to_owned(), got[count].clone());
        }
    }
}

/// Ids that LiteLLM makes up must only be there and differ from each other.
fn forget_call_ids(
    case: &Case,
    expected: &mut Map<String, Value>,
    got: &mut Map<String, Value>,
    out: &mut Diffs,
) {
    if !case.volatile.iter().any(|path| path.contains(".tool_calls") && path.ends_with(".id")) {
        return;
    }
    for (index, choice) in object::object(got, "choices").iter() {
        let calls = choice["tool_calls"].as_object().into_iter().flatten();
        check_ids(
            calls.map(|(_, call)| &call["id"]),
            &format!("$.result.message.choices.{index}.tool_calls"),
            out,
        );
    }
    for message in [expected, got] {
        for choice in object::object(message, "choices").values_mut() {
            for call in choice["tool_calls"].as_object_mut().into_iter().flat_map(|calls| calls.values_mut())
            {
                call["id"] = json!("");
            }
        }
    }
}

fn forget_block_ids(
    case: &Case,
    expected: &mut Map<String, Value>,
    got: &mut Map<String, Value>,
    out: &mut Diffs,
) {
    if !case.volatile.iter().any(|path| path.ends_with("content_block.id")) {
        return;
    }
    let blocks = object::object(got, "content").values().filter(|block| block["type"] == "tool_use");
    check_ids(blocks.map(|block| &block["id"]), "$.result.message.content", out);
    for message in [expected, got] {
        for block in object::object(message, "content").values_mut().filter_map(Value::as_object_mut) {
            block.remove("id");
        }
    }
}

fn check_ids<'a>(ids: impl Iterator<Item = &'a Value>, path: &str, out: &mut Diffs) {
    let ids: Vec<&str> = ids.map(|id| id.as_str().unwrap_or("")).collect();
    let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
    if ids.contains(&"") || distinct.len() != ids.len() {
        out.add(path, "an id of its own for each tool call", format!("{ids:?}"));
    }
}

/// The case's volatile paths of chunks, as paths inside a message put together from them.
fn inner_volatile(case: &Case) -> Volatile {
    let mut volatile = Volatile::new(&case.volatile);
    for path in &case.volatile {
        let Some(tail) = path.strip_prefix("$.result.chunks[*]") else { continue };
        let tail = tail.strip_prefix(".data").unwrap_or(tail);
        let inner = tail.strip_prefix(".response").or_else(|| tail.strip_prefix(".message")).unwrap_or(tail);
        for root in ["$.result.message", "$.result.message.message", "$.result.message.response"] {
            volatile.push(format!("{root}{tail}"));
            volatile.push(format!("{root}{inner}"));
        }
    }
    volatile
}
