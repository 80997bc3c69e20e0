//! STR-5: what the bytes of a client's stream must look like, surface by surface, as a state machine of its own: it
//! shares nothing with the encoders.

mod anthropic;
mod cohere;
mod converse;
mod gemini;
mod openai;
mod responses;

use serde_json::Value;

/// What a stream came to.
#[derive(Clone, Debug, Default)]
pub struct Ending {
    /// Whether it ended as its protocol demands.
    pub finished: bool,
    /// What the client was told if it did not.
    pub error: Option<Value>,
    /// The usage that it gave.
    pub usage: Option<Value>,
    /// All text of the first answer.
    pub text: String,
    /// Tool calls: id and joined arguments. Gemini's calls have no id: their names stand for it.
    pub tools: Vec<(String, String)>,
    /// The whole answer as a client puts it together, in the form of the surface's whole answers.
    pub answer: Value,
}

/// Reads a stream of that surface: `openai` (chat completions), `responses`, `anthropic` (messages), `gemini`, `cohere`
/// (v2), `bedrock` (Converse).
///
/// # Errors
/// What breaks the protocol, and where.
pub fn read(surface: &str, stream: impl AsRef<[u8]>) -> Result<Ending, String> {
    let bytes = stream.as_ref();
    let text = || std::str::from_utf8(bytes).map_err(|why| format!("the stream is no text: {why}"));
    match surface {
        "openai" => openai::read(text()?),
        "responses" => responses::read(text()?),
        "anthropic" => anthropic::read(text()?),
        "gemini" => gemini::read(text()?),
        "cohere" => cohere::read(text()?),
        "bedrock" => converse::read(bytes),
        other => Err(format!("no grammar is known for {other}")),
    }
}

/// As [`read`], and panics if the protocol is broken.
pub fn check(surface: &str, stream: impl AsRef<[u8]>) -> Ending {
    let bytes = stream.as_ref();
    read(surface, bytes)
        .unwrap_or_else(|why| panic!("{surface}: {why} in the stream:\n{}", String::from_utf8_lossy(bytes)))
}

fn need(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

/// Events: name and data. Every line is a field or a comment, every event ends with a blank line.
fn events(text: &str) -> Result<Vec<(String, String)>, String> {
    need(text.is_empty() || text.ends_with("\n\n"), || "the last event is not ended".to_owned())?;
    let mut events = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let (mut name, mut data) = (String::new(), None::<String>);
        for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with(':')) {
            match line.split_once(':') {
                Some(("event", value)) => value.trim().clone_into(&mut name),
                Some(("data", value)) => {
                    need(data.is_none(), || format!("data in two lines: {block:?}"))?;
                    data = Some(value.trim_start().to_owned());
                }
                _ => return Err(format!("a line that is none of the protocol: {line:?}")),
            }
        }
        match data {
            Some(data) => events.push((name, data)),
            None => need(name.is_empty(), || format!("an event without data: {block:?}"))?,
        }
    }
    Ok(events)
}

fn json(data: &str) -> Result<Value, String> {
    serde_json::from_str(data).map_err(|why| format!("{data:?} is no JSON: {why}"))
}

fn text_of<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// Puts a piece behind a text that grows.
fn grow(text: &mut Value, piece: &str) {
    *text = Value::String(text.as_str().unwrap_or("").to_owned() + piece);
}

fn arguments_are_json(tools: &[(String, String)]) -> Result<(), String> {
    for (id, arguments) in tools.iter().filter(|(_, arguments)| !arguments.is_empty()) {
        json(arguments).map_err(|why| format!("the arguments of {id}: {why}"))?;
    }
    Ok(())
}

/// A stream that was not finished must have been told as an error.
fn is_told(ending: &Ending) -> Result<(), String> {
    need(ending.finished || ending.error.is_some(), || "it just ends".to_owned())
}
