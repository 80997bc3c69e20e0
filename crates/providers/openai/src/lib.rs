//! The OpenAI dialect and surface: pure translation both ways.

mod dialect;
mod surface;

pub use dialect::OpenAi;
pub use surface::OpenAiSurface;

use lockgate_core::Format;

/// Chat completions.
pub const CHAT: Format = Format("openai.chat");
/// Text completions.
pub const COMPLETION: Format = Format("openai.completion");
/// Embeddings.
pub const EMBEDDING: Format = Format("openai.embedding");
/// Moderations.
pub const MODERATION: Format = Format("openai.moderation");
/// The Responses API.
pub const RESPONSES: Format = Format("openai.responses");
