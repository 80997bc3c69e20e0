#![doc = include_str!("../README.md")]

mod address;
mod credentials;
mod embed;

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Format, Operation, Payload, Probe, Reply, Result,
    Signer, StreamDecoder, Target, Usage,
};
use lockgate_openai::OpenAi;

/// Embeddings in Cortex' own format.
pub const EMBEDDING: Format = Format("snowflake.embedding");

/// Models on Snowflake Cortex.
#[derive(Clone, Copy, Debug)]
pub struct Snowflake;

impl Dialect for Snowflake {
    fn id(&self) -> &'static str {
        "snowflake"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        OpenAi.supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        OpenAi.fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if attempt.call.operation == Operation::Embedding {
            return embed::encode(attempt);
        }
        let base = Arc::from(address::chat(attempt.target));
        let target = Target { base, ..attempt.target.clone() };
        OpenAi.encode(&Attempt { target: &target, ..*attempt })
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == EMBEDDING {
            return embed::decode(attempt, &body);
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
