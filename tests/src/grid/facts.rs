//! The meaning of requests and answers, as plain facts that can be compared.

use std::borrow::Cow;

use lockgate_core::{
    Error, Event, Operation, Reply, Result, Usage,
    hub::{ChatRequest, Content, Message, Request, ToolCall, ToolChoice},
    surface::Asked,
};
use serde_json::Value;

use super::{Scene, clients::DOT, drive::surface};

/// The facts of a scene that are not in an upstream's body.
///
/// # Errors
/// The body is not valid in its format: its own surface refuses it.
pub(super) fn missing(scene: Scene, format: &str, body: &str) -> std::result::Result<Vec<String>, String> {
    let judge = match format {
        "openai.chat" => Some("openai"),
        "anthropic.messages" => Some("anthropic"),
        "gemini.generate_content" | "gemini.generate_content_array" => Some("gemini"),
        "cohere.chat" => Some("cohere"),
        "openai.responses" => Some("responses"),
        "bedrock.converse" => Some("bedrock"),
        _ => None,
    };
    let body = &*plain(body);
    let Some(judge) = judge else {
        return Ok(words(scene).into_iter().filter(|word| !body.contains(word)).map(str::to_owned).collect());
    };
    let asked = Asked::of(Operation::Chat).model("m");
    let call = surface(judge).read(asked, http::HeaderMap::new(), body.to_owned().into());
    let call = call.map_err(|error| format!("refused by its own surface: {}", error.message()))?;
    let request =
        call.request().map_err(|error| format!("refused by its own surface: {}", error.message()))?;
    let Request::Chat(request) = request else { return Err("not a chat".to_owned()) };
    let found = of_request(request);
    Ok(expected(scene)
        .into_iter()
        .filter(|fact| !found.iter().any(|one| one == fact))
        .map(str::to_owned)
        .collect())
}

/// A form's text as it is meant; anything else as it is.
fn plain(body: &str) -> Cow<'_, str> {
    if body.starts_with('{') {
        return Cow::Borrowed(body);
    }
    Cow::Owned(body.replace('+', " ").replace("%3F", "?"))
}

/// What a body in a format without a judge must contain.
fn words(scene: Scene) -> Vec<&'static str> {
    match scene {
        Scene::Text => vec!["Be terse.", "Weather?", "100", "0.5"],
        Scene::Tools => vec!["Weather?", "get_weather", "\"city\""],
        Scene::Results => vec!["Weather?", "Paris", "Rome", "sunny", "rainy", "So?"],
        Scene::Image => vec!["What is it?", DOT],
        Scene::Schema => vec!["How many?", "population"],
        Scene::Thoughts => vec!["Weather?", "get_weather", "\"city\""],
    }
}

fn expected(scene: Scene) -> Vec<&'static str> {
    match scene {
        Scene::Text => {
            vec!["system: Be terse.", "user: Weather?", "limit: 100", "temperature: 0.5", "stop: END"]
        }
        Scene::Tools => vec!["user: Weather?", "tool: get_weather(city)", "choice: required", "limit: 100"],
        Scene::Results => vec![
            "user: Weather?",
            "says: I look.",
            "calls: get_weather {\"city\":\"Paris\"}",
            "calls: get_weather {\"city\":\"Rome\"}",
            "result: sunny",
            "result: rainy",
            "user: So?",
        ],
        Scene::Image => vec!["user: What is it?", "image"],
        Scene::Schema => vec!["user: How many?", "schema: population"],
        Scene::Thoughts => vec!["user: Weather?", "tool: get_weather(city)"],
    }
}

/// The facts of a request.
pub fn of_request(request: &ChatRequest) -> Vec<String> {
    let mut facts = Vec::new();
    for message in &request.messages {
        said(message, &mut facts);
    }
    for function in request.tools.iter().flatten().filter_map(|tool| tool.function.as_ref()) {
        let schema = function.parameters.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        facts.push(format!("tool: {}({})", function.name, properties(&schema.unwrap_or_default())));
        if function.name == "json_tool_call" || function.name == "response" {
            facts.push(format!(
                "schema: {}",
                properties(&parse(function.parameters.as_ref().map(|raw| raw.get())))
            ));
        }
    }
    match &request.tool_choice {
        Some(ToolChoice::Required) => facts.push("choice: required".to_owned()),
        Some(other) => facts.push(format!("choice: {other:?}")),
        None => {}
    }
    facts.extend(request.max_output().map(|limit| format!("limit: {limit}")));
    facts.extend(request.temperature.as_ref().map(|value| format!("temperature: {value}")));
    facts.extend(request.stop.iter().flat_map(|stop| stop.as_slice()).map(|stop| format!("stop: {stop}")));
    let format = parse(request.response_format.as_ref().map(|raw| raw.get()));
    let schema = format.pointer("/json_schema/schema").cloned().unwrap_or_default();
    if !schema.is_null() {
        facts.push(format!("schema: {}", properties(&schema)));
    }
    facts
}

