//! Bedrock's endpoint that speaks the makers' formats: OpenAI's, and Anthropic's for Claude.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_anthropic::Anthropic;
use lockgate_aws::{Scope, error};
use lockgate_core::{
    Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Error, Result, Signer, Target,
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

impl Carrier for Mantle {
    fn id(&self) -> &'static str {
        "bedrock_mantle"
    }

    fn carried(&self, of: Carried<'_>) -> &'static dyn Dialect {
        let speaks_anthropic = match of {
            Carried::To(target) => is_claude(&target.model),
            Carried::In(format) => {
                matches!(format, lockgate_anthropic::MESSAGES | lockgate_anthropic::COUNT_TOKENS)
            }
        };
        if speaks_anthropic { &Anthropic } else { &OpenAi }
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
        let mut encoded =
            self.carried(Carried::To(&place)).encode(&Attempt { target: &place, ..*attempt })?;
        let scope = Scope { service: "bedrock-mantle", region: region.to_owned() };
        encoded.request.extensions_mut().insert(scope);
        Ok(encoded)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }
}

fn is_claude(model: &str) -> bool {
    model.contains("claude")
}
