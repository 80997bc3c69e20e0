//! Agents of Foundry's Agent Service: a thread keeps the conversation, a run answers it.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Exchange, Extra, Format, Memo, Notes, Payload, Raw, Reply,
    Result, Step,
    hub::{ChatRequest, Content, Message},
    json::{self, raw, read, to_raw},
    params,
    uri::escaped,
    wire::view,
};

use crate::{
    credentials::Place,
    run::{Run, failed, finish, usage},
};

/// Answers of a run: events, or what was asked for until it was there.
pub(crate) const RUN: Format = Format("azure.agent_run");
/// Before the id of an agent.
pub(crate) const ROUTE: &str = "agents/";

const VERSION: &str = "2025-05-01";
/// OpenAI's parameters that a run takes.
pub(crate) const TAKEN: [&str; 6] =
    ["max_completion_tokens", "max_tokens", "parallel_tool_calls", "response_format", "temperature", "top_p"];
/// The member that names a conversation which goes on.
pub(crate) const THREAD: &str = "thread_id";
/// How long the first wait is; each is half as long again as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(300);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

view! {
    #[derive(Clone, Debug, Default)]
    struct Named {
        id: Option<String>,
    }
}

view! {
    /// What [`Running`] makes of its answers.
    #[derive(Clone, Debug, Default)]
    struct Whole {
        run: Option<Run>,
        messages: Option<Said>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        data: Option<Vec<Turn>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Turn {
        role: Option<String>,
        content: Option<Vec<Piece>>,
    }
}

view! {
    /// Part of a message, or of more of it.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Piece {
        text: Option<Text>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Text {
        value: Option<String>,
    }
}

impl Piece {
    pub(crate) fn text(self) -> Option<String> {
        self.text?.value
    }
}

/// The id of the agent that a model's name means.
pub(crate) fn id(model: &str) -> Option<&str> {
    model.strip_prefix(ROUTE)
}

/// Writes the first request: the thread, or, where there is one, the run.
///
/// # Errors
/// Parameters are given that runs do not take.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (asked, notes) = Asked::of(attempt)?;
    let request = match &asked.thread {
        Some(thread) => asked.run(thread)?,
        None => {
            let mut body = Extra::new();
            body.push("messages", to_raw(&asked.messages));
            post(&asked.url("threads", ""), &body)?
        }
    };
    let (relay, withhold_usage) = (false, false);
    Ok(Encoded { request, format: RUN, relay, withhold_usage, memo: Memo::default(), notes })
}

/// What follows: the run, and if it is no stream, the questions whether it is done and for what was said.
pub(crate) fn exchange(attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
    let (asked, _) = Asked::of(attempt).ok()?;
    if asked.streams && asked.thread.is_some() {
        return None;
    }
    let at = if asked.thread.is_some() { At::Run } else { At::Thread };
    Some(Box::new(Running { asked, at, wait: FIRST_WAIT }))
}

/// What an agent is asked.
struct Asked {
    base: String,
    version: String,
    thread: Option<String>,
    messages: Vec<Extra>,
    /// The run, but for its messages.
    run: Extra,
    streams: bool,
}

