use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_wire::view;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

use super::{ChatRequest, Content, Message, Stop, StreamOptions};
use crate::{
    Error, ModelFacts, Raw, Result, Usage,
    json::{read, to_raw},
};

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

impl EmbeddingRequest {
    /// The texts to embed, for providers that take nothing else.
    ///
    /// # Errors
    /// There is no input, or it is not text.
    pub fn texts(&self) -> Result<Vec<&str>> {
        match &self.input {
            Some(Prompt::Text(text)) => Ok(vec![text]),
            Some(Prompt::Texts(texts)) => Ok(texts.iter().map(String::as_str).collect()),
            Some(_) => Err(Error::bad_field("input", "The model embeds texts, not token ids.")),
            None => Err(Error::bad_field("input", "`input` is missing.")),
        }
    }

    /// Our own count of the texts, for providers that do not say what they consumed.
    pub fn counted(&self, facts: &ModelFacts) -> Option<Usage> {
        let count = facts.count_tokens?;
        let input = self.texts().ok()?.into_iter().map(count).sum();
        Some(Usage { input, estimated: true, ..Usage::default() })
    }

    /// The same with all inputs counted as one text, for providers whose callers know that count.
    pub fn counted_together(&self, facts: &ModelFacts) -> Option<Usage> {
        let input = facts.count_tokens?(&self.texts().ok()?.concat());
        Some(Usage { input, estimated: true, ..Usage::default() })
    }

    /// A vector of numbers as the client asked for it: as it is, or as base64 of little-endian floats of 32 bits.
    pub fn written(&self, vector: Raw) -> Raw {
        if self.encoding_format.as_deref() != Some("base64") || vector.get().starts_with('"') {
            return vector;
        }
        let Some(numbers) = read::<Vec<f32>>(&vector) else { return vector };
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        to_raw(&STANDARD.encode(bytes))
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

impl CompletionRequest {
    /// A chat of one message, the user's, with what a chat and a text completion have in common.
    pub fn asked(&self, text: String) -> ChatRequest {
        let content = Some(Content::Text(text));
        ChatRequest {
            model: self.model.clone(),
            messages: vec![Message { role: "user".to_owned(), content, ..Message::default() }],
            max_tokens: self.max_tokens,
            temperature: self.temperature.clone(),
            top_p: self.top_p.clone(),
            n: self.n,
            stop: self.stop.clone(),
            seed: self.seed.clone(),
            frequency_penalty: self.frequency_penalty.clone(),
            presence_penalty: self.presence_penalty.clone(),
            logit_bias: self.logit_bias.clone(),
            user: self.user.clone(),
            extra: self.extra.clone(),
            ..ChatRequest::default()
        }
    }
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
