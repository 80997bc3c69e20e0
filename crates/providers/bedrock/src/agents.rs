//! Agents: those that Bedrock itself runs, and runtimes of AgentCore. Both take one text and answer with one.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_aws::{Frame, Frames, Scope, error};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Event, Extra, FinishReason, Format, Memo, Notes, Raw, Reply,
    Result, StreamDecoder, Usage,
    hub::{Content, Message},
    json::{self, read, to_raw},
    params, prompt, refusal,
    uri::escaped,
    wire::{SseDecoder, view},
};

/// Answers of InvokeAgent: frames.
pub(crate) const AGENT: Format = Format("bedrock.agent");
/// Answers of AgentCore: whatever the runtime says, as JSON or events.
pub(crate) const AGENT_CORE: Format = Format("bedrock.agent_core");

/// Names the conversation to AgentCore.
const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
/// What clients may call a conversation that goes on.
const SESSIONS: [&str; 4] = ["runtimeSessionId", "sessionId", "sessionID", "session_id"];

/// Which agent a model's name means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Agent<'a> {
    /// `agent/AGENT/ALIAS`.
    Own { id: &'a str, alias: &'a str },
    /// `agentcore/RESOURCE`.
    Core { resource: &'a str },
}

impl<'a> Agent<'a> {
    pub(crate) fn of(model: &'a str) -> Option<Self> {
        if let Some(resource) = model.strip_prefix("agentcore/") {
            return Some(Self::Core { resource });
        }
        let (id, alias) = model.strip_prefix("agent/")?.split_once('/')?;
        Some(Self::Own { id, alias })
    }
}

/// Writes the request.
///
/// # Errors
/// Parameters are given, which agents do not take: how they work is set up where they are.
pub(crate) fn encode(attempt: &Attempt<'_>, agent: Agent<'_>) -> Result<Encoded> {
    let (policy, mut notes) = (attempt.policy(), Notes::default());
    let chat = params::effective(attempt, &policy, Cow::Borrowed(attempt.call.chat()?), &mut notes)?;
    params::settle_foreign(attempt, &policy, &chat, &[], &mut notes)?;
    let said = |name: &str| chat.extra.get(name).and_then(read::<String>);
    let session = SESSIONS.iter().find_map(|name| said(name));
    let text = prompt::news(&chat.messages, session.is_some());
    let session = session.unwrap_or_else(|| attempt.call.id.clone());
    let qualifier = said("qualifier").or_else(|| attempt.target.param("qualifier").map(str::to_owned));
    let (service, format, mut body) = match agent {
        Agent::Own { .. } => ("bedrock", AGENT, Extra::new()),
        Agent::Core { .. } => ("bedrock-agentcore", AGENT_CORE, Extra::new()),
    };
    body.push(if format == AGENT { "inputText" } else { "prompt" }, to_raw(&text));
    let consumed = &attempt.call.options.consumed;
    let gone = |name: &str| SESSIONS.contains(&name) || name == "qualifier" || consumed.contains(&name);
    chat.extra
        .iter()
        .filter(|(name, _)| !gone(name))
        .for_each(|(name, value)| body.push(name, value.to_owned()));
    let region = region(attempt, agent).to_owned();
    let url = url(attempt, agent, &region, &session, qualifier.as_deref());
    let mut request = Request::new(to_raw(&body).get().to_owned().into());
    *request.method_mut() = Method::POST;
    *request.uri_mut() =
        url.parse().map_err(|_| Error::bad_request(format!("The agent's URL `{url}` is not valid.")))?;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if format == AGENT_CORE {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let invalid =
            |_| Error::bad_field("runtimeSessionId", "`runtimeSessionId` cannot stand in a header.");
        headers.insert(SESSION, HeaderValue::from_str(&session).map_err(invalid)?);
    }
    request.extensions_mut().insert(Scope { service, region });
    let (relay, withhold_usage) = (false, false);
    Ok(Encoded { request, format, relay, withhold_usage, memo: Memo::default(), notes })
}

