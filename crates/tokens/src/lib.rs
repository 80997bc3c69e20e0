//! Token counting for text, messages, tools and images.
//!
//! OpenAI's models are counted with their own vocabulary, all others with the closest one that is built in, and the
//! [`Count`] says which of the two it is. A vocabulary is read when it is first used, so that a program that never
//! counts pays nothing; nothing is ever fetched.
//!
//! Counting is work for the processor: some 25 to 50 ms for a megabyte. Under an async runtime, move texts above
//! [`BLOCKING_BYTES`] off the workers, and ask [`upper_bound`] first: where it already decides, nothing need be counted.

mod audio;
mod chat;
mod image;
mod measure;
mod merge;
mod pieces;
mod request;
mod table;
mod text;
mod tools;
mod vocabulary;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use audio::audio_millis;
pub use chat::count_chat;
pub use image::{IMAGE_BASE_TOKENS, IMAGE_DEFAULT_TOKENS, dimensions, image_tokens};
pub use measure::complete_usage;
pub use request::{count_prompt, count_tokens_request};
pub use text::{BLOCKING_BYTES, SAMPLED_CHARS, count_text, counter, decode, estimate, upper_bound};
pub use vocabulary::Vocabulary;

/// How many tokens a prompt is, and how far that can be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Count {
    /// Tokens of the prompt, the framing of messages included.
    pub tokens: u64,
    /// Whether the model's own tokeniser and rules were used throughout. `false`: an estimate.
    pub exact: bool,
    /// The vocabulary that was used: `o200k_base` or `cl100k_base`.
    pub tokenizer: &'static str,
}
