#![doc = include_str!("../README.md")]

mod address;
mod credentials;
mod embed;

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Format, Operation, Reply, Result, Signer,
    Target,
};
use lockgate_openai::OpenAi;

/// Embeddings in Cortex' own format.
pub const EMBEDDING: Format = Format("snowflake.embedding");

/// Models on Snowflake Cortex.
#[derive(Clone, Copy, Debug)]
pub struct Snowflake;

impl Carrier for Snowflake {
    fn id(&self) -> &'static str {
        "snowflake"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
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
}
