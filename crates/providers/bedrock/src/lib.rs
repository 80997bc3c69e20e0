#![doc = include_str!("../README.md")]

mod agents;
mod claude;
mod count;
mod embed;
mod format;
mod invoke;
mod mantle;
mod media;
mod messages;
mod model;
mod names;
mod nova;
mod openai;
mod pictures;
mod prompt;
mod rank;
mod reasoning;
mod relay;
mod request;
mod response;
mod stream;
mod surface;
mod tools;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_aws::{Unframed, UnframedProbe, error, unframe};
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Exchange, Format, Operation, Payload, Probe,
    Reply, Result, Signer, StreamDecoder, Target, Usage, Watch, params,
};
use lockgate_openai::OpenAi;

use crate::{
    agents::Agent,
    model::{Api, Family, Model},
};

pub use mantle::Mantle;
pub use surface::BedrockSurface;

/// Bodies and answers of the Converse API.
pub const CONVERSE: Format = Format("bedrock.converse");

/// Models on Amazon Bedrock.
#[derive(Clone, Copy, Debug)]
pub struct Bedrock;

impl Dialect for Bedrock {
    fn id(&self) -> &'static str {
        "bedrock"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        if Agent::of(&target.model).is_some() {
            return vec!["stream".to_owned()];
        }
        let model = Model::of(target);
        let taken = match (model.api(), model.family) {
            (Api::Invoke, Family::Claude) => return Anthropic.supported_params(target),
            (Api::Invoke, Family::OpenAi | Family::Other) => return OpenAi.supported_params(target),
            (Api::Converse, _) | (Api::Invoke, Family::Nova) => request::taken(target, &model),
            (Api::Invoke, family) => invoke::taken(family),
        };
        params::names(taken.into_iter().chain(["stream"]))
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &["AWS_BEARER_TOKEN_BEDROCK"])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        lockgate_aws::settle(settings, Some(("aws_bedrock_runtime_endpoint", "AWS_BEDROCK_RUNTIME_ENDPOINT")))
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        let no_files =
            matches!(call.operation, Operation::Rerank | Operation::ImageGeneration | Operation::ImageEdit);
        if no_files || Agent::of(&target.model).is_some() {
            return Ok(Vec::new());
        }
        let model = Model::of(target);
        match (model.api_for(call), model.family) {
            (Api::Converse, _) if call.format == CONVERSE => Ok(Vec::new()),
            (Api::Invoke, Family::Claude) => Anthropic.fetches(call, target),
            (Api::Invoke, Family::OpenAi | Family::Other) => OpenAi.fetches(call, target),
            _ => media::fetches(call),
        }
    }

    /// Bedrock counts for Claude alone.
    fn counts_tokens(&self, target: &Target) -> bool {
        Model::of(target).family == Family::Claude
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if let Some(agent) = Agent::of(&attempt.target.model)
            && attempt.call.operation == Operation::Chat
        {
            return agents::encode(attempt, agent);
        }
        let model = Model::of(attempt.target);
        match (attempt.call.operation, model.api_for(attempt.call), model.family) {
            (Operation::Chat, Api::Converse, _) if relay::fits(attempt, &model) => {
                relay::relay(attempt, &model)
            }
            (Operation::Chat | Operation::Completion, Api::Converse, _) => request::encode(attempt, &model),
            (Operation::Chat | Operation::Completion, Api::Invoke, family) => match family {
                Family::Claude => claude::encode(attempt, &model),
                Family::OpenAi | Family::Other => openai::encode(attempt, &model),
                Family::Nova => nova::encode(attempt, &model),
                _ => invoke::encode(attempt, &model),
            },
            (Operation::Embedding, ..) => embed::encode(attempt, &model),
            (Operation::Rerank, ..) => rank::encode(attempt, &model),
            (Operation::ImageGeneration | Operation::ImageEdit, ..) => pictures::encode(attempt, &model),
            (Operation::CountTokens, ..) => count::encode(attempt, &model),
            (other, ..) => Err(Error::bad_request(format!("Bedrock has no {other}."))),
        }
    }

    fn exchange(&self, attempt: &Attempt<'_>, encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        (encoded.format == embed::ONE_BY_ONE).then(|| embed::exchange(attempt)).flatten()
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        match spoken(encoded.format) {
            Spoken::Converse => response::decode(attempt, encoded, head, &body),
            Spoken::Claude => Anthropic.decode(attempt, encoded, head, body),
            Spoken::OpenAi => OpenAi.decode(attempt, encoded, head, body),
            Spoken::Text => invoke::decode(attempt, head, &body),
            Spoken::Embeddings => embed::decode(attempt, head, &body),
            Spoken::Ranking => rank::decode(attempt, &body),
            Spoken::Pictures => pictures::decode(attempt, &body),
            Spoken::Count => count::decode(&body),
            Spoken::Agent => agents::decode(attempt, encoded.format, head, &body),
        }
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        match encoded.format {
            nova::NOVA => Box::new(nova::Decoder::new(attempt, encoded, head)),
            format => match spoken(format) {
                Spoken::Claude => {
                    Box::new(Unframed::new(unframe::event, Anthropic.stream(attempt, encoded, head)))
                }
                Spoken::OpenAi => {
                    Box::new(Unframed::new(unframe::event, OpenAi.stream(attempt, encoded, head)))
                }
                Spoken::Text => Box::new(invoke::Decoder::new(attempt, head)),
                Spoken::Agent => Box::new(agents::Decoder::new(attempt, format, head)),
                _ => Box::new(stream::Decoder::new(attempt, encoded, Some(head))),
            },
        }
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        match spoken(encoded.format) {
            Spoken::Claude => Anthropic.inspect(encoded, head, body),
            Spoken::OpenAi => OpenAi.inspect(encoded, head, body),
            Spoken::Converse => response::inspect(body),
            _ => Ok(invoke::counted(&head.headers)),
        }
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        match spoken(encoded.format) {
            Spoken::Claude => Anthropic.pass(encoded, head, body),
            Spoken::OpenAi => OpenAi.pass(encoded, head, body),
            _ => {
                let usage = self.inspect(encoded, head, &body)?;
                Ok((body.into(), usage))
            }
        }
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        match spoken(encoded.format) {
            Spoken::Claude => Box::new(UnframedProbe::new(unframe::event, Anthropic.probe(encoded))),
            Spoken::OpenAi => Box::new(UnframedProbe::new(unframe::event, OpenAi.probe(encoded))),
            _ => Box::new(Watch::new(stream::Decoder::watching())),
        }
    }
}

/// Whose words an answer is in.
enum Spoken {
    /// Converse's, which are Nova's own, too.
    Converse,
    Claude,
    OpenAi,
    /// One of the formats of a text.
    Text,
    Embeddings,
    Ranking,
    Pictures,
    Count,
    Agent,
}

fn spoken(format: Format) -> Spoken {
    match format {
        CONVERSE | nova::NOVA => Spoken::Converse,
        lockgate_anthropic::MESSAGES => Spoken::Claude,
        invoke::TEXT => Spoken::Text,
        embed::EMBED | embed::ONE_BY_ONE => Spoken::Embeddings,
        rank::RANK => Spoken::Ranking,
        pictures::PICTURES => Spoken::Pictures,
        count::COUNT => Spoken::Count,
        agents::AGENT | agents::AGENT_CORE => Spoken::Agent,
        _ => Spoken::OpenAi,
    }
}
