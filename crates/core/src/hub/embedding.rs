use lockgate_wire::view;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

use super::{Stop, StreamOptions};
use crate::Raw;

view! {
    /// A request for embeddings.
    #[derive(Clone, Debug, Default)]
    pub struct EmbeddingRequest {
        pub model: String,
        pub input: Option<Prompt>,
        pub dimensions: Option<u32>,
        pub encoding_format: Option<String>,
        pub user: Option<String>,
    }
}

view! {
    /// A request for a moderation verdict.
    #[derive(Clone, Debug, Default)]
    pub struct ModerationRequest {
        pub model: Option<String>,
        pub input: Option<Raw>,
    }
}

view! {
    /// A request to continue a text.
    #[derive(Clone, Debug, Default)]
    pub struct CompletionRequest {
        pub model: String,
        pub prompt: Option<Prompt>,
        pub suffix: Option<String>,
        pub max_tokens: Option<u64>,
        pub temperature: Option<Number>,
        pub top_p: Option<Number>,
        pub n: Option<u32>,
        pub best_of: Option<u32>,
        pub echo: Option<bool>,
        pub logprobs: Option<u32>,
        pub stop: Option<Stop>,
        pub seed: Option<Number>,
        pub frequency_penalty: Option<Number>,
        pub presence_penalty: Option<Number>,
        pub logit_bias: Option<Raw>,
        pub user: Option<String>,
        pub stream: Option<bool>,
        pub stream_options: Option<StreamOptions>,
    }
}

/// What to embed or to continue.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// One text as token ids.
    Tokens(Vec<u32>),
    /// Several texts as token ids.
    TokenLists(Vec<Vec<u32>>),
}

impl Serialize for Prompt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Texts(texts) => texts.serialize(serializer),
            Self::Tokens(tokens) => tokens.serialize(serializer),
            Self::TokenLists(lists) => lists.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        let text = raw.get();
        let first = text.trim_start_matches(['[', ' ', '\t', '\r', '\n']);
        let parsed =
            match (text.starts_with('['), text[1..].trim_start().starts_with('['), first.starts_with('"')) {
                (false, _, _) => serde_json::from_str(text).map(Self::Text),
                (true, true, _) => serde_json::from_str(text).map(Self::TokenLists),
                (true, false, true) => serde_json::from_str(text).map(Self::Texts),
                (true, false, false) if first.starts_with(']') => Ok(Self::Texts(Vec::new())),
                (true, false, false) => serde_json::from_str(text).map(Self::Tokens),
            };
        parsed.map_err(|_| de::Error::custom("expected a string, a list of strings, or token ids"))
    }
}
