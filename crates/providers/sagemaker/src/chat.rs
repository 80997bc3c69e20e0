//! Endpoints that speak OpenAI's chat completions.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_aws::{Unframed, UnframedProbe, error, unframe};
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Probe, Result, Signer, StreamDecoder,
};
use lockgate_openai::OpenAi;

use crate::address;

/// Endpoints that speak OpenAI's format.
#[derive(Clone, Copy, Debug)]
pub struct SageMakerChat;

impl Carrier for SageMakerChat {
    fn id(&self) -> &'static str {
        "sagemaker_chat"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &[])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        address::settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = OpenAi.encode(attempt)?;
        let (uri, scope) = address::of(attempt)?;
        *encoded.request.uri_mut() = uri;
        encoded.request.extensions_mut().insert(scope);
        Ok(encoded)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(Unframed::new(unframe::part, OpenAi.stream(attempt, encoded, head)))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(UnframedProbe::new(unframe::part, OpenAi.probe(encoded)))
    }
}
