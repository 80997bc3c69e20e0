//! What a provider row may say about its differences from its dialect.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// A closed list of typed, composable differences. Each is one field here, one pure function in the dialect that
/// honours it, and one test vector. What none of them can say is a provider crate.
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
    /// Parameters as the dialect's code for this named family of models understands them (see the dialect's docs).
    pub family: Option<String>,
    /// Paths that differ from the dialect's, by operation (`chat = "/chat/completions"`).
    pub paths: BTreeMap<String, String>,
}
