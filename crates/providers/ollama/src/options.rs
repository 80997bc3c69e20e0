//! Parameters: Ollama's `options`, and the few that stand at the top of the body.

use lockgate_core::{Attempt, Extra, Raw, hub::ChatRequest, wire::view};
use serde_json::value::RawValue;

use crate::wire::{raw, read, to_raw};

/// OpenAI's parameters that are taken, without those of streams.
pub(crate) const TAKEN: [&str; 13] = [
    "frequency_penalty",
    "functions",
    "max_completion_tokens",
    "max_tokens",
    "reasoning_effort",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_p",
];

/// Members that Ollama reads at the top of the body; all others are options.
const TOP_LEVEL: [&str; 10] =
    ["context", "format", "keep_alive", "raw", "shift", "suffix", "system", "template", "think", "truncate"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Format {
        kind as "type": Option<String>,
        json_schema: Option<Schema>,
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        schema: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Effort {
        effort: Option<String>,
        kind as "type": Option<String>,
    }
}

/// Writes `options` and what else the parameters become.
pub(crate) fn write(attempt: &Attempt<'_>, request: &ChatRequest, body: &mut Extra) {
    let mut options = Extra::new();
    let mut set = |name: &str, value: Option<Raw>| {
        if let Some(value) = value {
            options.push(name, value);
        }
    };
    set("temperature", request.temperature.as_ref().map(to_raw));
    set("top_p", request.top_p.as_ref().map(to_raw));
    set("top_k", request.top_k.as_ref().map(to_raw));
    set("seed", request.seed.as_ref().map(to_raw));
    set("frequency_penalty", request.frequency_penalty.as_ref().map(to_raw));
    // Ollama refuses a single string.
    set("stop", request.stop.as_ref().map(|stop| to_raw(stop.as_slice())));
    set("num_predict", request.max_output().as_ref().map(to_raw));
    if let Some(format) = request.response_format.as_deref().and_then(format) {
        body.push("format", format);
    }
    if let Some(think) = think(request, &attempt.target.model) {
        body.push("think", think);
    }
    own(&request.extra, &attempt.call.options.consumed, &mut options, body);
    body.push("options", to_raw(&options));
}

/// Puts members of Ollama's own where they belong.
pub(crate) fn own(given: &Extra, consumed: &[&str], options: &mut Extra, body: &mut Extra) {
    for (name, value) in given.iter() {
        if consumed.contains(&name) || value.get() == "null" {
            continue;
        }
        if TOP_LEVEL.contains(&name) {
            body.push(name, value.to_owned());
        } else if name == "options" {
            let members: Extra = read(value).unwrap_or_default();
            members.iter().for_each(|(name, value)| options.push(name, value.to_owned()));
        } else {
            options.push(name, value.to_owned());
        }
    }
}

/// `format`: a JSON schema, or any JSON.
fn format(wanted: &RawValue) -> Option<Raw> {
    let wanted: Format = read(wanted)?;
    match wanted.kind.as_deref()? {
        "json_object" => Some(wanted.schema.unwrap_or_else(|| raw("\"json\""))),
        "json_schema" => wanted.json_schema.and_then(|named| named.schema).or(wanted.schema),
        _ => None,
    }
}

/// `think`: on or off. Only gpt-oss knows levels, and other models are refused with one.
fn think(request: &ChatRequest, model: &str) -> Option<Raw> {
    if let Some(effort) = request.reasoning_effort.as_deref() {
        let effort = read::<String>(effort).or_else(|| read::<Effort>(effort)?.effort)?;
        let level = match effort.as_str() {
            "none" | "disable" => return Some(raw("false")),
            "minimal" | "low" => "\"low\"",
            "medium" => "\"medium\"",
            _ => "\"high\"",
        };
        let levels = model.rsplit('/').next().is_some_and(|name| name.starts_with("gpt-oss"));
        return Some(raw(if levels { level } else { "true" }));
    }
    let thinking = read::<Effort>(request.thinking.as_deref()?)?;
    match thinking.kind.as_deref()? {
        "enabled" | "adaptive" => Some(raw("true")),
        "disabled" => Some(raw("false")),
        _ => None,
    }
}
