//! A streamed answer in the words of the hub.

use crate::{Error, FinishReason, Raw, Usage};

/// One thing that a stream says. `choice` numbers the answers from zero; `index` numbers the tool calls of one
/// answer from zero, in the order in which they start, and is distinct and stable for each call.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are explained once, on the enum")]
pub enum Event {
    /// The answer begins. Exactly one, before all else.
    Start {
        /// The provider's id.
        id: String,
        /// The model as the provider names it.
        model: String,
        /// Seconds since 1970, if the provider says.
        created: Option<i64>,
        /// Usage known at the start (Anthropic gives the prompt's), for surfaces that show it there.
        usage: Option<Box<Usage>>,
    },
    /// More text.
    Text { choice: u32, text: String },
    /// More reasoning in plain text.
    Reasoning { choice: u32, text: String },
    /// The signature that ends the current thinking block, byte-identical.
    Signature { choice: u32, signature: String },
    /// A whole opaque thinking block (`redacted_thinking`), as JSON.
    RedactedThinking { choice: u32, block: Raw },
    /// A tool call begins.
    ToolStart {
        choice: u32,
        index: u32,
        id: String,
        name: String,
        /// `provider_specific_fields` of the call.
        extra: Option<Raw>,
    },
    /// More of a tool call's arguments.
    ToolArguments { choice: u32, index: u32, fragment: String },
    /// Why the model refused, piece by piece.
    Refusal { choice: u32, text: String },
    /// Log probabilities of the text just said, in OpenAI's shape.
    Logprobs { choice: u32, logprobs: Raw },
    /// Annotations (citations) in OpenAI's shape, a JSON array.
    Annotations { choice: u32, annotations: Raw },
    /// A member of the delta that the hub has no word for.
    Delta { choice: u32, key: String, value: Raw },
    /// A member of the chunk itself that the hub has no word for (or `system_fingerprint`, `service_tier`).
    Chunk { key: String, value: Raw },
    /// A content block of an Anthropic-shaped server tool (its use or its result), as JSON.
    Block { choice: u32, block: Raw },
    /// One answer is complete.
    Finish {
        choice: u32,
        reason: FinishReason,
        /// The provider's own word, if the hub's says less.
        native: Option<String>,
        /// The stop sequence that was met.
        stop_sequence: Option<String>,
    },
    /// Final consumption. At most one, before `Done`.
    Usage(Box<Usage>),
    /// The upstream reported a failure in mid-stream. Nothing follows.
    Failure(Error),
    /// An event of an unknown type: its name and its data as they came.
    Other { name: String, data: String },
    /// The stream ended as its protocol demands.
    Done,
}
