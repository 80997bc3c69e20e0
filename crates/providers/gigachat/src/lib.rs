#![doc = include_str!("../README.md")]

mod account;
mod functions;
mod request;
mod stream;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Payload, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage,
};
use lockgate_openai::{CHAT, OpenAi};

/// Sber's models.
#[derive(Clone, Copy, Debug)]
pub struct GigaChat;

impl Dialect for GigaChat {
    fn id(&self) -> &'static str {
        "gigachat"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        OpenAi.supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        account::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        settings.params.clone()
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        OpenAi.fetches(call, target)
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
        if let (Reply::Chat(reply), false) = (&mut reply, encoded.memo.legacy_functions) {
            functions::as_tools(reply);
        }
        Ok(reply)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        let inner = OpenAi.stream(attempt, encoded, head);
        Box::new(stream::Decoder::new(inner, encoded.memo.legacy_functions))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        OpenAi.reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        OpenAi.inspect(encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        OpenAi.pass(encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        OpenAi.probe(encoded)
    }
}
