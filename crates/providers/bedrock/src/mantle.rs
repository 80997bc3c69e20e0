//! Bedrock's endpoint that speaks the makers' formats: OpenAI's, and Anthropic's for Claude.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_aws::{Scope, error};
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Format, Payload, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage,
};
use lockgate_openai::OpenAi;

use crate::model::is_region;

/// Where it is if nobody says.
const USUAL_REGION: &str = "us-east-1";

/// Keys that stand in a header.
const BEARERS: [&str; 2] = ["BEDROCK_MANTLE_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"];

/// Models on Bedrock in their makers' formats.
#[derive(Clone, Copy, Debug)]
pub struct Mantle;

impl Dialect for Mantle {
    fn id(&self) -> &'static str {
        "bedrock_mantle"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        inner(&target.model).supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &BEARERS)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        let mut params = lockgate_aws::settle(settings, None);
        let own = settings.find("aws_region_name", &["BEDROCK_MANTLE_REGION"]);
        params.extend(own.map(|region| ("aws_region_name".to_owned(), region)));
        params
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        inner(&target.model).fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let target = attempt.target;
        let (region, model) = match target.model.split_once('/') {
            Some((region, model)) if is_region(region) => (region, model),
            _ => (target.param("aws_region_name").unwrap_or(USUAL_REGION), &*target.model),
        };
        let root = match target.custom_base {
            true => attempt.base().trim_end_matches('/').to_owned(),
            false => format!("https://bedrock-mantle.{region}.api.aws/v1"),
        };
        let root = if is_claude(model) {
            let own = root.strip_suffix("/v1").unwrap_or(&root);
            if own.ends_with("/anthropic") { own.to_owned() } else { format!("{own}/anthropic") }
        } else {
            root
        };
        let place = Target { model: model.into(), base: root.into(), custom_base: true, ..target.clone() };
        let mut encoded = inner(model).encode(&Attempt { target: &place, ..*attempt })?;
        let scope = Scope { service: "bedrock-mantle", region: region.to_owned() };
        encoded.request.extensions_mut().insert(scope);
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        of(encoded.format).decode(attempt, encoded, head, body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        of(encoded.format).stream(attempt, encoded, head)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        of(encoded.format).inspect(encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        of(encoded.format).pass(encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        of(encoded.format).probe(encoded)
    }
}

fn is_claude(model: &str) -> bool {
    model.contains("claude")
}

fn inner(model: &str) -> &'static dyn Dialect {
    if is_claude(model) { &Anthropic } else { &OpenAi }
}

fn of(format: Format) -> &'static dyn Dialect {
    match format {
        lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS => &Anthropic,
        _ => &OpenAi,
    }
}
