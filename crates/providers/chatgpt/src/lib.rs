#![doc = include_str!("../README.md")]

mod account;
mod events;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, response::Parts};
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Payload, Reply, Result, Signer, Usage,
    wire::{Edits, Object},
};
use lockgate_openai::OpenAi;

/// Names the conversation.
const SESSION: HeaderName = HeaderName::from_static("session_id");
/// What a model is told that nobody has told anything.
const INSTRUCTIONS: &str = "\"You are a helpful assistant.\"";
/// Parameters that the backend refuses.
const UNKNOWN: [&str; 11] = [
    "background",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "previous_response_id",
    "prompt_cache_retention",
    "safety_identifier",
    "temperature",
    "top_p",
    "truncation",
    "user",
];

/// Models of a ChatGPT subscription.
#[derive(Clone, Copy, Debug)]
pub struct ChatGpt;

impl Carrier for ChatGpt {
    fn id(&self) -> &'static str {
        "chatgpt"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        account::signer(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        let body = Bytes::from(std::mem::take(encoded.request.body_mut()).to_vec());
        let body =
            Object::scan(body).map_err(|why| Error::internal(format!("The request is no object: {why}")))?;
        let mut edits = Edits::new();
        edits.set("store", "false");
        edits.set("stream", "true");
        let told = body.str("instructions").is_some_and(|instructions| !instructions.is_empty());
        if !told {
            edits.set("instructions", INSTRUCTIONS);
        }
        for name in UNKNOWN.into_iter().filter(|name| body.contains(name)) {
            edits.remove(name);
            encoded.notes.dropped.push(name.to_owned());
        }
        *encoded.request.body_mut() = body.splice(&edits);
        if let Ok(session) = HeaderValue::from_str(&attempt.call.id) {
            encoded.request.headers_mut().insert(SESSION, session);
        }
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        OpenAi.decode(attempt, encoded, head, events::whole(body)?)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        OpenAi.inspect(encoded, head, &events::whole(body.clone())?)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        OpenAi.pass(encoded, head, events::whole(body)?)
    }
}
