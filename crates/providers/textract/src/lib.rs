#![doc = include_str!("../README.md")]

mod blocks;
mod layout;
mod read;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_aws::{Scope, error};
use lockgate_core::{
    Attempt, Call, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, ErrorKind, Result, Signer,
    Target, whole::Simple, wire::view,
};

static READ: Simple = Simple(&read::Read);

/// Amazon Textract.
#[derive(Clone, Copy, Debug)]
pub struct Textract;

impl Carrier for Textract {
    fn id(&self) -> &'static str {
        "aws_textract"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &READ
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &[])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        lockgate_aws::settle(settings, None)
    }

    fn fetches(&self, call: &Call, _target: &Target) -> Result<Vec<String>> {
        let mut urls = lockgate_openai::documents::fetches(call)?;
        urls.retain(|url| !url.starts_with(read::BUCKETS));
        Ok(urls)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut encoded = READ.encode(attempt)?;
        let region = lockgate_aws::region(attempt.target).to_owned();
        encoded.request.extensions_mut().insert(Scope { service: "textract", region });
        Ok(encoded)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        let error = error::reject(attempt, head, body);
        match refused(body) {
            Some((name, Some(kind))) => error.with_kind(kind).with_type(name),
            Some((name, None)) => error.with_type(name),
            None => error,
        }
    }
}

/// Which exception it is, and what it means where the status, mostly 400, does not say.
fn refused(body: &Bytes) -> Option<(String, Option<ErrorKind>)> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Exception {
            name as "__type": Option<String>,
        }
    }
    let name = serde_json::from_slice::<Exception>(body).ok()?.name?;
    let name = name.rsplit('#').next().unwrap_or(&name).to_owned();
    let kind = match name.trim_end_matches("Exception") {
        "Throttling" | "ProvisionedThroughputExceeded" | "LimitExceeded" => Some(ErrorKind::RateLimit),
        "UnrecognizedClient" | "InvalidSignature" | "ExpiredToken" | "MissingAuthenticationToken" => {
            Some(ErrorKind::Authentication)
        }
        "AccessDenied" => Some(ErrorKind::PermissionDenied),
        "DocumentTooLarge" => Some(ErrorKind::TooLarge),
        _ => None,
    };
    Some((name, kind))
}
