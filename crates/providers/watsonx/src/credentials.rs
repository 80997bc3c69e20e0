//! IBM's credentials: API keys, which are exchanged, tokens, and keys of Cloud Pak for Data.

use std::{collections::BTreeMap, sync::Arc};

use http::header;
use lockgate_core::{
    CloudSettings, Result, Secret, Signer,
    oauth::{Source, wrong},
    target::HeaderSigner,
};

const IAM: &str = "https://iam.cloud.ibm.com/identity/token";
const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";
/// Parameters that are for the signer alone.
const SECRETS: [&str; 2] = ["token", "zen_api_key"];

/// The signer of a deployment. A token is what an operator means who writes both a token and a key.
///
/// # Errors
/// There is no credential, or it cannot be used.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    if let Some(token) = settings.find("token", &[]) {
        return fixed("Bearer ", &token);
    }
    if let Some(key) = settings.find("zen_api_key", &["WATSONX_ZENAPIKEY"]) {
        return fixed("ZenApiKey ", &key);
    }
    if let Some(key) = &settings.api_key {
        let url = settings.find("", &["WATSONX_IAM_URL"]).unwrap_or_else(|| IAM.to_owned());
        let fields = [("grant_type", GRANT), ("apikey", key.expose())];
        return Ok(Source::new("IBM Cloud", url, &fields).signer());
    }
    match settings.find("", &["WATSONX_TOKEN", "WX_TOKEN"]) {
        Some(token) => fixed("Bearer ", &token),
        None => Err(wrong(format!(
            "`{}` needs a credential: an `api_key` ({}), a `token` (WATSONX_TOKEN), or a `zen_api_key` \
             (WATSONX_ZENAPIKEY).",
            settings.provider.id,
            settings.provider.auth.env.join(", ")
        ))),
    }
}

/// The deployment's parameters for the dialect.
pub(crate) fn without_secrets(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    settings.params_without(&SECRETS)
}

fn fixed(scheme: &str, credential: &str) -> Result<Arc<dyn Signer>> {
    let value = Secret::new(credential).header_value(scheme)?;
    Ok(Arc::new(HeaderSigner::new(header::AUTHORIZATION, value)))
}