impl Asked {
    fn of(attempt: &Attempt<'_>) -> Result<(Self, Notes)> {
        let (policy, mut notes) = (attempt.policy(), Notes::default());
        let chat = params::effective(attempt, &policy, Cow::Borrowed(attempt.call.chat()?), &mut notes)?;
        let forwarded = params::settle_foreign(attempt, &policy, &chat, &TAKEN, &mut notes)?;
        let thread = chat.extra.get(THREAD).and_then(read::<String>).filter(|id| !id.is_empty());
        let mut run = Extra::new();
        run.push("assistant_id", to_raw(id(&attempt.target.model).unwrap_or_default()));
        if attempt.call.stream {
            run.push("stream", raw("true"));
        }
        options(&chat, &mut run);
        let consumed = &attempt.call.options.consumed;
        let own = |name: &str| name != THREAD && !consumed.contains(&name);
        chat.extra
            .iter()
            .filter(|(name, value)| own(name) && value.get() != "null")
            .for_each(|(name, value)| run.push(name, value.to_owned()));
        forwarded.into_iter().for_each(|(name, value)| run.push(name, value));
        for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
            run.push(name.as_str(), value.clone());
        }
        // A thread that is kept knows what was said before.
        let known = if thread.is_some() {
            chat.messages.iter().rposition(|one| one.role == "assistant")
        } else {
            None
        };
        let new = chat.messages.iter().skip(known.map_or(0, |at| at + 1));
        let messages = new.filter_map(|message| turn(message, &mut notes)).collect();
        let base = attempt.base();
        let (base, version) = address(&base, attempt.target.param("api_version"));
        Ok((Self { base, version, thread, messages, run, streams: attempt.call.stream }, notes))
    }

    fn url(&self, place: &str, query: &str) -> String {
        format!("{}/{place}?api-version={}{query}", self.base, escaped(&self.version))
    }

    /// The request that starts the run.
    fn run(&self, thread: &str) -> Result<Request<Payload>> {
        let mut body = self.run.clone();
        if self.thread.is_some() {
            body.push("additional_messages", to_raw(&self.messages));
        }
        post(&self.url(&format!("threads/{}/runs", escaped(thread)), ""), &body)
    }
}

/// The project's address, and the version of its API.
fn address(base: &str, param: Option<&str>) -> (String, String) {
    let (path, query) = base.split_once('?').unwrap_or((base, ""));
    let own = query.split('&').find_map(|pair| pair.strip_prefix("api-version="));
    let path = path.trim_end_matches('/');
    let path = ["/threads/runs", "/threads"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    (path.to_owned(), own.or(param).unwrap_or(VERSION).to_owned())
}

/// What is said about the run in OpenAI's words. The system's words are added to the agent's own.
fn options(chat: &ChatRequest, run: &mut Extra) {
    let system = chat.messages.iter().filter(|one| matches!(one.role.as_str(), "system" | "developer"));
    let system: Vec<String> = system
        .filter_map(|one| one.content.as_ref())
        .map(Content::text)
        .filter(|text| !text.is_empty())
        .collect();
    if !system.is_empty() {
        run.push("additional_instructions", to_raw(&system.join("\n\n")));
    }
    let mut set = |name: &str, value: Option<Raw>| {
        if let Some(value) = value {
            run.push(name, value);
        }
    };
    set("temperature", chat.temperature.as_ref().map(to_raw));
    set("top_p", chat.top_p.as_ref().map(to_raw));
    set("max_completion_tokens", chat.max_output().as_ref().map(to_raw));
    set("parallel_tool_calls", chat.parallel_tool_calls.as_ref().map(to_raw));
    set("response_format", chat.response_format.clone());
}

/// A message of a thread: users and agents speak there, of texts and pictures.
fn turn(message: &Message, notes: &mut Notes) -> Option<Extra> {
    let role = match message.role.as_str() {
        "system" | "developer" => return None,
        role @ ("user" | "assistant") => role,
        _ => {
            notes.dropped.push("messages.tool".to_owned());
            return None;
        }
    };
    let content = message.content.as_ref().filter(|content| !content.is_empty())?;
    let mut turn = Extra::new();
    turn.push("role", to_raw(role));
    match content {
        Content::Parts(parts) if parts.iter().all(|part| matches!(&*part.kind, "text" | "image_url")) => {
            turn.push("content", to_raw(content));
        }
        _ => {
            if matches!(content, Content::Parts(_)) {
                notes.dropped.push("messages.content".to_owned());
            }
            turn.push("content", to_raw(&content.text()));
        }
    }
    Some(turn)
}

/// What the last answer was about.
enum At {
    Thread,
    /// The run: started, or asked for.
    Run,
    /// What was said in this run.
    Messages(Bytes),
}

struct Running {
    asked: Asked,
    at: At,
    wait: Duration,
}

impl Exchange for Running {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        match &self.at {
            At::Thread => {
                let id = parse::<Named>(body)?.id.ok_or_else(|| lacking("id", body))?;
                let request = self.asked.run(&id)?;
                self.at = At::Run;
                Ok(match self.asked.streams {
                    true => Step::Last(request),
                    false => Step::Send { request, after: Duration::ZERO },
                })
            }
            At::Run => {
                let run: Run = parse(body)?;
                let (Some(thread), Some(id)) = (&run.thread_id, &run.id) else {
                    return Err(lacking("id", body));
                };
                let (thread, id) = (escaped(thread), escaped(id));
                match run.status.as_deref() {
                    Some("completed" | "incomplete") => {
                        self.at = At::Messages(body.clone());
                        let query = format!("&run_id={id}&order=asc");
                        let request = get(&self.asked.url(&format!("threads/{thread}/messages"), &query))?;
                        Ok(Step::Send { request, after: Duration::ZERO })
                    }
                    Some("failed" | "cancelled" | "expired" | "requires_action") => Err(failed(&run)),
                    _ => {
                        let after = self.wait;
                        self.wait = (self.wait * 3 / 2).min(LONGEST_WAIT);
                        let request = get(&self.asked.url(&format!("threads/{thread}/runs/{id}"), ""))?;
                        Ok(Step::Send { request, after })
                    }
                }
            }
            At::Messages(run) => {
                let said: Raw = parse(body)?;
                let run: Raw = parse(run)?;
                Ok(Step::Answer(format!("{{\"run\":{run},\"messages\":{said}}}").into()))
            }
        }
    }
}

