#![doc = include_str!("../README.md")]

mod claude;
mod credentials;

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use lockgate_core::{Attempt, Carried, Carrier, CloudSettings, Dialect, Encoded, Result, Signer, Target};
use lockgate_openai::{CHAT, OpenAi};

/// Where a workspace serves its models.
const ENDPOINTS: &str = "/serving-endpoints";

/// Models that a Databricks workspace serves.
#[derive(Clone, Copy, Debug)]
pub struct Databricks;

impl Carrier for Databricks {
    fn id(&self) -> &'static str {
        "databricks"
    }

    fn carried(&self, _of: Carried<'_>) -> &'static dyn Dialect {
        &OpenAi
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        credentials::signer(settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        credentials::without_secrets(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let target = in_workspace(attempt.target);
        let mut encoded = OpenAi.encode(&Attempt { target: &target, ..*attempt })?;
        if encoded.format == CHAT && target.model.contains("claude") {
            // Its answers are lists of parts, which OpenAI's clients do not read.
            encoded.relay = false;
            claude::think(&mut encoded, &target)?;
            claude::remember(&mut encoded, attempt.call)?;
        }
        Ok(encoded)
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
