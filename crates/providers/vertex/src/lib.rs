#![doc = include_str!("../README.md")]

mod account;
mod claude;
mod credentials;
mod embed;
mod engine;
mod family;
mod heard;
mod partner;
mod place;
mod rank;
mod read;
mod signer;
mod speech;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_core::{
    Attempt, Call, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Format, Operation, Reply,
    Result, Signer, StreamDecoder, Target, params,
};
use lockgate_gemini::{Gemini, Service};
use lockgate_openai::OpenAi;

use crate::family::Family;

/// Bodies and answers of `:predict` for embeddings.
pub const PREDICT: Format = Format("vertex.predict");

/// Bodies and answers of Cloud Text-to-Speech.
pub const SPEECH: Format = Format("vertex.speech");

/// Bodies and answers of Cloud Speech-to-Text.
pub const HEARD: Format = Format("vertex.heard");

/// Bodies and answers of `:predict` for music.
pub const MUSIC: Format = Format("vertex.music");

/// Bodies and answers of the ranking API.
pub const RANK: Format = Format("vertex.rank");

/// Answers of a model that reads documents in a chat.
pub const READ: Format = Format("vertex.read");

/// What agents of Agent Engine do.
pub const ENGINE: Format = Format("vertex.agent_engine");

/// Models on Vertex AI.
#[derive(Clone, Copy, Debug)]
pub struct Vertex;

impl Carrier for Vertex {
    fn id(&self) -> &'static str {
        "vertex"
    }

    fn carried(&self, of: Carried<'_>) -> &'static dyn Dialect {
        match of {
            Carried::To(target) => match Family::of(&target.model) {
                Family::Gemini => &Gemini,
                Family::Claude => &Anthropic,
                Family::Partner(_) => &OpenAi,
            },
            Carried::In(format) => match format {
                PREDICT | SPEECH | RANK | READ | ENGINE => &Gemini,
                lockgate_gemini::GENERATE | lockgate_gemini::GENERATE_ARRAY => &Gemini,
                lockgate_gemini::COUNT_TOKENS => &Gemini,
                lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS => &Anthropic,
                _ => &OpenAi,
            },
        }
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        if engine::named(&target.model).is_some() {
            return params::names(engine::TAKEN.into_iter().chain(["stream"]));
        }
        match Family::of(&target.model) {
            Family::Gemini => lockgate_gemini::supported_params(Service::Vertex, &target.model),
            _ => self.carried(Carried::To(target)).supported_params(target),
        }
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        signer::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        place::settle(settings)
    }

    fn price_conditions(&self, target: &Target) -> Vec<String> {
        match place::location(target) {
            "global" => Vec::new(),
            _ => vec!["regional_endpoint".to_owned()],
        }
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        if call.operation == Operation::Ocr {
            let fetched = read::in_chat(&target.model);
            return if fetched { Ok(Vec::new()) } else { lockgate_openai::documents::fetches(call) };
        }
        if engine::named(&target.model).is_some() {
            return Ok(Vec::new());
        }
        match Family::of(&target.model) {
            Family::Gemini => lockgate_gemini::fetches(call, Service::Vertex),
            _ => self.carried(Carried::To(target)).fetches(call, target),
        }
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let model = &*attempt.target.model;
        if let Some(engine) = engine::named(model) {
            return engine::encode(attempt, engine);
        }
        match attempt.call.operation {
            Operation::Embedding => return embed::encode(attempt),
            Operation::Speech if model.contains("lyria") => return speech::compose(attempt),
            Operation::Speech if !model.contains("gemini") => return speech::encode(attempt),
            Operation::Transcription if heard::hears(model) => return heard::encode(attempt),
            Operation::Rerank => return rank::encode(attempt),
            Operation::Ocr => return read::encode(attempt),
            _ => {}
        }
        match Family::of(model) {
            Family::Gemini => {
                let model = place::gemini(attempt)?;
                lockgate_gemini::encode(attempt, Service::Vertex, &|verb| format!("{model}:{verb}"))
            }
            Family::Claude => claude::encode(attempt),
            Family::Partner(partner) => partner::encode(attempt, partner),
        }
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        match encoded.format {
            PREDICT => embed::decode(attempt, &body),
            SPEECH => speech::decode(attempt, &body),
            MUSIC => speech::composed(&body),
            HEARD => heard::decode(&body),
            RANK => rank::decode(attempt, &body),
            READ => read::decode(attempt, &body),
            ENGINE => engine::decode(attempt, &body),
            format => self.carried(Carried::In(format)).decode(attempt, encoded, head, body),
        }
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        match encoded.format {
            ENGINE => Box::new(engine::Decoder::new(&attempt.target.model)),
            format => self.carried(Carried::In(format)).stream(attempt, encoded, head),
        }
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        // Google itself may refuse in its own words before the model's maker sees the request.
        if is_google_error(body) {
            return Gemini.reject(attempt, head, body);
        }
        self.carried(Carried::To(attempt.target)).reject(attempt, head, body)
    }
}

/// Whether an error is in Google's envelope, which has a `status` in capitals.
fn is_google_error(body: &Bytes) -> bool {
    lockgate_core::wire::view! {
        #[derive(Clone, Debug, Default)]
        struct Envelope {
            error: Option<Status>,
        }
    }
    lockgate_core::wire::view! {
        #[derive(Clone, Debug, Default)]
        struct Status {
            status: Option<String>,
        }
    }
    let one = serde_json::from_slice::<Envelope>(body).ok();
    let first = one.or_else(|| serde_json::from_slice::<Vec<Envelope>>(body).ok()?.into_iter().next());
    first.and_then(|envelope| envelope.error?.status).is_some()
}
