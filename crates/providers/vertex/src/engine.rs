//! Agents of Agent Engine (reasoning engines): one method is called with one message, and what the agent does comes as
//! JSON lines, with or without the words of event streams around them.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Request, header};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Event, Extra, FinishReason, Memo, Notes, Payload, Raw, Reply,
    Result, StreamDecoder, Target, Usage,
    hub::{Content, Message},
    json::{read, to_raw},
    params, prompt,
    refusal::{self, Refusal},
    wire::{NdjsonDecoder, view},
};

use crate::{ENGINE, claude::uri, place};

/// Before the name of an engine.
const ROUTE: &str = "agent_engine/";
/// The method that is called if nobody says.
const METHOD: &str = "stream_query";
/// What clients say of the method, not to it.
const CLASS_METHOD: &str = "class_method";
const SESSION: &str = "session_id";
const USER: &str = "user_id";
const VERSION: &str = "v1beta1";

/// OpenAI's parameters that are taken.
pub(crate) const TAKEN: [&str; 1] = ["user"];

view! {
    /// What the agent did: an event of the Agent Development Kit, or whatever another framework says.
    #[derive(Clone, Debug, Default)]
    struct Step {
        content: Option<Raw>,
        output: Option<Raw>,
        text: Option<Raw>,
        message: Option<Raw>,
        partial: Option<bool>,
        finish_reason: Option<String>,
        usage_metadata: Option<Counted>,
        error: Option<Raw>,
        error_code: Option<Raw>,
        error_message: Option<String>,
        code: Option<u16>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Turn {
        parts: Option<Vec<Part>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Part {
        text: Option<String>,
        thought: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        prompt_token_count: Option<u64>,
        candidates_token_count: Option<u64>,
        thoughts_token_count: Option<u64>,
        cached_content_token_count: Option<u64>,
    }
}

/// The engine that a model's name means.
pub(crate) fn named(model: &str) -> Option<&str> {
    model.strip_prefix(ROUTE)
}

/// Writes the request.
///
/// # Errors
/// Parameters are given, which agents do not take: how they work is set up where they are.
pub(crate) fn encode(attempt: &Attempt<'_>, engine: &str) -> Result<Encoded> {
    let (policy, mut notes) = (attempt.policy(), Notes::default());
    let chat = params::effective(attempt, &policy, Cow::Borrowed(attempt.call.chat()?), &mut notes)?;
    params::settle_foreign(attempt, &policy, &chat, &TAKEN, &mut notes)?;
    prompt::report_left_out(&chat.messages, &mut notes);
    let said = |name: &str| chat.extra.get(name).and_then(read::<String>);
    let user = said(USER).or_else(|| chat.user.clone()).unwrap_or_else(|| attempt.call.id.clone());
    let mut input = Extra::new();
    input.push("message", to_raw(&prompt::news(&chat.messages, chat.extra.contains(SESSION))));
    input.push(USER, to_raw(&user));
    let consumed = &attempt.call.options.consumed;
    let own = |name: &str| name != CLASS_METHOD && name != USER && !consumed.contains(&name);
    chat.extra
        .iter()
        .filter(|(name, value)| own(name) && value.get() != "null")
        .for_each(|(name, value)| input.push(name, value.to_owned()));
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        input.push(name.as_str(), value.clone());
    }
    let method = said(CLASS_METHOD).unwrap_or_else(|| METHOD.to_owned());
    let mut body = Extra::new();
    body.push(CLASS_METHOD, to_raw(&method));
    body.push("input", to_raw(&input));
    // Only methods that stream are called so; an agent's own words for others come at once.
    let verb = if method.contains("stream") { "streamQuery?alt=sse" } else { "query" };
    let url = format!("{}:{verb}", place(attempt.target, engine)?);
    let request = Request::post(uri(&url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::internal(format!("The upstream's request cannot be made: {error}")))?;
    let (relay, withhold_usage) = (false, false);
    Ok(Encoded { request, format: ENGINE, relay, withhold_usage, memo: Memo::default(), notes })
}

/// Where the engine is: its full name says it, else it is where the deployment is.
fn place(target: &Target, engine: &str) -> Result<String> {
    if !engine.starts_with("projects/") {
        let home = place::home(target, VERSION, place::location(target))?;
        return Ok(format!("{home}/reasoningEngines/{engine}"));
    }
    let own = engine.split('/').skip_while(|part| *part != "locations").nth(1);
    let root = place::root(target, VERSION, own.unwrap_or_else(|| place::location(target)));
    Ok(format!("{root}/{engine}"))
}

/// Reads a whole answer.
///
/// # Errors
/// The agent failed, or said nothing.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let mut decoder = Decoder::new(&attempt.target.model);
    let mut events = Vec::new();
    // A method that does not stream answers with one object, which may be on many lines.
    match serde_json::from_slice::<Raw>(body) {
        Ok(whole) => decoder.state.step(whole.get(), &mut events)?,
        Err(_) => decoder.feed(body, &mut events)?,
    }
    decoder.finish(&mut events)?;
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut choice = Choice::default();
    let mut usage = None;
    for event in events {
        match event {
            Event::Text { text: piece, .. } => text.push_str(&piece),
            Event::Reasoning { text: piece, .. } => reasoning.push_str(&piece),
            Event::Finish { reason, .. } => choice.finish = Some(reason),
            Event::Usage(own) => usage = Some(*own),
            Event::Failure(error) => return Err(error),
            _ => {}
        }
    }
    choice.message = Message {
        role: "assistant".to_owned(),
        content: Some(Content::Text(text)),
        reasoning_content: Some(reasoning).filter(|reasoning| !reasoning.is_empty()),
        ..Message::default()
    };
    Ok(Reply::Chat(Box::new(ChatReply {
        model: attempt.target.model.to_string(),
        choices: vec![choice],
        usage,
        ..ChatReply::default()
    })))
}

/// Reads what the agent does, line by line.
pub(crate) struct Decoder {
    lines: NdjsonDecoder,
    state: State,
}

struct State {
    model: String,
    started: bool,
    /// Something was said, or done that says nothing.
    alive: bool,
    failed: bool,
    /// What was said in pieces, of which the step that completes them says all again.
    pending: String,
    finish: FinishReason,
    usage: Option<Usage>,
}

impl Decoder {
    pub(crate) fn new(model: &str) -> Self {
        let state = State {
            model: model.to_owned(),
            started: false,
            alive: false,
            failed: false,
            pending: String::new(),
            finish: FinishReason::Stop,
            usage: None,
        };
        Self { lines: NdjsonDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.lines.feed(bytes, &mut |line| state.line(line, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.lines.finish(&mut |line| state.line(line, out))?;
        if state.failed {
            return Ok(());
        }
        // Nothing marks the end of what agents do but the end of the connection.
        if !state.alive {
            return Err(Error::invalid_response("The agent's answer ended before it said anything."));
        }
        state.start(out);
        let reason = std::mem::replace(&mut state.finish, FinishReason::Stop);
        out.push(Event::Finish { choice: 0, reason, native: None, stop_sequence: None });
        out.extend(state.usage.take().map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
        Ok(())
    }
}

impl State {
    fn line(&mut self, line: &str, out: &mut Vec<Event>) -> Result<()> {
        let line = line.trim();
        let framing = ["event:", "id:", "retry:", ":"].iter().any(|start| line.starts_with(start));
        let data = line.strip_prefix("data:").unwrap_or(line).trim();
        if framing || data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        self.step(data, out)
    }

    fn step(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        let raw: Raw = serde_json::from_str(data).map_err(|why| refusal::malformed(data.as_bytes(), why))?;
        let step: Step = read(&raw).unwrap_or_default();
        if let Some(error) = failure(&step, data) {
            self.failed = true;
            out.push(Event::Failure(error));
            return Ok(());
        }
        self.alive = true;
        if let Some(turn) = step.content.as_ref().and_then(|content| read::<Turn>(content))
            && let Some(parts) = turn.parts
        {
            self.parts(parts, step.partial == Some(true), out);
        } else if let Some(text) = said(&raw, 0) {
            self.text(text, out);
        }
        if step.partial != Some(true) {
            self.count(step.usage_metadata);
        }
        match step.finish_reason.as_deref() {
            Some("MAX_TOKENS") => self.finish = FinishReason::Length,
            Some("SAFETY" | "PROHIBITED_CONTENT" | "BLOCKLIST" | "RECITATION" | "SPII") => {
                self.finish = FinishReason::ContentFilter;
            }
            _ => {}
        }
        Ok(())
    }

    fn parts(&mut self, parts: Vec<Part>, partial: bool, out: &mut Vec<Event>) {
        let (thoughts, texts): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| part.thought == Some(true));
        let join = |parts: Vec<Part>| parts.into_iter().filter_map(|part| part.text).collect::<String>();
        let (thought, text) = (join(thoughts), join(texts));
        let repeats = !partial && !self.pending.is_empty();
        if !thought.is_empty() && !repeats {
            self.start(out);
            out.push(Event::Reasoning { choice: 0, text: thought.clone() });
        }
        if partial {
            // Thoughts in pieces are said again, too.
            self.pending.push_str(&thought);
            self.pending.push_str(&text);
            self.text(text, out);
            return;
        }
        if !repeats {
            self.text(text, out);
        } else if !text.is_empty() || !thought.is_empty() {
            self.pending.clear();
        }
    }

    fn text(&mut self, text: String, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.start(out);
            out.push(Event::Text { choice: 0, text });
        }
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
    }

    /// Each of the agent's calls of a model counts.
    fn count(&mut self, counted: Option<Counted>) {
        let Some(counted) = counted else { return };
        let usage = self.usage.get_or_insert_default();
        let thoughts = counted.thoughts_token_count.unwrap_or(0);
        let output = counted.candidates_token_count.unwrap_or(0).saturating_add(thoughts);
        usage.input = usage.input.saturating_add(counted.prompt_token_count.unwrap_or(0));
        usage.output = usage.output.saturating_add(output);
        for (sum, more) in [
            (&mut usage.reasoning, counted.thoughts_token_count),
            (&mut usage.cache_read, counted.cached_content_token_count),
        ] {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        }
    }
}

/// Why the agent failed, if it did.
fn failure(step: &Step, data: &str) -> Option<Error> {
    let given = |value: &Raw| !matches!(value.get(), "null" | "\"\"");
    let explain = |said: Refusal, status: u16| {
        said.into_error(status, &http::HeaderMap::new(), &Bytes::copy_from_slice(data.as_bytes()))
    };
    if let Some(error) = step.error.as_ref().filter(|error| given(error)) {
        return Some(explain(Refusal::of_member(error.get()), 500));
    }
    if let Some(message) = &step.error_message {
        return Some(explain(Refusal { message: message.clone(), ..Refusal::default() }, 500));
    }
    if let Some(code) = step.error_code.as_ref().filter(|code| given(code)) {
        return Some(explain(Refusal::of_member(code.get()), 500));
    }
    let status = step.code.filter(|status| (400..600).contains(status) && step.content.is_none())?;
    Some(explain(Refusal::of_body(data.as_bytes()), status))
}

/// The text in what an agent of another framework says.
fn said(raw: &Raw, depth: u8) -> Option<String> {
    const DEEPEST: u8 = 6;
    if depth > DEEPEST {
        return None;
    }
    if let Some(text) = read::<String>(raw) {
        return Some(text);
    }
    let step: Step = read(raw)?;
    let inner = [step.output, step.content, step.message, step.text];
    inner.into_iter().flatten().find_map(|inner| said(&inner, depth + 1))
}
