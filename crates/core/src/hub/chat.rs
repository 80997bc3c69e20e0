use lockgate_wire::view;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Number;

use super::{Content, FunctionCall, FunctionDef, Tool, ToolCall, ToolChoice};
use crate::Raw;

view! {
    /// A chat request: every OpenAI parameter, typed where the gateway has to read it and raw where it only passes.
    #[derive(Clone, Debug, Default)]
    pub struct ChatRequest {
        pub model: String,
        pub messages: Vec<Message>,
        pub tools: Option<Vec<Tool>>,
        pub tool_choice: Option<ToolChoice>,
        pub parallel_tool_calls: Option<bool>,
        pub functions: Option<Vec<FunctionDef>>,
        pub function_call: Option<Raw>,
        pub response_format: Option<Raw>,
        pub temperature: Option<Number>,
        pub top_p: Option<Number>,
        pub top_k: Option<Number>,
        pub n: Option<u32>,
        pub max_tokens: Option<u64>,
        pub max_completion_tokens: Option<u64>,
        pub stop: Option<Stop>,
        pub seed: Option<Number>,
        pub frequency_penalty: Option<Number>,
        pub presence_penalty: Option<Number>,
        pub logit_bias: Option<Raw>,
        pub logprobs: Option<bool>,
        pub top_logprobs: Option<u32>,
        pub reasoning_effort: Option<Raw>,
        pub verbosity: Option<String>,
        pub thinking: Option<Raw>,
        pub modalities: Option<Raw>,
        pub audio: Option<Raw>,
        pub prediction: Option<Raw>,
        pub web_search_options: Option<Raw>,
        pub service_tier: Option<String>,
        pub safety_identifier: Option<String>,
        pub prompt_cache_key: Option<String>,
        pub prompt_cache_retention: Option<Raw>,
        pub store: Option<bool>,
        pub metadata: Option<Raw>,
        pub context_management: Option<Raw>,
        pub cache_control: Option<Raw>,
        pub user: Option<String>,
        pub stream: Option<bool>,
        pub stream_options: Option<StreamOptions>,
    }
}

impl ChatRequest {
    /// The limit on the completion, whichever of the two names the client used.
    pub fn max_output(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }
}

view! {
    /// Options of a stream.
    #[derive(Clone, Debug, Default)]
    pub struct StreamOptions {
        pub include_usage: Option<bool>,
    }
}

view! {
    /// One message of a conversation, in a request or an answer.
    #[derive(Clone, Debug, Default)]
    pub struct Message {
        /// `system`, `developer`, `user`, `assistant`, `tool` or `function`.
        pub role: String,
        pub content: Option<Content>,
        pub name: Option<String>,
        pub refusal: Option<String>,
        /// Reasoning as plain text.
        pub reasoning_content: Option<String>,
        /// Anthropic-shaped `thinking` and `redacted_thinking` blocks, signatures untouched.
        pub thinking_blocks: Option<Vec<Raw>>,
        pub tool_calls: Option<Vec<ToolCall>>,
        pub tool_call_id: Option<String>,
        pub function_call: Option<FunctionCall>,
        pub audio: Option<Raw>,
        pub images: Option<Raw>,
        pub annotations: Option<Raw>,
        pub cache_control: Option<Raw>,
        pub provider_specific_fields: Option<Raw>,
    }
}

/// Where to stop: one sequence or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// As a string.
    One(String),
    /// As a list.
    Many(Vec<String>),
}

impl Stop {
    /// The sequences, however they were given.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(sequence) => std::slice::from_ref(sequence),
            Self::Many(sequences) => sequences,
        }
    }
}

impl Serialize for Stop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(sequence) => sequence.serialize(serializer),
            Self::Many(sequences) => sequences.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Stop;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Stop, E> {
                Ok(Stop::One(value.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Stop, A::Error> {
                let mut sequences = Vec::new();
                while let Some(sequence) = seq.next_element()? {
                    sequences.push(sequence);
                }
                Ok(Stop::Many(sequences))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
