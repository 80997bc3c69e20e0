#![doc = include_str!("../README.md")]

mod chat;
mod credentials;
mod embed;
mod error;
mod generation;
mod place;
mod rank;
mod speech;
mod stream;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Format, Operation, Probe, Reply,
    Result, Signer, StreamDecoder, Target, Watch,
};
use lockgate_openai::OpenAi;

/// Text generation: a prompt continued.
pub const GENERATION: Format = Format("watsonx.generation");
/// Embeddings.
pub const EMBEDDING: Format = Format("watsonx.embedding");
/// Documents by relevance.
pub const RERANK: Format = Format("watsonx.rerank");

/// Models on watsonx.ai.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Watsonx {
    /// Conversations go to the chat endpoint.
    Chat,
    /// Conversations become one prompt, for models without a chat endpoint.
    Text,
}

impl Carrier for Watsonx {
    fn id(&self) -> &'static str {
        match self {
            Self::Chat => "watsonx",
            Self::Text => "watsonx_text",
        }
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        match self {
            Self::Chat => OpenAi.supported_params(target),
            Self::Text => generation::TAKEN.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        place::settle(credentials::without_secrets(settings), settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        match (attempt.call.operation, self) {
            (Operation::Embedding, _) => embed::encode(attempt),
            (Operation::Rerank, _) => rank::encode(attempt),
            (Operation::Transcription | Operation::Translation, _) => speech::encode(attempt),
            (_, Self::Chat) => chat::encode(attempt),
            (_, Self::Text) => generation::encode(attempt),
        }
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        match encoded.format {
            EMBEDDING => embed::decode(attempt, &body),
            RERANK => rank::decode(&body),
            GENERATION => generation::decode(attempt, &body),
            _ => OpenAi.decode(attempt, encoded, head, body),
        }
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        match encoded.format {
            GENERATION => Box::new(stream::Decoder::new(&attempt.target.model)),
            _ => OpenAi.stream(attempt, encoded, head),
        }
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        match encoded.format {
            GENERATION => Box::new(Watch::new(stream::Decoder::new(""))),
            _ => OpenAi.probe(encoded),
        }
    }
}
