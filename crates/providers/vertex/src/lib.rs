#![doc = include_str!("../README.md")]

mod account;
mod claude;
mod credentials;
mod embed;
mod family;
mod partner;
mod place;
mod rank;
mod signer;
mod speech;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Format, Operation, Payload, Probe, Reply, Result,
    Signer, StreamDecoder, Target, Usage,
};
use lockgate_gemini::Service;
use lockgate_openai::OpenAi;

use crate::family::Family;

/// Bodies and answers of `:predict` for embeddings.
pub const PREDICT: Format = Format("vertex.predict");

/// Bodies and answers of Cloud Text-to-Speech.
pub const SPEECH: Format = Format("vertex.speech");

/// Bodies and answers of the ranking API.
pub const RANK: Format = Format("vertex.rank");

/// Models on Vertex AI.
#[derive(Clone, Copy, Debug)]
pub struct Vertex;

impl Dialect for Vertex {
    fn id(&self) -> &'static str {
        "vertex"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        match Family::of(&target.model) {
            Family::Gemini => lockgate_gemini::supported_params(Service::Vertex, &target.model),
            Family::Claude => Anthropic.supported_params(target),
            Family::Partner(_) => OpenAi.supported_params(target),
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
        match Family::of(&target.model) {
            Family::Gemini => lockgate_gemini::fetches(call, Service::Vertex),
            Family::Claude => Anthropic.fetches(call, target),
            Family::Partner(_) => OpenAi.fetches(call, target),
        }
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        match Family::of(&attempt.target.model) {
            _ if attempt.call.operation == Operation::Embedding => embed::encode(attempt),
            _ if attempt.call.operation == Operation::Speech => speech::encode(attempt),
            _ if attempt.call.operation == Operation::Rerank => rank::encode(attempt),
            Family::Gemini => {
                let model = place::gemini(attempt)?;
                lockgate_gemini::encode(attempt, Service::Vertex, &|verb| format!("{model}:{verb}"))
            }
            Family::Claude => claude::encode(attempt),
            Family::Partner(partner) => partner::encode(attempt, partner),
        }
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        match spoken(encoded.format) {
            Spoken::Predict => embed::decode(attempt, &body),
            Spoken::Sound => speech::decode(attempt, &body),
            Spoken::Ranking => rank::decode(attempt, &body),
            Spoken::Gemini => lockgate_gemini::decode(attempt, encoded, &body),
            Spoken::Claude => Anthropic.decode(attempt, encoded, head, body),
            Spoken::OpenAi => OpenAi.decode(attempt, encoded, head, body),
        }
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        match spoken(encoded.format) {
            Spoken::Gemini | Spoken::Predict | Spoken::Sound | Spoken::Ranking => {
                lockgate_gemini::stream(attempt)
            }
            Spoken::Claude => Anthropic.stream(attempt, encoded, head),
            Spoken::OpenAi => OpenAi.stream(attempt, encoded, head),
        }
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        match Family::of(&attempt.target.model) {
            // Google itself may refuse in its own words before the model's maker sees the request.
            Family::Claude if !is_google_error(body) => Anthropic.reject(attempt, head, body),
            Family::Partner(_) if !is_google_error(body) => OpenAi.reject(attempt, head, body),
            _ => lockgate_gemini::reject(attempt, head, body),
        }
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        match spoken(encoded.format) {
            Spoken::Gemini | Spoken::Predict | Spoken::Sound | Spoken::Ranking => {
                lockgate_gemini::inspect(body)
            }
            Spoken::Claude => Anthropic.inspect(encoded, head, body),
            Spoken::OpenAi => OpenAi.inspect(encoded, head, body),
        }
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        match spoken(encoded.format) {
            Spoken::Claude => Anthropic.pass(encoded, head, body),
            Spoken::OpenAi => OpenAi.pass(encoded, head, body),
            Spoken::Gemini | Spoken::Predict | Spoken::Sound | Spoken::Ranking => {
                let usage = lockgate_gemini::inspect(&body)?;
                Ok((body.into(), usage))
            }
        }
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        match spoken(encoded.format) {
            Spoken::Gemini | Spoken::Predict | Spoken::Sound | Spoken::Ranking => {
                lockgate_gemini::probe(encoded)
            }
            Spoken::Claude => Anthropic.probe(encoded),
            Spoken::OpenAi => OpenAi.probe(encoded),
        }
    }
}

/// Whose words an answer is in.
enum Spoken {
    Gemini,
    Claude,
    OpenAi,
    Predict,
    Sound,
    Ranking,
}

fn spoken(format: Format) -> Spoken {
    match format {
        lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS => Spoken::Claude,
        lockgate_gemini::GENERATE | lockgate_gemini::GENERATE_ARRAY | lockgate_gemini::COUNT_TOKENS => {
            Spoken::Gemini
        }
        PREDICT => Spoken::Predict,
        SPEECH => Spoken::Sound,
        RANK => Spoken::Ranking,
        _ => Spoken::OpenAi,
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