fn region<'a>(attempt: &Attempt<'a>, agent: Agent<'a>) -> &'a str {
    let resource = match agent {
        Agent::Core { resource } => resource.split(':').nth(3).filter(|region| !region.is_empty()),
        Agent::Own { .. } => None,
    };
    let own = attempt.target.param("aws_region_name");
    own.or(resource).unwrap_or_else(|| lockgate_aws::region(attempt.target))
}

fn url(
    attempt: &Attempt<'_>,
    agent: Agent<'_>,
    region: &str,
    session: &str,
    qualifier: Option<&str>,
) -> String {
    let service = match agent {
        Agent::Own { .. } => "bedrock-agent-runtime",
        Agent::Core { .. } => "bedrock-agentcore",
    };
    let root = match attempt.target.param("aws_bedrock_runtime_endpoint") {
        Some(endpoint) => endpoint.to_owned(),
        None if attempt.target.custom_base => attempt.base().trim_end_matches('/').to_owned(),
        None => format!("https://{service}.{region}.{}", lockgate_aws::domain(region)),
    };
    match agent {
        Agent::Own { id, alias } => format!(
            "{root}/agents/{}/agentAliases/{}/sessions/{}/text",
            escaped(id),
            escaped(alias),
            escaped(session)
        ),
        Agent::Core { resource } => {
            let query = qualifier.map(|qualifier| format!("?qualifier={}", escaped(qualifier)));
            format!("{root}/runtimes/{}/invocations{}", escaped(resource), query.unwrap_or_default())
        }
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Chunk {
        bytes: Option<String>,
    }
}

view! {
    /// What a runtime may answer; which of these it is, its author decides.
    #[derive(Clone, Debug, Default)]
    struct Said {
        result: Option<Raw>,
        response: Option<Raw>,
        output: Option<Raw>,
        message: Option<Raw>,
        content: Option<Raw>,
        text: Option<Raw>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Told {
        event: Option<Inner>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Inner {
        delta as "contentBlockDelta": Option<Delta>,
        metadata: Option<Metadata>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Delta {
        delta: Option<Fragment>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Fragment {
        text: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metadata {
        usage: Option<Counted>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        input as "inputTokens": Option<u64>,
        output as "outputTokens": Option<u64>,
    }
}

/// Reads a whole answer.
///
/// # Errors
/// It is none, or an error in spite of its status.
pub(crate) fn decode(attempt: &Attempt<'_>, format: Format, head: &Parts, body: &Bytes) -> Result<Reply> {
    let mut usage = None;
    let text = if format == AGENT_CORE && body.trim_ascii_start().starts_with(b"{") {
        let raw: Raw = json::answer(body)?;
        said(&raw, 0).ok_or_else(|| lacking(body))?
    } else {
        let mut decoder = Decoder::new(attempt, format, head);
        let mut events = Vec::new();
        decoder.feed(body, &mut events)?;
        decoder.finish(&mut events)?;
        let mut text = String::new();
        for event in events {
            match event {
                Event::Text { text: piece, .. } => text.push_str(&piece),
                Event::Usage(own) => usage = Some(*own),
                Event::Failure(error) => return Err(error),
                _ => {}
            }
        }
        text
    };
    let message =
        Message { role: "assistant".to_owned(), content: Some(Content::Text(text)), ..Message::default() };
    let choice = Choice { message, finish: Some(FinishReason::Stop), ..Choice::default() };
    Ok(Reply::Chat(Box::new(ChatReply {
        id: crate::response::id(head),
        model: attempt.target.model.to_string(),
        choices: vec![choice],
        usage,
        ..ChatReply::default()
    })))
}

/// The text in what a runtime says, however its author wraps it.
fn said(raw: &Raw, depth: u8) -> Option<String> {
    const DEEPEST: u8 = 6;
    if depth > DEEPEST {
        return None;
    }
    if let Some(text) = read::<String>(raw) {
        return Some(text);
    }
    if let Some(parts) = read::<Vec<Raw>>(raw) {
        return Some(parts.iter().filter_map(|part| said(part, depth + 1)).collect());
    }
    let view: Said = read(raw)?;
    let inner = [view.result, view.response, view.output, view.message, view.content, view.text];
    inner.into_iter().flatten().find_map(|inner| said(&inner, depth + 1))
}

fn lacking(body: &Bytes) -> Error {
    let refusal = refusal::Refusal::of_body(body);
    if !refusal.message.is_empty() {
        return refusal.into_error(500, &http::HeaderMap::new(), body);
    }
    Error::invalid_response("The agent's answer has no text.").with_body(body.clone())
}

/// Reads streams of both.
pub(crate) struct Decoder {
    framing: Framing,
    state: State,
}

enum Framing {
    Frames(Frames),
    Events(SseDecoder),
}

struct State {
    id: String,
    model: String,
    started: bool,
    failed: bool,
    usage: Option<Usage>,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, format: Format, head: &Parts) -> Self {
        let framing = match format {
            AGENT => Framing::Frames(Frames::default()),
            _ => Framing::Events(SseDecoder::new()),
        };
        let (id, model) = (crate::response::id(head), attempt.target.model.to_string());
        Self { framing, state: State { id, model, started: false, failed: false, usage: None } }
    }
}

impl State {
    fn text(&mut self, text: String, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
            out.push(Event::Start { id, model, created: None, usage: None });
        }
        if !text.is_empty() {
            out.push(Event::Text { choice: 0, text });
        }
    }

    fn frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<()> {
        match frame {
            _ if self.failed => {}
            Frame::Event { name, payload } if name == "chunk" => {
                let chunk: Chunk = json::answer(payload)?;
                let bytes = chunk.bytes.and_then(|bytes| STANDARD.decode(bytes).ok());
                let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                self.text(text.unwrap_or_default(), out);
            }
            // What the agent has done on the way.
            Frame::Event { .. } => {}
            failure => {
                self.failed = true;
                out.push(Event::Failure(error::in_stream(failure)));
            }
        }
        Ok(())
    }

    fn event(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        // Besides its events, an agent may send what its language prints of them.
        if let Ok(text) = serde_json::from_str::<String>(data) {
            if !text.starts_with("{'") {
                self.text(text, out);
            }
            return Ok(());
        }
        let Ok(told) = serde_json::from_str::<Told>(data) else { return Ok(()) };
        if let Some(error) = told.error.filter(|error| error.get() != "null") {
            self.failed = true;
            let refusal = refusal::Refusal::of_member(error.get());
            out.push(Event::Failure(refusal.into_error(500, &http::HeaderMap::new(), &Bytes::new())));
            return Ok(());
        }
        let Some(inner) = told.event else { return Ok(()) };
        if let Some(text) = inner.delta.and_then(|delta| delta.delta?.text) {
            self.text(text, out);
        }
        if let Some(counted) = inner.metadata.and_then(|metadata| metadata.usage) {
            let usage = self.usage.get_or_insert_default();
            usage.input += counted.input.unwrap_or(0);
            usage.output += counted.output.unwrap_or(0);
        }
        Ok(())
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        match &mut self.framing {
            Framing::Frames(frames) => frames.feed(bytes, |frame| state.frame(&frame, out)),
            Framing::Events(events) => events.feed(bytes, &mut |event| state.event(event.data, out)),
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        match &mut self.framing {
            Framing::Frames(frames) => frames.finish()?,
            Framing::Events(events) => events.finish(&mut |event| state.event(event.data, out))?,
        }
        if state.failed {
            return Ok(());
        }
        // Nothing marks the end of what agents say but the end of the connection.
        if !state.started {
            return Err(Error::invalid_response("The agent's stream ended before it said anything."));
        }
        out.push(Event::Finish { choice: 0, reason: FinishReason::Stop, native: None, stop_sequence: None });
        out.extend(state.usage.take().map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
        Ok(())
    }
}
