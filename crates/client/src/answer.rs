use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_catalog::Pricing;
use lockgate_core::{
    ChatReply, EmbeddingReply, Error, FinishReason, Money, Raw, Result, Usage,
    hub::{Message, ToolCall},
};
use serde::de::DeserializeOwned;

/// How an answer was come by, and what it cost.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The provider that answered.
    pub provider: Arc<str>,
    /// The model as that provider names it.
    pub model: Arc<str>,
    /// The id of the deployment.
    pub deployment: Arc<str>,
    /// Attempts beyond the first within a group of deployments.
    pub retries: u32,
    /// Groups beyond the first.
    pub fallbacks: u32,
    /// Parameters that the provider does not take and that were not sent.
    pub dropped: Vec<String>,
    /// What was consumed; counted here and marked as `estimated` where the provider did not say.
    pub usage: Usage,
    /// What that costs.
    pub pricing: Pricing,
}

impl Meta {
    /// What the call cost, if there is a price.
    pub fn cost(&self) -> Option<Money> {
        self.pricing.cost().map(|cost| cost.total)
    }
}

/// A whole answer to a chat request.
#[derive(Clone)]
pub struct Answer {
    /// The answer in full.
    pub reply: ChatReply,
    /// How it was come by.
    pub meta: Meta,
}

impl Answer {
    /// The text of the first choice; empty if there is none.
    pub fn text(&self) -> String {
        self.choice()
            .and_then(|message| message.content.as_ref())
            .map(|content| content.text())
            .unwrap_or_default()
    }

    /// The reasoning of the first choice, where the provider shows it.
    pub fn reasoning(&self) -> Option<&str> {
        self.choice()?.reasoning_content.as_deref()
    }

    /// The tool calls of the first choice.
    pub fn tool_calls(&self) -> &[ToolCall] {
        self.choice().and_then(|message| message.tool_calls.as_deref()).unwrap_or_default()
    }

    /// The message of the first choice, for the history: signatures of thinking blocks included.
    pub fn message(&self) -> Message {
        self.choice().cloned().unwrap_or_default()
    }

    /// Why the first choice ended.
    pub fn finish(&self) -> Option<&FinishReason> {
        self.reply.choices.first()?.finish.as_ref()
    }

    /// The text of the first choice, read as JSON.
    ///
    /// # Errors
    /// It is no JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.text()).map_err(|error| {
            Error::invalid_response(format!("The answer is no JSON of the wanted type: {error}"))
        })
    }

    /// What was consumed.
    pub fn usage(&self) -> &Usage {
        &self.meta.usage
    }

    /// What the call cost, if there is a price.
    pub fn cost(&self) -> Option<Money> {
        self.meta.cost()
    }

    fn choice(&self) -> Option<&Message> {
        self.reply.choices.first().map(|choice| &choice.message)
    }
}

/// Without the text: answers are private.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("id", &self.reply.id).field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// Vectors in the order of the inputs.
#[derive(Clone, Debug)]
pub struct Embeddings {
    /// One for each input.
    pub vectors: Vec<Vec<f32>>,
    /// How they were come by.
    pub meta: Meta,
}

impl Embeddings {
    pub(crate) fn new(reply: &EmbeddingReply, meta: Meta) -> Result<Self> {
        let vectors = reply.vectors.iter().map(vector).collect::<Result<_>>()?;
        Ok(Self { vectors, meta })
    }

    /// What was consumed.
    pub fn usage(&self) -> &Usage {
        &self.meta.usage
    }

    /// What the call cost, if there is a price.
    pub fn cost(&self) -> Option<Money> {
        self.meta.cost()
    }
}

/// Numbers, or base64 of little-endian floats.
fn vector(raw: &Raw) -> Result<Vec<f32>> {
    let unreadable = || Error::invalid_response("An embedding is neither a list of numbers nor base64.");
    if !raw.get().starts_with('"') {
        return serde_json::from_str(raw.get()).map_err(|_| unreadable());
    }
    let text: String = serde_json::from_str(raw.get()).map_err(|_| unreadable())?;
    let bytes = STANDARD.decode(text).map_err(|_| unreadable())?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
    } else {
        Err(unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_as_numbers_or_as_base64() {
        let raw = |text: &str| serde_json::from_str::<Raw>(text).unwrap();
        assert_eq!(vector(&raw("[1, -0.5]")).unwrap(), [1.0, -0.5]);
        assert_eq!(vector(&raw(r#""AACAPwAAAL8=""#)).unwrap(), [1.0, -0.5]);
        assert!(vector(&raw(r#""AAA=""#)).is_err());
        assert!(vector(&raw("{}")).is_err());
    }
}
