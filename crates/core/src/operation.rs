//! What is asked, and in which bytes it is said.

use std::fmt;

/// What a client wants done. Names follow the `mode`s of the price list and the `operations` of a provider row.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Operation {
    /// A conversation: chat completions, messages.
    Chat,
    /// A text prompt to continue.
    Completion,
    /// Texts to vectors.
    Embedding,
    /// Is this text allowed?
    Moderation,
    /// How many tokens would this conversation be?
    CountTokens,
    /// The Responses API.
    Responses,
    /// Responses that the provider keeps: read, continued, cancelled and deleted by their ids.
    StoredResponses,
    /// The Responses API's count of an input's tokens.
    InputTokens,
    /// The Responses API's way to make a conversation shorter.
    Compact,
    /// Documents sorted by relevance to a query.
    Rerank,
    /// Pictures from a prompt.
    ImageGeneration,
    /// Pictures from pictures.
    ImageEdit,
    /// Pictures like a picture.
    ImageVariation,
    /// Speech to text.
    Transcription,
    /// Speech in any language to English text.
    Translation,
    /// Text to speech.
    Speech,
    /// Pages of the web by a query.
    Search,
    /// The text of a document's pages.
    Ocr,
    /// The list of models.
    Models,
}

impl Operation {
    /// Every operation, in the order of the enum.
    pub const ALL: [Operation; 19] = [
        Self::Chat,
        Self::Completion,
        Self::Embedding,
        Self::Moderation,
        Self::CountTokens,
        Self::Responses,
        Self::StoredResponses,
        Self::InputTokens,
        Self::Compact,
        Self::Rerank,
        Self::ImageGeneration,
        Self::ImageEdit,
        Self::ImageVariation,
        Self::Transcription,
        Self::Translation,
        Self::Speech,
        Self::Search,
        Self::Ocr,
        Self::Models,
    ];

    /// The name used in provider rows, metrics and docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "completion",
            Self::Embedding => "embedding",
            Self::Moderation => "moderation",
            Self::CountTokens => "count_tokens",
            Self::Responses => "responses",
            Self::StoredResponses => "stored_responses",
            Self::InputTokens => "input_tokens",
            Self::Compact => "compact",
            Self::Rerank => "rerank",
            Self::ImageGeneration => "image_generation",
            Self::ImageEdit => "image_edit",
            Self::ImageVariation => "image_variation",
            Self::Transcription => "audio_transcription",
            Self::Translation => "audio_translation",
            Self::Speech => "audio_speech",
            Self::Search => "search",
            Self::Ocr => "ocr",
            Self::Models => "models",
        }
    }

    /// The operation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A wire format: the grammar of one request body and its answers, such as `openai.chat`.
///
/// When the format that a client speaks is the one that the upstream was addressed in, bytes are relayed. A dialect
/// crate declares its formats as constants, so that a new one needs no change here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Format(pub &'static str);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
