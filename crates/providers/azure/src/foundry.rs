//! Azure AI Foundry: other makers' models, in OpenAI's format or, for Claude, in Anthropic's.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_cohere::PARSE;
use lockgate_core::{
    Attempt, Call, Carried, Carrier, CloudSettings, Dialect, Encoded, Exchange, Operation, Reply, Result,
    Signer, StreamDecoder, Target, params,
};
use lockgate_openai::{
    IMAGE, IMAGE_EDIT, MODERATION, OpenAi, RESPONSES, SPEECH, TRANSCRIPTION, TRANSLATION, documents,
};

use crate::{
    address,
    agents::{self, RUN},
    credentials::{self, Place},
    intelligence::{self, ANALYSIS},
    pictures, run,
};

/// Models on Azure AI Foundry.
#[derive(Clone, Copy, Debug)]
pub struct AzureAi;

impl Carrier for AzureAi {
    fn id(&self) -> &'static str {
        "azure_ai"
    }

    fn carried(&self, of: Carried<'_>) -> &'static dyn Dialect {
        let speaks_anthropic = match of {
            Carried::To(target) => agents::id(&target.model).is_none() && is_claude(&target.model),
            Carried::In(format) => {
                matches!(format, lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS)
            }
        };
        if speaks_anthropic { &Anthropic } else { &OpenAi }
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        match agents::id(&target.model) {
            Some(_) => params::names(agents::TAKEN.into_iter().chain(["stream"])),
            None => self.carried(Carried::To(target)).supported_params(target),
        }
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        let model = settings.params.get("model").map(String::as_str).unwrap_or_default();
        match agents::id(model.strip_prefix("azure_ai/").unwrap_or(model)) {
            Some(_) => credentials::project(settings),
            None => credentials::signer(settings),
        }
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::without_secrets(settings)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        match call.operation {
            // Document Intelligence fetches by itself.
            Operation::Ocr if intelligence::knows(&target.model) => Ok(Vec::new()),
            Operation::Ocr => documents::fetches(call),
            _ if agents::id(&target.model).is_some() => Ok(Vec::new()),
            _ => self.carried(Carried::To(target)).fetches(call, target),
        }
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if agents::id(&attempt.target.model).is_some() {
            return agents::encode(attempt);
        }
        if is_claude(&attempt.target.model) {
            return claude(attempt);
        }
        if attempt.call.operation == Operation::Ocr {
            if intelligence::knows(&attempt.target.model) {
                return intelligence::encode(attempt);
            }
            if is_cohere(&attempt.target.model) {
                return parse(attempt);
            }
        }
        let mut encoded = OpenAi.encode(attempt)?;
        let (url, place) = match encoded.format {
            IMAGE | IMAGE_EDIT | TRANSCRIPTION | TRANSLATION | SPEECH | RESPONSES | MODERATION => {
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
        match encoded.format {
            ANALYSIS => intelligence::decode(attempt, &body),
            RUN => agents::decode(attempt, &body),
            PARSE => lockgate_cohere::parse::decode(attempt, &body),
            format => self.carried(Carried::In(format)).decode(attempt, encoded, head, body),
        }
    }

    fn exchange(&self, attempt: &Attempt<'_>, encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        match encoded.format {
            ANALYSIS => Some(intelligence::exchange(attempt)),
            RUN => agents::exchange(attempt),
            _ => None,
        }
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        match encoded.format {
            RUN => Box::new(run::Decoder::new(&attempt.target.model)),
            format => self.carried(Carried::In(format)).stream(attempt, encoded, head),
        }
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

/// Cohere's pictures of documents are beside the other models, too.
fn parse(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut encoded = lockgate_cohere::parse::encode(attempt, &address::parse(attempt))?;
    encoded.request.extensions_mut().insert(Place::Bearer);
    Ok(encoded)
}

fn is_cohere(model: &str) -> bool {
    model.to_ascii_lowercase().contains("cohere")
}

fn is_claude(model: &str) -> bool {
    model.to_ascii_lowercase().contains("claude")
}
