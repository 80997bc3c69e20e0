//! The JSON of the Converse API.

use std::borrow::Cow;

use lockgate_core::{Extra, Raw, wire::view};
use serde::Serialize;
use serde_json::{Number, value::RawValue};

/// A request.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    pub(crate) messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) system: Vec<Block<'a>>,
    pub(crate) inference_config: Inference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_config: Option<ToolConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_config: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_tier: Option<Raw>,
    #[serde(skip_serializing_if = "Extra::is_empty")]
    pub(crate) additional_model_request_fields: Extra,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_model_response_field_paths: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guardrail_config: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) performance_config: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) prompt_variables: Option<Raw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_metadata: Option<Raw>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    pub(crate) role: &'static str,
    pub(crate) content: Vec<Block<'a>>,
}

/// A part of a message, of the system prompt or of a tool's result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    Text(Cow<'a, str>),
    Image(Media<'a>),
    Document(Media<'a>),
    Video(Media<'a>),
    #[serde(rename_all = "camelCase")]
    ToolUse {
        input: Cow<'a, RawValue>,
        name: Cow<'a, str>,
        tool_use_id: Cow<'a, str>,
    },
    #[serde(rename_all = "camelCase")]
    ToolResult {
        content: Vec<Block<'a>>,
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    ReasoningContent(Reasoning),
    GuardContent(Guarded<'a>),
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
pub(crate) struct Media<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) format: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source<'a> {
    Bytes(Cow<'a, str>),
    S3Location { uri: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Reasoning {
    ReasoningText { text: String, signature: String },
    RedactedContent(String),
}

#[derive(Debug, Serialize)]
pub(crate) struct Guarded<'a> {
    pub(crate) text: GuardedText<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct GuardedText<'a> {
    pub(crate) text: &'a str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CachePoint {
    pub(crate) r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stop_sequences: Option<&'a [String]>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolConfig {
    pub(crate) tools: Vec<Tool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<Choice>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Tool {
    #[serde(rename = "toolSpec", rename_all = "camelCase")]
    Spec {
        name: String,
        description: String,
        input_schema: Schema,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    #[serde(rename = "systemTool")]
    System {
        name: &'static str,
    },
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
pub(crate) struct Schema {
    pub(crate) json: Raw,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Choice {
    Auto {},
    Any {},
    Tool { name: String },
}

view! {
    /// A whole answer.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct AnswerView {
        pub(crate) output: Option<OutputView>,
        pub(crate) stop_reason as "stopReason": Option<String>,
        pub(crate) usage: Option<UsageView>,
        pub(crate) trace: Option<Raw>,
        pub(crate) additional as "additionalModelResponseFields": Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct OutputView {
        pub(crate) message: Option<MessageView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MessageView {
        pub(crate) content: Option<Vec<BlockView>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct BlockView {
        pub(crate) text: Option<String>,
        pub(crate) tool_use as "toolUse": Option<ToolUseView>,
        pub(crate) reasoning as "reasoningContent": Option<Raw>,
        pub(crate) citations as "citationsContent": Option<CitationsView>,
        pub(crate) image: Option<ImageView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CitationsView {
        pub(crate) content: Option<Vec<BlockView>>,
        pub(crate) citations: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ImageView {
        pub(crate) format: Option<String>,
        pub(crate) source: Option<BytesView>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct BytesView {
        pub(crate) bytes: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ToolUseView {
        pub(crate) id as "toolUseId": Option<String>,
        pub(crate) name: Option<String>,
        pub(crate) input: Option<Raw>,
    }
}

view! {
    /// Reasoning: whole in an answer, in pieces in a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ReasoningView {
        pub(crate) whole as "reasoningText": Option<ReasoningText>,
        pub(crate) text: Option<String>,
        pub(crate) signature: Option<String>,
        pub(crate) redacted as "redactedContent": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ReasoningText {
        pub(crate) text: Option<String>,
        pub(crate) signature: Option<String>,
    }
}

view! {
    /// One event of a stream: the members of all of them.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct EventView {
        pub(crate) index as "contentBlockIndex": Option<u64>,
        pub(crate) start: Option<BlockView>,
        pub(crate) delta: Option<DeltaView>,
        pub(crate) stop_reason as "stopReason": Option<String>,
        pub(crate) additional as "additionalModelResponseFields": Option<Raw>,
        pub(crate) usage: Option<UsageView>,
        pub(crate) trace: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct DeltaView {
        pub(crate) text: Option<String>,
        pub(crate) tool_use as "toolUse": Option<FragmentView>,
        pub(crate) reasoning as "reasoningContent": Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct FragmentView {
        pub(crate) input: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UsageView {
        pub(crate) input as "inputTokens": Option<u64>,
        pub(crate) output as "outputTokens": Option<u64>,
        pub(crate) total as "totalTokens": Option<u64>,
        pub(crate) read as "cacheReadInputTokens": Option<u64>,
        pub(crate) write as "cacheWriteInputTokens": Option<u64>,
        pub(crate) details as "cacheDetails": Option<Vec<CacheView>>,
    }
}

view! {
    /// What was written to the cache for how long.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CacheView {
        pub(crate) tokens as "inputTokens": Option<u64>,
        pub(crate) ttl: Option<String>,
    }
}

view! {
    /// A block of reasoning in Anthropic's form: a thought, or what was withheld.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Thinking {
        pub(crate) thinking: Option<String>,
        pub(crate) signature: Option<String>,
        pub(crate) data: Option<String>,
    }
}
