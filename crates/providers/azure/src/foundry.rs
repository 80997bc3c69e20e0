//! Azure AI Foundry: other makers' models, in OpenAI's format or, for Claude, in Anthropic's.

use std::{collections::BTreeMap, sync::Arc};

use lockgate_anthropic::Anthropic;
use lockgate_core::{Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Result, Signer, Target};
use lockgate_openai::{IMAGE, IMAGE_EDIT, MODERATION, OpenAi, RESPONSES, SPEECH, TRANSCRIPTION, TRANSLATION};

use crate::{
    address,
    credentials::{self, Place},
    pictures,
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
            Carried::To(target) => is_claude(&target.model),
            Carried::In(format) => {
                matches!(format, lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS)
            }
        };
        if speaks_anthropic { &Anthropic } else { &OpenAi }
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::without_secrets(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if is_claude(&attempt.target.model) {
            return claude(attempt);
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
