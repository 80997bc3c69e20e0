//! An upstream's whole answer in the words of the hub.

use bytes::Bytes;

use crate::{Extra, Raw, Usage, hub::Message};

/// An answer that is not streamed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// To a chat request.
    Chat(Box<ChatReply>),
    /// To a text completion.
    Completion(Box<CompletionReply>),
    /// To an embedding request.
    Embedding(Box<EmbeddingReply>),
    /// How many tokens a conversation would be.
    TokenCount {
        /// Tokens of the prompt.
        input: u64,
    },
    /// To a rerank request.
    Rerank(Box<RerankReply>),
    /// To a request for pictures.
    Images(Box<ImagesReply>),
    /// To a request to write down speech.
    Transcription(Box<TranscriptionReply>),
    /// To a request to speak.
    Audio(Box<AudioReply>),
    /// To a search.
    Search(Box<SearchReply>),
    /// To a request to read a document.
    Ocr(Box<OcrReply>),
    /// A JSON body of OpenAI's shape that needs no translation (moderations).
    Raw(Bytes),
}

impl Reply {
    /// What was consumed, if the answer says.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Chat(reply) => reply.usage.as_ref(),
            Self::Completion(reply) => reply.usage.as_ref(),
            Self::Embedding(reply) => reply.usage.as_ref(),
            Self::Rerank(reply) => reply.usage.as_ref(),
            Self::Images(reply) => reply.usage.as_ref(),
            Self::Transcription(reply) => reply.usage.as_ref(),
            Self::Audio(reply) => reply.usage.as_ref(),
            Self::Search(reply) => reply.usage.as_ref(),
            Self::Ocr(reply) => reply.usage.as_ref(),
            Self::TokenCount { .. } | Self::Raw(_) => None,
        }
    }

    /// The model that the provider says the answer is from.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Chat(reply) => Some(&reply.model),
            Self::Completion(reply) => Some(&reply.model),
            Self::Embedding(reply) => Some(&reply.model),
            _ => None,
        }
    }

    /// Where the consumption stands, to be filled in if the provider did not say.
    pub fn usage_mut(&mut self) -> Option<&mut Option<Usage>> {
        match self {
            Self::Chat(reply) => Some(&mut reply.usage),
            Self::Completion(reply) => Some(&mut reply.usage),
            Self::Embedding(reply) => Some(&mut reply.usage),
            Self::Rerank(reply) => Some(&mut reply.usage),
            Self::Images(reply) => Some(&mut reply.usage),
            Self::Transcription(reply) => Some(&mut reply.usage),
            Self::Audio(reply) => Some(&mut reply.usage),
            Self::Search(reply) => Some(&mut reply.usage),
            Self::Ocr(reply) => Some(&mut reply.usage),
            Self::TokenCount { .. } | Self::Raw(_) => None,
        }
    }
}

/// A chat completion.
#[derive(Clone, Debug, Default)]
pub struct ChatReply {
    /// The provider's id of the answer.
    pub id: String,
    /// The model as the provider names it.
    pub model: String,
    /// Seconds since 1970, if the provider says.
    pub created: Option<i64>,
    /// One or more answers.
    pub choices: Vec<Choice>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// The tier that served the call.
    pub service_tier: Option<String>,
    /// OpenAI's build mark.
    pub system_fingerprint: Option<String>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// One of the answers.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Its number, from zero.
    pub index: u32,
    /// What the model said.
    pub message: Message,
    /// Why it stopped.
    pub finish: Option<FinishReason>,
    /// The provider's own word for why it stopped, if the hub's says less.
    pub native_finish: Option<String>,
    /// The stop sequence that was met.
    pub stop_sequence: Option<String>,
    /// Log probabilities in OpenAI's shape.
    pub logprobs: Option<Raw>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// Why the model stopped.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FinishReason {
    /// It was done, or met a stop sequence.
    Stop,
    /// It reached the token limit.
    Length,
    /// It called tools.
    ToolCalls,
    /// A content filter stopped it, or it refused.
    ContentFilter,
    /// It called a function (the legacy parameter).
    FunctionCall,
    /// A word that the hub does not know.
    Other(String),
}