fn said(message: &Message, facts: &mut Vec<String>) {
    let text = message.content.as_ref().map(Content::text).unwrap_or_default();
    let who = match message.role.as_str() {
        "system" | "developer" => "system",
        "tool" | "function" => "result",
        "assistant" => "says",
        _ => "user",
    };
    if !text.is_empty() {
        facts.push(format!("{who}: {}", if who == "result" { unwrapped(&text) } else { text }));
    }
    if let Some(plan) = message.reasoning_content.as_ref().filter(|_| who == "says") {
        // A plan before a call is what other formats say in the text.
        facts.push(format!("says: {plan}"));
    }
    if let Some(Content::Parts(parts)) = &message.content {
        let shown = parts
            .iter()
            .filter(|part| part.image_url.as_ref().is_some_and(|image| image.url().contains(DOT)));
        facts.extend(shown.map(|_| "image".to_owned()));
    }
    facts.extend(message.tool_calls.iter().flatten().map(called));
}

fn called(call: &ToolCall) -> String {
    let function = call.function.clone().unwrap_or_default();
    let arguments: Value = parse(function.arguments.as_deref());
    format!("calls: {} {arguments}", function.name.unwrap_or_default())
}

/// A result's text, out of the object that a format may want around it.
fn unwrapped(text: &str) -> String {
    let value: Value = parse(Some(text));
    let inner =
        value.as_object().filter(|object| object.len() == 1).and_then(|object| object.values().next());
    inner.and_then(Value::as_str).map_or_else(|| text.to_owned(), str::to_owned)
}

fn properties(schema: &Value) -> String {
    let properties = schema["properties"].as_object();
    properties.map(|members| members.keys().cloned().collect::<Vec<_>>().join(",")).unwrap_or_default()
}

fn parse(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The facts of a whole answer.
pub fn of_reply(reply: &Reply) -> Vec<String> {
    let Reply::Chat(reply) = reply else { return vec!["not a chat".to_owned()] };
    let mut facts = Vec::new();
    for choice in &reply.choices {
        let message = &choice.message;
        let text = message.content.as_ref().map(Content::text).unwrap_or_default();
        facts.push(format!("text: {text}"));
        facts.extend(message.reasoning_content.iter().map(|text| format!("reasoning: {text}")));
        facts.extend(message.tool_calls.iter().flatten().map(called));
        facts.extend(choice.finish.iter().map(|finish| format!("finish: {}", finish.as_str())));
    }
    for choice in &reply.choices {
        let ids = choice.message.tool_calls.iter().flatten().filter_map(|call| call.id.as_ref());
        facts.extend(ids.map(|id| format!("id: {id}")));
    }
    facts.extend(reply.usage.iter().flat_map(counts));
    facts
}

fn counts(usage: &Usage) -> Vec<String> {
    let parts = [("cached", usage.cache_read), ("written", usage.cache_write), ("thought", usage.reasoning)];
    let parts = parts.into_iter().filter_map(|(name, count)| Some(format!("{name}: {}", count?)));
    std::iter::once(format!("usage: {} {}", usage.input, usage.output)).chain(parts).collect()
}

/// The facts of a stream.
///
/// # Errors
/// The stream tells of a failure.
pub fn of_events(events: &[Event]) -> Result<Vec<String>> {
    let (mut text, mut reasoning, mut facts) = (String::new(), String::new(), Vec::new());
    let mut calls: Vec<(u32, String, String)> = Vec::new();
    for event in events {
        match event {
            Event::Text { text: piece, .. } => text.push_str(piece),
            Event::Reasoning { text: piece, .. } => reasoning.push_str(piece),
            Event::ToolStart { index, name, id, .. } => {
                facts.push(format!("id: {id}"));
                calls.push((*index, name.clone(), String::new()));
            }
            Event::ToolArguments { index, fragment, .. } => {
                if let Some((.., arguments)) = calls.iter_mut().find(|(own, ..)| own == index) {
                    arguments.push_str(fragment);
                }
            }
            Event::Finish { reason, .. } => facts.push(format!("finish: {}", reason.as_str())),
            Event::Usage(usage) => {
                facts.extend(counts(usage));
            }
            Event::Failure(error) => return Err(Error::invalid_response(error.message().to_owned())),
            _ => {}
        }
    }
    facts.push(format!("text: {text}"));
    facts.push(format!("reasoning: {reasoning}"));
    facts
        .extend(calls.iter().map(|(_, name, arguments)| format!("calls: {name} {}", parse(Some(arguments)))));
    Ok(facts)
}
