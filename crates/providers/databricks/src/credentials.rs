//! Databricks' credentials: personal access tokens, and tokens for service principals.

use std::{collections::BTreeMap, sync::Arc};

use lockgate_core::{
    CloudSettings, Result, Signer,
    oauth::{Source, basic, wrong},
    target::HeaderSigner,
};

/// The signer of a deployment: of what its own parameters say, else of the environment.
///
/// # Errors
/// There is no credential, or it cannot be used.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let own = settings.params.contains_key("client_secret");
    if own && let Some(principal) = principal(settings)? {
        return Ok(principal.signer());
    }
    if let Some(token) = &settings.api_key {
        return Ok(Arc::new(HeaderSigner::bearer(token)?));
    }
    match principal(settings)? {
        Some(principal) => Ok(principal.signer()),
        None => Err(wrong(format!(
            "`{}` needs a credential: an `api_key` ({}), or `client_id` and `client_secret` (DATABRICKS_CLIENT_ID, \
             DATABRICKS_CLIENT_SECRET).",
            settings.provider.id,
            settings.provider.auth.env.join(", ")
        ))),
    }
}

/// The deployment's parameters for the dialect.
pub(crate) fn without_secrets(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    settings.params_without(&["client_secret"])
}

/// The workspace's address: scheme and host.
pub(crate) fn workspace(base: &str) -> &str {
    let start = base.find("://").map_or(0, |at| at + 3);
    let end = base.get(start..).and_then(|rest| rest.find('/')).map_or(base.len(), |at| start + at);
    base.get(..end).unwrap_or(base)
}

fn principal(settings: &CloudSettings<'_>) -> Result<Option<Source>> {
    let id = settings.find("client_id", &["DATABRICKS_CLIENT_ID"]);
    let secret = settings.find("client_secret", &["DATABRICKS_CLIENT_SECRET"]);
    let (Some(id), Some(secret)) = (id, secret) else { return Ok(None) };
    let variables: Vec<&str> = settings.provider.base_env.iter().map(String::as_str).collect();
    let base = settings.find("api_base", &variables);
    let base = base.ok_or_else(|| wrong("A service principal needs the workspace's address: `api_base`."))?;
    let url = format!("{}/oidc/v1/token", workspace(&base));
    let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
    Source::new("Databricks", url, &fields).with_authorization(&basic(&id, &secret)).map(Some)
}