impl FinishReason {
    /// OpenAI's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::FunctionCall => "function_call",
            Self::Other(word) => word,
        }
    }

    /// From OpenAI's word.
    pub fn from_openai(word: &str) -> Self {
        match word {
            "stop" => Self::Stop,
            "length" => Self::Length,
            "tool_calls" => Self::ToolCalls,
            "content_filter" => Self::ContentFilter,
            "function_call" => Self::FunctionCall,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A text completion.
#[derive(Clone, Debug, Default)]
pub struct CompletionReply {
    /// The provider's id of the answer.
    pub id: String,
    /// The model as the provider names it.
    pub model: String,
    /// Seconds since 1970, if the provider says.
    pub created: Option<i64>,
    /// The continuations: index, text, finish reason, log probabilities.
    pub choices: Vec<CompletionChoice>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// OpenAI's build mark.
    pub system_fingerprint: Option<String>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

impl From<ChatReply> for CompletionReply {
    /// What a chat was answered, as the continuation of a text.
    fn from(reply: ChatReply) -> Self {
        let choices = reply.choices.into_iter().map(|choice| CompletionChoice {
            index: choice.index,
            text: choice.message.content.map(|content| content.text()).unwrap_or_default(),
            finish: choice.finish,
            ..CompletionChoice::default()
        });
        Self {
            id: reply.id,
            model: reply.model,
            choices: choices.collect(),
            usage: reply.usage,
            ..Self::default()
        }
    }
}

/// One continuation of a text.
#[derive(Clone, Debug, Default)]
pub struct CompletionChoice {
    /// Its number, from zero.
    pub index: u32,
    /// The text.
    pub text: String,
    /// Why it stopped.
    pub finish: Option<FinishReason>,
    /// Log probabilities as they came.
    pub logprobs: Option<Raw>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// Embeddings, in the order of the inputs.
#[derive(Clone, Debug, Default)]
pub struct EmbeddingReply {
    /// The model as the provider names it.
    pub model: String,
    /// One vector for each input: a JSON array of numbers, or a base64 string.
    pub vectors: Vec<Raw>,
    /// The type of the vectors' numbers, where clients of the provider are used to being told: `float`.
    pub kind: Option<String>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// Documents by relevance, the best first.
#[derive(Clone, Debug, Default)]
pub struct RerankReply {
    /// The provider's id of the answer.
    pub id: String,
    /// The documents that were found relevant.
    pub results: Vec<RerankResult>,
    /// What was billed, in Cohere's shape (`billed_units`, `tokens`).
    pub meta: Option<Raw>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// One document's place.
#[derive(Clone, Debug)]
pub struct RerankResult {
    /// Its number in the request.
    pub index: u64,
    /// How relevant it is: a JSON number.
    pub score: Raw,
    /// The document, where the provider returns it: an object with a `text`.
    pub document: Option<Raw>,
}

/// Pictures.
#[derive(Clone, Debug, Default)]
pub struct ImagesReply {
    /// Seconds since 1970, if the provider says.
    pub created: Option<i64>,
    /// The pictures.
    pub images: Vec<Image>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// `size`, `quality`, `output_format`, `background`, and what the hub has no word for.
    pub extra: Extra,
}

/// One picture: where it is, or itself.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its address.
    pub url: Option<String>,
    /// Its content in base64.
    pub base64: Option<String>,
    /// What the model made of the prompt.
    pub revised_prompt: Option<String>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// Speech, written down.
#[derive(Clone, Debug, Default)]
pub struct TranscriptionReply {
    /// The text; subtitles, if subtitles were asked for.
    pub text: String,
    /// `transcribe` or `translate`, where the provider says it.
    pub task: Option<String>,
    /// The language that was heard.
    pub language: Option<String>,
    /// Seconds of sound: a JSON number.
    pub duration: Option<Raw>,
    /// Words with their times, in OpenAI's shape.
    pub words: Option<Raw>,
    /// Segments with their times, in OpenAI's shape.
    pub segments: Option<Raw>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// A text, spoken.
#[derive(Clone, Debug, Default)]
pub struct AudioReply {
    /// The sound.
    pub bytes: Bytes,
    /// Its type: `audio/mpeg`.
    pub mime: String,
    /// Consumption.
    pub usage: Option<Usage>,
}

/// Pages of the web.
#[derive(Clone, Debug, Default)]
pub struct SearchReply {
    /// What was found, the best first.
    pub results: Vec<SearchResult>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// One page that was found.
#[derive(Clone, Debug, Default)]
pub struct SearchResult {
    /// Its title.
    pub title: String,
    /// Its address.
    pub url: String,
    /// What it says about the query.
    pub snippet: String,
    /// When it was published, as the provider says it.
    pub date: Option<String>,
    /// When it was changed or last seen, as the provider says it.
    pub last_updated: Option<String>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// A document, read.
#[derive(Clone, Debug, Default)]
pub struct OcrReply {
    /// The model as the provider names it.
    pub model: String,
    /// Its pages.
    pub pages: Vec<OcrPage>,
    /// Consumption, in Mistral's shape.
    pub usage_info: Option<Raw>,
    /// Consumption.
    pub usage: Option<Usage>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}

/// One page of a document.
#[derive(Clone, Debug, Default)]
pub struct OcrPage {
    /// Its number, from zero.
    pub index: u64,
    /// What it says.
    pub markdown: String,
    /// Its pictures, in Mistral's shape.
    pub images: Option<Raw>,
    /// Its size, in Mistral's shape.
    pub dimensions: Option<Raw>,
    /// Members that the hub has no word for.
    pub extra: Extra,
}
