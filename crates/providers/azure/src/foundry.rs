//! Azure AI Foundry: other makers' models, in OpenAI's format or, for Claude, in Anthropic's.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Format, Payload, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage,
};
use lockgate_openai::{IMAGE, IMAGE_EDIT, OpenAi, SPEECH, TRANSCRIPTION, TRANSLATION};

use crate::{
    address,
    credentials::{self, Place},
    pictures,
};

/// Models on Azure AI Foundry.
#[derive(Clone, Copy, Debug)]
pub struct AzureAi;

impl Dialect for AzureAi {
    fn id(&self) -> &'static str {
        "azure_ai"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        maker(&target.model).supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::without_secrets(settings)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        maker(&target.model).fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if is_claude(&attempt.target.model) {
            return claude(attempt);
        }
        let mut encoded = OpenAi.encode(attempt)?;
        let (url, place) = match encoded.format {
            IMAGE | IMAGE_EDIT | TRANSCRIPTION | TRANSLATION | SPEECH => {
                address::deployment(attempt, encoded.format)?
            }
            _ => address::model(attempt, encoded.format)?,
        };
        pictures::note_defaults(attempt, &mut encoded);
        *encoded.request.uri_mut() = url;
        encoded.request.extensions_mut().insert(place);
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        spoken(encoded.format).decode(attempt, encoded, head, body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        spoken(encoded.format).stream(attempt, encoded, head)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        maker(&attempt.target.model).reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        spoken(encoded.format).inspect(encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        spoken(encoded.format).pass(encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        spoken(encoded.format).probe(encoded)
    }
}

/// Claude is beside the other models, below `/anthropic`.
fn claude(attempt: &Attempt<'_>) -> Result<Encoded> {
    let base = address::messages(attempt.target);
    let target = Target { base: Arc::from(base), ..attempt.target.clone() };
    let mut encoded = Anthropic.encode(&Attempt { target: &target, ..*attempt })?;
    let place = if encoded.relay { Place::XApiKey } else { Place::Both };
    encoded.request.extensions_mut().insert(place);
    Ok(encoded)
}

fn is_claude(model: &str) -> bool {
    model.to_ascii_lowercase().contains("claude")
}

/// Whose format a model speaks.
fn maker(model: &str) -> &'static dyn Dialect {
    if is_claude(model) { &Anthropic } else { &OpenAi }
}

/// Whose words an answer is in.
fn spoken(format: Format) -> &'static dyn Dialect {
    match format {
        lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS => &Anthropic,
        _ => &OpenAi,
    }
}
