//! SCH-4: odd histories are accepted or refused as the provider itself would: by its published rules, which stand here
//! a second time.

use std::collections::BTreeSet;

use lockgate_tests::grid::{self, Client, Scene, Site, clients};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Oddity {
    /// Calls and results, but no tools any more.
    NoTools,
    /// A result without its call.
    Orphan,
    /// The user speaks twice.
    Users,
    /// The model speaks twice.
    Assistants,
    /// The user says nothing.
    Empty,
    /// The model's answer is begun for it.
    Prefill,
}

const ODDITIES: [Oddity; 6] =
    [Oddity::NoTools, Oddity::Orphan, Oddity::Users, Oddity::Assistants, Oddity::Empty, Oddity::Prefill];

/// The member with the conversation.
fn turns(client: &Client) -> &'static str {
    match client.surface {
        "responses" => "input",
        "gemini" => "contents",
        _ => "messages",
    }
}

/// One message in the words of the surface.
fn turn(client: &Client, user: bool, text: &str) -> Value {
    let role = if user { "user" } else { "assistant" };
    match client.surface {
        "gemini" => json!({"role": if user { "user" } else { "model" }, "parts": [{"text": text}]}),
        "bedrock" => json!({"role": role, "content": [{"text": text}]}),
        _ => json!({"role": role, "content": text}),
    }
}

fn request(client: &Client, oddity: Oddity) -> Value {
    let mut body = client.request(Scene::Results);
    let conversation = |turns: &[(bool, &str)]| -> Value {
        turns.iter().map(|(user, text)| turn(client, *user, text)).collect()
    };
    let told = match oddity {
        Oddity::NoTools => {
            for member in ["tools", "toolConfig"] {
                body.as_object_mut().unwrap().remove(member);
            }
            return body;
        }
        Oddity::Orphan => {
            let list = body[turns(client)].as_array_mut().unwrap();
            list.retain(|own| {
                let said = own.to_string();
                !["\"function_call\"", "\"tool_calls\"", "\"tool_use\"", "\"functionCall\"", "\"toolUse\""]
                    .iter()
                    .any(|word| said.contains(word))
            });
            return body;
        }
        Oddity::Users => conversation(&[(true, "One."), (true, "Two.")]),
        Oddity::Assistants => {
            conversation(&[(true, "One."), (false, "Two."), (false, "Three."), (true, "Four.")])
        }
        Oddity::Empty => conversation(&[(true, "")]),
        Oddity::Prefill => conversation(&[(true, "One."), (false, "Two")]),
    };
    body[turns(client)] = told;
    for member in ["tools", "toolConfig"] {
        body.as_object_mut().unwrap().remove(member);
    }
    body
}

/// The formats whose rules are known here.
const JUDGED: [&str; 6] = [
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "gemini.generate_content",
    "cohere.chat",
    "bedrock.converse",
];

/// What a provider says of a body, by its published rules.
fn provider(format: &str, body: &Value) -> Result<(), String> {
    let said = ["messages", "input", "contents"].into_iter().find_map(|name| body[name].as_array());
    need(said.is_some_and(|said| !said.is_empty()), "at least one message is required")?;
    match format {
        "openai.chat" => chat(body, false),
        "cohere.chat" => chat(body, true),
        "openai.responses" => responses(body),
        "anthropic.messages" => anthropic(body),
        "gemini.generate_content" => gemini(body),
        "bedrock.converse" => converse(body),
        _ => Ok(()),
    }
}

fn list<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value[member].as_array().into_iter().flatten()
}

fn need(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

/// OpenAI: a message of a tool answers a call of the message before; every call is answered. Cohere says the same, and
/// wants the user to say something.
fn chat(body: &Value, cohere: bool) -> Result<(), String> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for message in list(body, "messages") {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            need(
                open.remove(id),
                "messages with role 'tool' must be a response to a preceding 'tool_calls'",
            )?;
            continue;
        }
        need(open.is_empty(), "'tool_calls' must be followed by tool messages")?;
        open.extend(list(message, "tool_calls").filter_map(|call| call["id"].as_str()));
        let says = !matches!(&message["content"], Value::Null) || !open.is_empty();
        need(says, "a message without content")?;
        need(!cohere || message["content"] != "", "a message must be at least 1 token long")?;
    }
    need(open.is_empty(), "'tool_calls' must be followed by tool messages")
}

fn responses(body: &Value) -> Result<(), String> {
    let mut calls = BTreeSet::new();
    for item in list(body, "input") {
        if item["type"] == "function_call" {
            calls.insert(item["call_id"].to_string());
        }
        let answered = item["type"] != "function_call_output" || calls.contains(&item["call_id"].to_string());
        need(answered, "no tool call found for function call output")?;
    }
    Ok(())
}

/// A conversation of blocks: in which member a call, a result and a text are.
fn blocks(
    body: &Value,
    call: impl Fn(&Value) -> Option<String>,
    result: impl Fn(&Value) -> Option<String>,
    has_tools: bool,
) -> Result<(), String> {
    let mut open: BTreeSet<String> = BTreeSet::new();
    for message in list(body, "messages") {
        let results: Vec<String> = list(message, "content").filter_map(&result).collect();
        for id in &results {
            need(open.remove(id), "a result without a call in the message before")?;
        }
        need(open.is_empty(), "a call without a result right after it")?;
        open = list(message, "content").filter_map(&call).collect();
        need(has_tools || results.is_empty() && open.is_empty(), "calls and results need tools")?;
        for block in list(message, "content") {
            let blank = block.get("text").and_then(Value::as_str).is_some_and(|text| text.trim().is_empty());
            need(!blank, "a text is blank")?;
        }
        need(message["content"] != "", "a message without content")?;
    }
    Ok(())
}

