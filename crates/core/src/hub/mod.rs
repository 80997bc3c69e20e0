//! The hub: OpenAI's chat vocabulary plus the extension fields that LiteLLM established.
//!
//! A surface that is not relayed parses its client's body into one of these; a dialect encodes one into its own
//! body. All views keep members that they do not know, in order, as raw text in `extra`.

mod chat;
mod content;
mod embedding;
mod lookup;
mod media;
mod tool;

pub use chat::{ChatRequest, Message, Stop, StreamOptions};
pub use content::{Content, File, ImageObject, ImageUrl, Part};
pub use embedding::{CompletionRequest, EmbeddingRequest, ModerationRequest, Prompt};
pub use lookup::{Document, OcrRequest, SearchRequest};
pub use media::{ImageRequest, RerankRequest, SpeechRequest, TranscriptionRequest};
pub use tool::{FunctionCall, FunctionDef, Tool, ToolCall, ToolChoice};

/// A parsed request of any operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Chat, and the counting of a chat's tokens.
    Chat(Box<ChatRequest>),
    /// Text completion.
    Completion(Box<CompletionRequest>),
    /// Embeddings.
    Embedding(Box<EmbeddingRequest>),
    /// Moderation.
    Moderation(Box<ModerationRequest>),
    /// Documents by relevance.
    Rerank(Box<RerankRequest>),
    /// Pictures: made, edited or varied; the pictures to start from are in the call's upload.
    Image(Box<ImageRequest>),
    /// Speech to text; the file is in the call's upload.
    Transcription(Box<TranscriptionRequest>),
    /// Text to speech.
    Speech(Box<SpeechRequest>),
    /// Pages of the web by a query.
    Search(Box<SearchRequest>),
    /// The text of a document.
    Ocr(Box<OcrRequest>),
}