/// Reads what was said in a run that is over.
///
/// # Errors
/// Nothing was.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let whole: Whole = parse(body)?;
    let (run, said) = (whole.run.unwrap_or_default(), whole.messages.and_then(|messages| messages.data));
    let turns = said.ok_or_else(|| lacking("messages", body))?;
    let turns = turns.into_iter().filter(|turn| turn.role.as_deref() == Some("assistant"));
    let text = |turn: Turn| -> String {
        turn.content.into_iter().flatten().filter_map(Piece::text).collect::<Vec<_>>().join("\n")
    };
    let texts: Vec<String> = turns.map(text).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Err(lacking("text", body));
    }
    let content = Some(Content::Text(texts.join("\n\n")));
    let message = Message { role: "assistant".to_owned(), content, ..Message::default() };
    let mut extra = Extra::new();
    if let Some(thread) = &run.thread_id {
        extra.push(THREAD, to_raw(thread));
    }
    let (finish, usage) = (Some(finish(&run)), usage(&run));
    Ok(Reply::Chat(Box::new(ChatReply {
        id: run.id.unwrap_or_default(),
        model: attempt.target.model.to_string(),
        choices: vec![Choice { message, finish, ..Choice::default() }],
        usage,
        extra,
        ..ChatReply::default()
    })))
}

fn parse<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T> {
    json::answer(body)
}

fn lacking(what: &str, body: &Bytes) -> Error {
    Error::invalid_response(format!("The agent's answer has no {what}.")).with_body(body.clone())
}

fn post(url: &str, body: &Extra) -> Result<Request<Payload>> {
    let mut request = get(url)?;
    *request.method_mut() = Method::POST;
    *request.body_mut() = to_raw(body).get().to_owned().into();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(request)
}

/// Agents take tokens alone, not keys.
fn get(url: &str) -> Result<Request<Payload>> {
    let request = Request::get(url).extension(Place::Bearer).body(Payload::new());
    request.map_err(|_| Error::bad_request(format!("The agent's URL `{url}` is not valid.")))
}
