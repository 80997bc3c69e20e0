#![doc = include_str!("../README.md")]

mod account;
mod functions;
mod request;
mod stream;

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Reply, Result, Signer, StreamDecoder,
};
use lockgate_openai::{CHAT, OpenAi};

/// Sber's models.
#[derive(Clone, Copy, Debug)]
pub struct GigaChat;

impl Carrier for GigaChat {
    fn id(&self) -> &'static str {
        "gigachat"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        account::signer(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        if encoded.format == CHAT {
            encoded.relay = false;
            request::adapt(&mut encoded)?;
        }
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        let body = if encoded.format == CHAT { functions::as_text(body) } else { body };
        let mut reply = OpenAi.decode(attempt, encoded, head, body)?;
        if let Reply::Chat(reply) = &mut reply {
            if let Some(form) = &encoded.memo.json_tool {
                functions::as_content(reply, form);
            }
            if !encoded.memo.legacy_functions {
                functions::as_tools(reply);
            }
        }
        Ok(reply)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        let inner = OpenAi.stream(attempt, encoded, head);
        Box::new(stream::Decoder::new(inner, &encoded.memo))
    }
}
