//! The OpenAI dialect and surface: pure translation both ways.
//!
//! - [`OpenAi`] is how upstreams are addressed: chat completions, text completions, embeddings, moderations, and the
//!   Responses API for models and clients that need it. A client of the same format is relayed: declared edits are
//!   spliced into its bytes and all others stay as they were.
//! - [`OpenAiSurface`] is how clients speak: bodies read into a call, hub answers and events written back.
//! - [`ResponsesSurface`] and [`CompactSurface`] are the same for the Responses API, in front of every model.
//!
//! What a provider does differently is data ([`lockgate_core::Quirks`]); no provider's name appears in this crate.

mod dialect;
pub mod documents;
mod draft;
mod encoder;
mod envelope;
mod error;
mod forms;
mod frames;
mod json;
mod legacy;
mod lookup;
mod measured;
mod media;
mod members;
mod messages;
mod params;
mod path;
mod prepare;
mod probe;
mod rename;
mod request;
mod rerank;
mod response;
mod responses;
mod signed;
mod stream;
mod surface;
mod translated;
mod usage;
mod whole;
mod wire;

pub use dialect::OpenAi;
pub use params::supported_params;
pub use responses::{COMPACT, CompactSurface, INPUT_TOKENS, ResponsesSurface};
pub use surface::OpenAiSurface;

use lockgate_core::Format;

/// The ids of responses that are kept, and what clients see of those that a provider keeps.
pub mod stored {
    pub use crate::responses::{edits, error, is_own, own, queued, unwrap, usage, withheld, wrap};
}

/// Chat completions.
pub const CHAT: Format = Format("openai.chat");
/// Text completions.
pub const COMPLETION: Format = Format("openai.completion");
/// Embeddings.
pub const EMBEDDING: Format = Format("openai.embedding");
/// Moderations.
pub const MODERATION: Format = Format("openai.moderation");
/// Pictures from a prompt.
pub const IMAGE: Format = Format("openai.image");
/// Pictures from pictures and a prompt.
pub const IMAGE_EDIT: Format = Format("openai.image_edit");
/// Pictures like a picture.
pub const IMAGE_VARIATION: Format = Format("openai.image_variation");
/// Speech to text.
pub const TRANSCRIPTION: Format = Format("openai.transcription");
/// Speech to English text.
pub const TRANSLATION: Format = Format("openai.translation");
/// Text to speech; the answer is sound.
pub const SPEECH: Format = Format("openai.speech");
/// Documents by relevance, in Cohere's words: OpenAI's own API has no such thing, its clients ask for it all the same.
pub const RERANK: Format = Format("cohere.rerank");
/// Pages of the web by a query, in Perplexity's words; likewise.
pub const SEARCH: Format = Format("perplexity.search");
/// The text of documents, in Mistral's words; likewise.
pub const OCR: Format = Format("mistral.ocr");
/// The Responses API.
pub const RESPONSES: Format = Format("openai.responses");

/// The README's example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
