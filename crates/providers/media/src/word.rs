//! A word of what was heard, in OpenAI's form.

use serde::Serialize;

/// A word and when it was said, in seconds; `T` is a number, or its JSON text as the provider wrote it.
#[derive(Serialize)]
pub(crate) struct Word<T> {
    pub(crate) word: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<T>,
}
