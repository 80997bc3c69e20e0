//! What these APIs answer, whole or piece by piece.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Error, ErrorKind, FinishReason, Operation, Origin, Reply, Result, Usage,
    hub::{Content, Message, Prompt},
    json,
    refusal::Refusal,
};
use serde::de::DeserializeOwned;

/// Texts of more bytes are not counted here: counting is work.
const LONGEST_COUNTED: usize = 1 << 16;

/// What OpenAI's chats need around each message, and to begin the answer.
const PER_MESSAGE: u64 = 3;
const PER_ANSWER: u64 = 3;

/// A whole answer.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) id: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) text: String,
    pub(crate) finish: Option<FinishReason>,
    /// The API's own word for why it stopped.
    pub(crate) native: Option<String>,
    pub(crate) usage: Option<Usage>,
}

/// A piece of a streamed answer.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// The whole answer is here.
    pub(crate) done: bool,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) native: Option<String>,
    pub(crate) usage: Option<Usage>,
}

impl Said {
    pub(crate) fn reply(self, attempt: &Attempt<'_>) -> Reply {
        let usage = self.usage.or_else(|| estimated(attempt, &self.text));
        let message = Message {
            role: "assistant".to_owned(),
            content: Some(Content::Text(self.text)),
            ..Message::default()
        };
        let choice = Choice {
            message,
            finish: Some(self.finish.unwrap_or(FinishReason::Stop)),
            native_finish: self.native,
            ..Choice::default()
        };
        Reply::Chat(Box::new(ChatReply {
            id: self.id.unwrap_or_default(),
            model: self.model.unwrap_or_else(|| attempt.target.model.to_string()),
            choices: vec![choice],
            usage,
            ..ChatReply::default()
        }))
    }
}

/// Reads a body.
///
/// # Errors
/// It is not JSON of that form.
pub(crate) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T> {
    json::answer(body)
}

/// Reads the data of an event.
///
/// # Errors
/// As for [`parse`].
pub(crate) fn parse_event<T: DeserializeOwned>(data: &str) -> Result<T> {
    serde_json::from_str(data).map_err(|why| {
        Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
    })
}

/// An error that came with a good status, as JSON text.
pub(crate) fn failed(said: &str) -> Error {
    let refusal = Refusal::of_member(said);
    let kind = match refusal.kind(500) {
        ErrorKind::Internal => ErrorKind::ServiceUnavailable,
        kind => kind,
    };
    let message = match refusal.message.as_str() {
        "" => "The provider failed while it answered.".to_owned(),
        message => message.to_owned(),
    };
    Error::new(kind, Origin::Upstream, message)
}

/// Consumption by our own count, for APIs that do not say: clients want to know. Of long texts the gateway makes its own
/// estimate.
fn estimated(attempt: &Attempt<'_>, said: &str) -> Option<Usage> {
    let count = attempt.target.facts.count_tokens?;
    let call = attempt.call;
    if call.body.source().len() + said.len() > LONGEST_COUNTED {
        return None;
    }
    let input = match call.operation {
        Operation::Completion => match &call.completion().ok()?.prompt {
            Some(Prompt::Text(text)) => count(text),
            Some(Prompt::Texts(texts)) => texts.iter().map(|text| count(text)).sum(),
            _ => return None,
        },
        _ => {
            let tokens = |message: &Message| {
                let text = message.content.as_ref().map(Content::text).unwrap_or_default();
                PER_MESSAGE + count(&message.role) + count(&text)
            };
            PER_ANSWER + call.chat().ok()?.messages.iter().map(tokens).sum::<u64>()
        }
    };
    Some(Usage { input, output: count(said), estimated: true, ..Usage::default() })
}

/// Consumption, if both sides of it are known.
pub(crate) fn usage(input: Option<u64>, output: Option<u64>) -> Option<Usage> {
    Some(Usage { input: input?, output: output?, ..Usage::default() })
}
