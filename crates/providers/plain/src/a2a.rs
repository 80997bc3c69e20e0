//! Agent2Agent: an agent that is sent a message by JSON-RPC.

use bytes::Bytes;
use lockgate_core::{
    Extra, Raw, Result,
    json::{raw, to_raw},
    whole::lacking,
    wire::view,
};

use crate::{
    answer::{Piece, Said, failed, parse, parse_event},
    api::Api,
    ask::{Ask, Outgoing},
};

/// States of a task that is over without success.
const FAILED: [&str; 3] = ["failed", "rejected", "canceled"];

pub(crate) struct A2a;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        result: Option<Outcome>,
        error: Option<Raw>,
    }
}

view! {
    /// A message, a task, or an event about a task.
    #[derive(Clone, Debug, Default)]
    struct Outcome {
        kind: Option<String>,
        id: Option<String>,
        parts: Option<Vec<Part>>,
        status: Option<Status>,
        artifacts: Option<Vec<Message>>,
        artifact: Option<Message>,
        last as "final": Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Status {
        state: Option<String>,
        message: Option<Message>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Message {
        parts: Option<Vec<Part>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Part {
        text: Option<String>,
    }
}

impl Api for A2a {
    fn id(&self) -> &'static str {
        "a2a"
    }

    /// The agent decides how it works.
    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut part = Extra::new();
        part.push("kind", raw("\"text\""));
        part.push("text", to_raw(&ask.prompt()));
        let mut message = Extra::new();
        message.push("kind", raw("\"message\""));
        message.push("role", raw("\"user\""));
        message.push("messageId", to_raw(&ask.attempt.call.id));
        message.push("parts", to_raw(&[part]));
        ask.others(&mut message);
        let mut params = Extra::new();
        params.push("message", to_raw(&message));
        let mut body = Extra::new();
        body.push("jsonrpc", raw("\"2.0\""));
        body.push("id", to_raw(&ask.attempt.call.id));
        body.push("method", to_raw(if ask.stream() { "message/stream" } else { "message/send" }));
        body.push("params", to_raw(&params));
        Ok(Outgoing::json(ask.base().into_owned(), body))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        let outcome = outcome(answer)?;
        let Some(outcome) = outcome else { return Err(lacking("`result`", body)) };
        Ok(Said { id: outcome.id.clone(), text: outcome.text(), ..Said::default() })
    }

    fn piece(&self, _event: &str, data: &str) -> Result<Piece> {
        let Some(outcome) = outcome(parse_event(data)?)? else { return Ok(Piece::default()) };
        let done = outcome.last == Some(true)
            || outcome.kind.as_deref() == Some("message")
            || outcome.status.as_ref().and_then(|status| status.state.as_deref()) == Some("completed");
        Ok(Piece { text: outcome.text(), done, ..Piece::default() })
    }
}

/// # Errors
/// The agent refused, or the task failed.
fn outcome(answer: Answer) -> Result<Option<Outcome>> {
    if let Some(error) = &answer.error {
        return Err(failed(error.get()));
    }
    let Some(outcome) = answer.result else { return Ok(None) };
    if let Some(status) = &outcome.status
        && status.state.as_deref().is_some_and(|state| FAILED.contains(&state))
    {
        let said = status.message.as_ref().map(Message::text).unwrap_or_default();
        return Err(failed(to_raw(&said).get()));
    }
    Ok(Some(outcome))
}

impl Outcome {
    /// What the agent says: a message's parts, or what a task has made, or else its last word.
    fn text(&self) -> String {
        let own = Message { parts: self.parts.clone(), ..Message::default() }.text();
        let made = self.artifacts.iter().flatten().chain(&self.artifact).map(Message::text);
        let text: String = std::iter::once(own).chain(made).collect();
        let word = || self.status.as_ref().and_then(|status| status.message.as_ref()).map(Message::text);
        if text.is_empty() { word().unwrap_or_default() } else { text }
    }
}

impl Message {
    fn text(&self) -> String {
        self.parts.iter().flatten().filter_map(|part| part.text.as_deref()).collect()
    }
}
