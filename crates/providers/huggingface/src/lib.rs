#![doc = include_str!("../README.md")]

mod embed;

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Operation, Payload, Probe, Reply, Result, StreamDecoder,
    Target, Usage,
};
use lockgate_openai::OpenAi;

/// Feature extraction: texts to vectors in the pipelines' own format.
pub const FEATURES: Format = Format("huggingface.features");

/// Models on Hugging Face.
#[derive(Clone, Copy, Debug)]
pub struct HuggingFace;

impl Dialect for HuggingFace {
    fn id(&self) -> &'static str {
        "huggingface"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        OpenAi.supported_params(target)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        OpenAi.fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if attempt.call.operation == Operation::Embedding && !embed::speaks_openai(attempt.target) {
            return embed::encode(attempt);
        }
        match routed(attempt.target) {
            Some(target) => OpenAi.encode(&Attempt { target: &target, ..*attempt }),
            None => OpenAi.encode(attempt),
        }
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == FEATURES {
            return embed::decode(attempt, head, &body);
        }
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

/// The target under the router's name of a model that a provider is named for: `org/name:together` for
/// `together/org/name`. A server of the operator's own gets the name as it is.
fn routed(target: &Target) -> Option<Target> {
    let (provider, model) = target.model.split_once('/').filter(|(_, model)| model.contains('/'))?;
    let model = Arc::from(format!("{model}:{provider}"));
    (!target.custom_base).then(|| Target { model, ..target.clone() })
}
