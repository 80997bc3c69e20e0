#![doc = include_str!("../README.md")]

mod embed;

use std::sync::Arc;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{Attempt, Carried, Carrier, Dialect, Encoded, Format, Operation, Reply, Result, Target};
use lockgate_openai::OpenAi;

/// Feature extraction: texts to vectors in the pipelines' own format.
pub const FEATURES: Format = Format("huggingface.features");

/// Models on Hugging Face.
#[derive(Clone, Copy, Debug)]
pub struct HuggingFace;

impl Carrier for HuggingFace {
    fn id(&self) -> &'static str {
        "huggingface"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
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
}

/// The target under the router's name of a model that a provider is named for: `org/name:together` for
/// `together/org/name`. A server of the operator's own gets the name as it is.
fn routed(target: &Target) -> Option<Target> {
    let (provider, model) = target.model.split_once('/').filter(|(_, model)| model.contains('/'))?;
    let model = Arc::from(format!("{model}:{provider}"));
    (!target.custom_base).then(|| Target { model, ..target.clone() })
}