fn anthropic(body: &Value) -> Result<(), String> {
    let id = |block: &Value, kind: &str, member: &str| {
        Some(block).filter(|block| block["type"] == kind).map(|block| block[member].to_string())
    };
    let has_tools = list(body, "tools").count() > 0;
    blocks(
        body,
        |block| id(block, "tool_use", "id"),
        |block| id(block, "tool_result", "tool_use_id"),
        has_tools,
    )
}

fn converse(body: &Value) -> Result<(), String> {
    let id = |block: &Value, kind: &str| block.get(kind).map(|inner| inner["toolUseId"].to_string());
    let has_tools = list(&body["toolConfig"], "tools").count() > 0;
    blocks(body, |block| id(block, "toolUse"), |block| id(block, "toolResult"), has_tools)?;
    let roles: Vec<&Value> = list(body, "messages").map(|message| &message["role"]).collect();
    need(roles.windows(2).all(|pair| pair[0] != pair[1]), "roles must alternate between user and assistant")
}

fn gemini(body: &Value) -> Result<(), String> {
    let mut open = 0;
    for turn in list(body, "contents") {
        let results = list(turn, "parts").filter(|part| part.get("functionResponse").is_some()).count();
        need(
            results == open,
            "a function response turn comes right after a function call turn, one for each call",
        )?;
        open = list(turn, "parts").filter(|part| part.get("functionCall").is_some()).count();
        need(list(turn, "parts").count() > 0, "a turn without parts")?;
        let blank = |part: &Value| part.get("text").is_some_and(|text| text == "");
        need(!list(turn, "parts").any(blank), "an empty text parameter")?;
    }
    Ok(())
}

/// Whether the provider's API takes the history when it is said in another surface's words. A history that a client says
/// in the provider's own words is sent as it is.
fn is_taken(format: &str, oddity: Oddity) -> bool {
    match oddity {
        // OpenAI takes it; Anthropic and Bedrock are told that nothing was said, as their APIs take no empty text.
        Oddity::Empty => {
            matches!(format, "openai.chat" | "openai.responses" | "anthropic.messages" | "bedrock.converse")
        }
        Oddity::Orphan => false,
        // The others are joined, or get a tool that stands for those of the history, where the API wants that.
        _ => true,
    }
}

/// Who refuses it and why; nothing if it is accepted.
fn refusal(client: &Client, site: &Site, oddity: Oddity) -> Option<String> {
    let body = request(client, oddity);
    let refused = |error: &lockgate_core::Error| {
        assert_eq!(error.kind().status(), 400, "{}", error.message());
        assert!(error.message().len() > 20, "not clear: {}", error.message());
        Some(format!("the gateway: {}", error.message()))
    };
    let call = match grid::call(client, &body, false) {
        Ok(call) => call,
        Err(error) => return refused(&error),
    };
    match grid::prepare(&call, &site.deployment) {
        Err(error) => refused(&error),
        Ok((encoded, sent)) => {
            let sent: Value = serde_json::from_str(&sent).unwrap_or_default();
            if encoded.relay {
                let told = turns(client);
                assert_eq!(sent[told], body[told], "{} over {} is not relayed", client.surface, site.name);
            }
            provider(encoded.format.0, &sent).err().map(|why| format!("the provider: {why}"))
        }
    }
}

#[test]
fn odd_histories_fare_as_with_the_provider() {
    let mut judged = 0;
    for site in &grid::sites() {
        for client in clients() {
            let call = grid::call(client, &client.request(Scene::Results), false).unwrap();
            let Ok((encoded, sent)) = grid::prepare(&call, &site.deployment) else { continue };
            let format = encoded.format.0;
            // GigaChat has words of its own for calls and results.
            if !JUDGED.contains(&format) || site.name.starts_with("gigachat") {
                continue;
            }
            let sent = serde_json::from_str(&sent).unwrap();
            assert_eq!(
                provider(format, &sent),
                Ok(()),
                "{} over {}: a good history",
                client.surface,
                site.name
            );
            for oddity in ODDITIES {
                let why = refusal(client, site, oddity);
                judged += 1;
                if encoded.relay {
                    continue;
                }
                let place = format!("{oddity:?}, {} over {} ({format})", client.surface, site.name);
                assert_eq!(why.is_none(), is_taken(format, oddity), "{place}: {why:?}");
            }
        }
    }
    assert!(judged > 1000, "only {judged}");
}

/// What the rules refuse is refused: the rules are no formality.
#[test]
fn the_rules_refuse() {
    let clients = clients();
    let formats = [
        ("openai", "openai.chat", 1),
        ("responses", "openai.responses", 1),
        ("anthropic", "anthropic.messages", 3),
        ("gemini", "gemini.generate_content", 2),
        ("cohere", "cohere.chat", 2),
        ("bedrock", "bedrock.converse", 5),
    ];
    for (surface, format, refused) in formats {
        let client = clients.iter().find(|client| client.surface == surface).unwrap();
        assert_eq!(provider(format, &client.request(Scene::Results)), Ok(()));
        let count = ODDITIES.iter().filter(|oddity| provider(format, &request(client, **oddity)).is_err());
        assert_eq!(count.count(), refused, "{surface}");
    }
}
