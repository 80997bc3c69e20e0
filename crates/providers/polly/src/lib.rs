#![doc = include_str!("../README.md")]

mod speech;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_aws::{Scope, error};
use lockgate_core::{Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Result, Signer};
use lockgate_media::api::Simple;

static SPEECH: Simple = Simple(&speech::Speech);

/// Amazon Polly.
#[derive(Clone, Copy, Debug)]
pub struct Polly;

impl Carrier for Polly {
    fn id(&self) -> &'static str {
        "aws_polly"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &SPEECH
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &[])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        lockgate_aws::settle(settings, None)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = SPEECH.encode(attempt)?;
        let region = lockgate_aws::region(attempt.target).to_owned();
        encoded.request.extensions_mut().insert(Scope { service: "polly", region });
        Ok(encoded)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }
}
