//! What a provider row may say about its differences from its dialect.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// A closed list of typed, composable differences. Each is one field here, one pure function in the dialect that
/// honours it, and one test vector. What none of them can say is a provider crate.
///
/// Order in the OpenAI dialect: the operator's defaults, support check (`params`, `also`, `also_when`, `also_for`,
/// `without`),
/// `drop`, `drop_values`, `replace_values`, `effort_as_thinking`, `required_as_prompt`, `rename`, `clamp`, `default`,
/// `force`, then the messages and tools. A member's name in `drop`, `drop_values`, `replace_values`, `rename`,
/// `clamp`, `default`, `force` means chat and text completion; with a prefix it means another operation:
/// `"embedding.dimensions"`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// OpenAI parameters that the provider takes. Empty: all. A known parameter outside the list is refused, or
    /// dropped with `drop_params`; parameters that OpenAI does not know are always forwarded.
    pub params: BTreeSet<String>,
    /// Parameters added to the dialect's usual list.
    pub also: BTreeSet<String>,
    /// Parameters taken away from the dialect's usual list.
    pub without: BTreeSet<String>,
    /// Top-level members removed in silence because the provider ignores or refuses them.
    pub drop: BTreeSet<String>,
    /// Top-level members that the provider calls otherwise.
    pub rename: BTreeMap<String, String>,
    /// Top-level members set when the client did not.
    pub default: BTreeMap<String, Value>,
    /// Top-level members always set to this.
    pub force: BTreeMap<String, Value>,
    /// Numeric members kept within `[least, most]`.
    pub clamp: BTreeMap<String, (f64, f64)>,
    /// Put before the model's name.
    pub model_prefix: Option<String>,
    /// Where the answer keeps its usage if not at `/usage` (a JSON pointer).
    pub usage_at: Option<String>,
    /// The member of message and delta in which reasoning comes, renamed to `reasoning_content` for the client.
    pub reasoning_at: Option<String>,
    /// Whether `stream_options.include_usage` may be sent; false if the provider refuses it.
    pub stream_usage: Option<bool>,
    /// Message contents that are lists of text parts become one string.
    pub flatten_content: bool,
    /// `max_completion_tokens`, `developer` role, `temperature` and the like follow OpenAI's rules for o-series and
    /// gpt-5 models.
    pub openai_families: bool,
    /// Paths that differ from the dialect's, by operation (`chat = "/chat/completions"`). `{0}`, `{1}`, … are the first
    /// pieces between slashes of the model's name; the rest of it is the model.
    pub paths: BTreeMap<String, String>,
    /// Default base URLs other than the provider's, by operation (`embedding = "https://…"`). An operator's own base URL
    /// rules over them.
    pub bases: BTreeMap<String, String>,
    /// Appended to an operator's base URL that does not end with it (`/v1`).
    pub base_suffix: Option<String>,
    /// Parameters added to the list for models whose facts have the capability, and for models without facts:
    /// `also_when = { reasoning = ["reasoning_effort"] }`.
    pub also_when: BTreeMap<String, BTreeSet<String>>,
    /// Parameters added to the list for models whose name contains the key:
    /// `also_for = { gpt-oss = ["reasoning_effort"] }`.
    pub also_for: BTreeMap<String, BTreeSet<String>>,
    /// Top-level members removed in silence when they have one of these values:
    /// `drop_values = { tool_choice = ["auto"] }`.
    pub drop_values: BTreeMap<String, Vec<Value>>,
    /// Top-level string members whose values the provider spells otherwise:
    /// `replace_values = { tool_choice = { required = "any" } }`.
    pub replace_values: BTreeMap<String, BTreeMap<String, Value>>,
    /// Members taken out of every message.
    pub drop_in_messages: BTreeSet<String>,
    /// A message's `content: null` is left out instead of sent. Always so outside `openai_families`.
    pub omit_null_content: bool,
    /// The `developer` role is sent as it is. Else it becomes `system`, except for OpenAI's reasoning models.
    pub keep_developer_role: bool,
    /// `cache_control` marks stay in messages and tools for models whose name contains one of these (`""`: all).
    /// Else they are taken out, because OpenAI's API does not know them.
    pub cache_control_models: Vec<String>,
    /// `reasoning_effort` is sent as `thinking: {"type": "enabled"}`, or `"disabled"` for `none`; a client's
    /// `thinking` loses its budget.
    pub effort_as_thinking: bool,
    /// Members taken out of every function's `parameters`, at any depth (`additionalProperties`, `strict`).
    pub drop_in_tools: BTreeSet<String>,
    /// `tool_choice: "required"` is replaced by this text in a user message at the end.
    pub required_as_prompt: Option<String>,
    /// Surfaces whose chat clients are served by the provider's Responses API (`["anthropic"]`).
    pub responses_for: BTreeSet<String>,
    /// Top-level string members of an answer given to the client in other words:
    /// `reply_values = { service_tier = { on_demand = "auto" } }`.
    pub reply_values: BTreeMap<String, BTreeMap<String, Value>>,
    /// Top-level members of relayed answers that the client gets where the provider leaves them out, each with the
    /// operation before it: `reply_defaults = { "audio_transcription.task" = "transcribe" }`.
    pub reply_defaults: BTreeMap<String, Value>,
    /// Top-level members of relayed answers that would mean something else to the client, each with the operation
    /// before it: `reply_drop = ["audio_transcription.usage"]`.
    pub reply_drop: BTreeSet<String>,
    /// Answers may carry `content` as a list of parts; the client gets a string (and `thinking_blocks`).
    pub flatten_reply: bool,
    /// The usage of embeddings has only `total_tokens`; the client gets `prompt_tokens` as well.
    pub usage_total_only: bool,
    /// The provider's `completion_tokens` do not contain its `reasoning_tokens`; they are added.
    pub usage_adds_reasoning: bool,
    /// The model's name upstream, made of the pieces of its name between dots:
    /// `https://clarifai.com/{0}/{1}/models/{2}`. Names of another number of pieces stay as they are.
    pub model_template: Option<String>,
    /// Put before names of models that have no slash (`accounts/fireworks/models/`).
    pub bare_model_prefix: Option<String>,
    /// Top-level members removed in silence for models whose name contains the key:
    /// `drop_for = { "kimi-k2.5" = ["temperature"] }`.
    pub drop_for: BTreeMap<String, BTreeSet<String>>,
    /// An assistant's message with tool calls must carry reasoning; where the client kept none, this is sent.
    pub tool_call_reasoning: Option<String>,
    /// An assistant's message without content and tool calls is left out.
    pub drop_empty_assistant: bool,
    /// An embedding's `input` that is one string is sent as a list of it.
    pub embedding_input_list: bool,
    /// How many inputs a request for embeddings may have, for models whose name contains the key (the longest key
    /// counts, `""` stands for all models): `embedding_inputs = { "" = 250, "gemini-embedding" = 1 }`. More are asked
    /// for in several requests. 0: as many as one likes.
    pub embedding_inputs: BTreeMap<String, usize>,
    /// How many tokens the inputs of a request for embeddings may have together, by model as in `embedding_inputs`:
    /// `embedding_tokens = { "" = 300000 }`.
    pub embedding_tokens: BTreeMap<String, u64>,
    /// Embeddings take texts only: token ids are sent as the text that they stand for. Always so outside OpenAI's
    /// dialect.
    pub embedding_texts: bool,
    /// Text completions are answered in the form of a chat (APIs that fill in the middle).
    pub completion_in_messages: bool,
    /// Text completions are for texts with a `suffix` only; without one the model is asked in a chat.
    pub completion_fills_in: bool,
    /// A `file` part that holds a video is sent as a `video_url` part.
    pub video_files_as_url: bool,
    /// What `meta.tokens` of a rerank answer says where the provider only has a `usage`: `input_tokens`,
    /// `output_tokens`.
    pub rerank_tokens: Vec<String>,
    /// Speaks Anthropic's Messages for models of its own: what Claude has signed means nothing to them, and reasoning
    /// that nobody has signed is as good as any.
    pub own_signatures: bool,
    /// A call of one of the client's tools may come as JSON in the answer's `content`.
    pub tool_call_in_content: bool,
}

impl Quirks {
    /// How many inputs a request for embeddings of that model may have at most.
    pub fn most_inputs(&self, model: &str) -> Option<usize> {
        longest(&self.embedding_inputs, model).copied().filter(|most| *most > 0)
    }

    /// How many tokens those inputs may have together.
    pub fn most_input_tokens(&self, model: &str) -> Option<u64> {
        longest(&self.embedding_tokens, model).copied().filter(|most| *most > 0)
    }
}

/// What is said for the model: the value of the longest key that is a part of its name.
fn longest<'a, T>(by_model: &'a BTreeMap<String, T>, model: &str) -> Option<&'a T> {
    let own = by_model.iter().filter(|(part, _)| model.contains(part.as_str()));
    own.max_by_key(|(part, _)| part.len()).map(|(_, value)| value)
}
