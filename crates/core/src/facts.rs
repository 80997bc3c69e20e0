//! What a dialect may want to know about the model that it addresses.

use std::collections::BTreeSet;

/// Gives the text of token ids.
pub type DecodeTokens = fn(&[u32]) -> Option<String>;

/// Facts about one model, filled from the catalogue and from `model_info` of the deployment.
///
/// A missing fact means "unknown": dialects may use facts to translate and to choose defaults, never to refuse
/// (PRM-1).
#[derive(Clone, Debug, Default)]
pub struct ModelFacts {
    /// Context window for the prompt, in tokens.
    pub max_input: Option<u64>,
    /// Longest completion, in tokens.
    pub max_output: Option<u64>,
    /// `chat`, `embedding`, `responses`, … as in the price list.
    pub mode: Option<String>,
    /// Capability flags that are true, without their `supports_` prefix: `reasoning`, `response_schema`, `vision`, ….
    pub supports: BTreeSet<String>,
    /// Capability flags that are explicitly false.
    pub lacks: BTreeSet<String>,
    /// Whether the catalogue has an entry for the model at all.
    pub known: bool,
    /// Counts the tokens of a text about as this model does. For parts of usage that a provider leaves out
    /// (Anthropic's reasoning); none where no tokenizer is linked in.
    pub count_tokens: Option<fn(&str) -> u64>,
    /// The text of token ids of OpenAI's embedding models, which clients send to any model; none for ids that those
    /// models do not have.
    pub decode_tokens: Option<DecodeTokens>,
}

impl ModelFacts {
    /// Whether the capability is known to be there.
    pub fn supports(&self, capability: &str) -> bool {
        self.supports.contains(capability)
    }
}
