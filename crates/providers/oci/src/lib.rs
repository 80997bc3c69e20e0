#![doc = include_str!("../README.md")]

mod cohere;
mod credentials;
mod embed;
mod generic;
mod place;
mod request;
mod response;
mod signer;
mod stream;
mod wire;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Error, Format, Probe, Reply, Result, Signer, StreamDecoder,
    Target, Usage, Watch, params, refusal,
};

/// Bodies and answers of `actions/chat`.
pub const CHAT: Format = Format("oci.chat");

/// Bodies and answers of `actions/embedText`.
pub const EMBED: Format = Format("oci.embed");

/// Oracle Cloud's Generative AI.
#[derive(Clone, Copy, Debug)]
pub struct Oci;

impl Dialect for Oci {
    fn id(&self) -> &'static str {
        "oci"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        params::names(request::taken(&target.model).iter().copied().chain(["stream", "stream_options"]))
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        signer::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        place::settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        request::encode(attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        response::decode(attempt, encoded, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(&attempt.target.model))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        refusal::reject(head, body).with_provider(&*attempt.target.provider.id)
    }

    fn inspect(&self, _encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        response::inspect(body)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Watch::new(stream::Decoder::new("")))
    }
}
