#![doc = include_str!("../README.md")]

mod account;
mod spoken;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, response::Parts};
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Payload, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage,
};
use lockgate_openai::OpenAi;

const INITIATOR: HeaderName = HeaderName::from_static("x-initiator");
const VISION: HeaderName = HeaderName::from_static("copilot-vision-request");

/// Models of GitHub Copilot.
#[derive(Clone, Copy, Debug)]
pub struct Copilot;

impl Dialect for Copilot {
    fn id(&self) -> &'static str {
        "github_copilot"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        OpenAi.supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        account::signer(settings)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        OpenAi.fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        let said = attempt.call.body.raw("messages").or_else(|| attempt.call.body.raw("input"));
        let said = said.unwrap_or_default().as_bytes();
        let initiator = if spoken::by_agent(said) { "agent" } else { "user" };
        let headers = encoded.request.headers_mut();
        headers.insert(INITIATOR, HeaderValue::from_static(initiator));
        if spoken::shows_pictures(said) {
            headers.insert(VISION, HeaderValue::from_static("true"));
        }
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        OpenAi.decode(attempt, encoded, head, body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        OpenAi.stream(attempt, encoded, head)
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
