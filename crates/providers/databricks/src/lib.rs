#![doc = include_str!("../README.md")]

mod claude;
mod credentials;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Payload, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage,
};
use lockgate_openai::{CHAT, OpenAi};

/// Where a workspace serves its models.
const ENDPOINTS: &str = "/serving-endpoints";

/// Models that a Databricks workspace serves.
#[derive(Clone, Copy, Debug)]
pub struct Databricks;

impl Dialect for Databricks {
    fn id(&self) -> &'static str {
        "databricks"
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        OpenAi.supported_params(target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::without_secrets(settings)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        OpenAi.fetches(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let target = in_workspace(attempt.target);
        let mut encoded = OpenAi.encode(&Attempt { target: &target, ..*attempt })?;
        if encoded.format == CHAT && target.model.contains("claude") {
            claude::think(&mut encoded, &target)?;
        }
        Ok(encoded)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        OpenAi.decode(attempt, encoded, head, body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        OpenAi.stream(attempt, encoded, head)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        OpenAi.reject(attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        OpenAi.inspect(encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        OpenAi.pass(encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        OpenAi.probe(encoded)
    }
}

/// The target with the path of the serving endpoints, if the operator gave the workspace's bare address.
fn in_workspace(target: &Target) -> Cow<'_, Target> {
    if credentials::workspace(&target.base).len() < target.base.len() {
        return Cow::Borrowed(target);
    }
    let base = Arc::from(format!("{}{ENDPOINTS}", target.base));
    Cow::Owned(Target { base, ..target.clone() })
}
