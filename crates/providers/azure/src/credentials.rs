//! Azure's credentials: keys, and tokens of Entra ID.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use http::{HeaderName, HeaderValue, Request, header};
use lockgate_core::{CloudSettings, Payload, Result, Secret, Signer, oauth::wrong, target::HeaderSigner};

use crate::entra::{self, Scope};

/// Parameters that are for the signer alone.
const SECRETS: [&str; 4] = ["azure_ad_token", "client_secret", "azure_username", "azure_password"];

const API_KEY: HeaderName = HeaderName::from_static("api-key");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Where a request carries a key: what the dialect tells the signer, as an extension of the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// `api-key`.
    ApiKey,
    /// `Authorization: Bearer`.
    Bearer,
    /// `x-api-key`, as in front of Anthropic.
    XApiKey,
    /// `x-api-key` and `api-key`.
    Both,
    /// `ocp-apim-subscription-key`, in front of the speech service.
    Subscription,
}

/// The signer of a deployment. A token is what an operator means who writes both a token and a key.
///
/// # Errors
/// There is no credential, or it cannot be used.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    signer_for(settings, Scope::Services)
}

/// The same for what belongs to a project and takes tokens: a key of the environment is for models, so that an account
/// comes before it. A key of the deployment's own is a token then.
///
/// # Errors
/// As for [`signer`].
pub(crate) fn project(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let set = |name: &String| (settings.env)(name);
    let key = settings.api_key.as_ref().map(Secret::expose);
    let from_env = settings.provider.auth.env.iter().filter_map(set).any(|own| Some(own.trim()) == key);
    if from_env
        && settings.find("azure_ad_token", &[]).is_none()
        && let Some(source) = entra::found(settings, Scope::Project)
    {
        return Ok(source.signer());
    }
    signer_for(settings, Scope::Project)
}

/// The same for searches of a project: a key, a token, an account.
///
/// # Errors
/// As for [`signer`].
pub(crate) fn grounding(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let token = settings.find("azure_ad_token", &["BING_GROUNDING_TOKEN"]);
    match (&settings.api_key, token) {
        (None, Some(token)) => Ok(Arc::new(HeaderSigner::bearer(&Secret::new(token))?)),
        _ => signer_for(settings, Scope::Project),
    }
}

fn signer_for(settings: &CloudSettings<'_>, scope: Scope) -> Result<Arc<dyn Signer>> {
    if let Some(token) = settings.find("azure_ad_token", &[]) {
        return Ok(Arc::new(HeaderSigner::bearer(&Secret::new(token))?));
    }
    if let Some(source) = entra::written(settings, scope) {
        return Ok(source.signer());
    }
    if let Some(key) = &settings.api_key {
        return Ok(Arc::new(Key::of(key)?));
    }
    if let Some(token) = settings.find("azure_ad_token", &["AZURE_AD_TOKEN"]) {
        return Ok(Arc::new(HeaderSigner::bearer(&Secret::new(token))?));
    }
    if let Some(source) = entra::found(settings, scope) {
        return Ok(source.signer());
    }
    let (id, names) = (&settings.provider.id, settings.provider.auth.env.join(", "));
    Err(wrong(format!(
        "`{id}` needs a credential: an `api_key` ({names}), an `azure_ad_token` (AZURE_AD_TOKEN), or `tenant_id`, \
         `client_id` and `client_secret` (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET)."
    )))
}

/// The deployment's parameters for the dialect.
pub(crate) fn without_secrets(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    settings.params_without(&SECRETS)
}

/// A key, in the header that the request asks for.
struct Key {
    plain: HeaderValue,
    bearer: HeaderValue,
}

impl Key {
    fn of(key: &Secret) -> Result<Self> {
        Ok(Self { plain: key.header_value("")?, bearer: key.header_value("Bearer ")? })
    }
}

impl Signer for Key {
    fn sign(&self, request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        let place = request.extensions().get().copied().unwrap_or(Place::ApiKey);
        let headers = request.headers_mut();
        if matches!(place, Place::XApiKey | Place::Both) {
            headers.insert(X_API_KEY, self.plain.clone());
        }
        if matches!(place, Place::ApiKey | Place::Both) {
            headers.insert(API_KEY, self.plain.clone());
        }
        if place == Place::Subscription {
            headers.insert("ocp-apim-subscription-key", self.plain.clone());
        }
        if place == Place::Bearer {
            headers.insert(header::AUTHORIZATION, self.bearer.clone());
        }
        Ok(())
    }
}
