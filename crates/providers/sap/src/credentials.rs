//! Service keys, whole or in parts, and where they lead.

use std::{collections::BTreeMap, sync::Arc};

use lockgate_core::{
    CloudSettings, Result, Signer,
    oauth::{Source, wrong},
    target::HeaderSigner,
    wire::view,
};

/// Where the deployment's API is, for the dialect.
pub(crate) const BASE: &str = "base_url";
/// Whose deployments are used.
pub(crate) const GROUP: &str = "resource_group";

const USUAL_GROUP: &str = "default";

view! {
    #[derive(Clone, Default)]
    struct ServiceKey {
        id as "clientid": Option<String>,
        secret as "clientsecret": Option<String>,
        url: Option<String>,
        services as "serviceurls": Option<Services>,
        credentials: Option<Box<ServiceKey>>,
    }
}

view! {
    #[derive(Clone, Default)]
    struct Services {
        api as "AI_API_URL": Option<String>,
    }
}

/// The signer of a deployment: of its own parameters, else of a service key, else of the environment.
///
/// # Errors
/// There is no credential, or a part of it is missing.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let own = parts(settings, false);
    if let Some(key) = &settings.api_key
        && own.is_none()
    {
        let Some(key) = service_key(key.expose()) else { return Ok(Arc::new(HeaderSigner::bearer(key)?)) };
        return match (key.id, key.secret, key.url) {
            (Some(id), Some(secret), Some(url)) => Ok(source(&id, &secret, &url).signer()),
            _ => Err(wrong("The service key has no `clientid`, `clientsecret` or `url`.")),
        };
    }
    match own.or_else(|| parts(settings, true)) {
        Some((id, secret, url)) => Ok(source(&id, &secret, &url).signer()),
        None => Err(wrong(format!(
            "`{}` needs a service key (AICORE_SERVICE_KEY), or its parts: AICORE_CLIENT_ID, AICORE_CLIENT_SECRET, \
             AICORE_AUTH_URL.",
            settings.provider.id
        ))),
    }
}

/// The deployment's parameters with its place filled in, and without what the signer alone needs.
pub(crate) fn settle(settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
    let mut params = settings.params_without(&["client_id", "client_secret", "auth_url"]);
    let key = settings.api_key.as_ref().and_then(|key| service_key(key.expose()));
    let of_key = key.and_then(|key| key.services?.api).map(|api| versioned(&api));
    let base = settings.find(BASE, &[]).or(of_key).or_else(|| settings.find(BASE, &["AICORE_BASE_URL"]));
    params.extend(base.map(|base| (BASE.to_owned(), base.trim_end_matches('/').to_owned())));
    let group = settings.find(GROUP, &["AICORE_RESOURCE_GROUP"]);
    params.insert(GROUP.to_owned(), group.unwrap_or_else(|| USUAL_GROUP.to_owned()));
    params
}

/// Client, secret and where tokens are granted.
fn parts(settings: &CloudSettings<'_>, env: bool) -> Option<(String, String, String)> {
    let find = |name: &str, variable: &'static str| {
        if env { settings.find(name, &[variable]) } else { settings.find(name, &[]) }
    };
    Some((
        find("client_id", "AICORE_CLIENT_ID")?,
        find("client_secret", "AICORE_CLIENT_SECRET")?,
        find("auth_url", "AICORE_AUTH_URL")?,
    ))
}

fn source(id: &str, secret: &str, url: &str) -> Source {
    let url = url.trim_end_matches('/');
    let url = if url.ends_with("/oauth/token") { url.to_owned() } else { format!("{url}/oauth/token") };
    let fields = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    Source::new("SAP", url, &fields)
}

/// The key in a JSON text; some tools wrap it.
fn service_key(text: &str) -> Option<ServiceKey> {
    let key: ServiceKey = serde_json::from_str(text).ok()?;
    Some(match key.credentials {
        Some(inner) => *inner,
        None => key,
    })
}

fn versioned(api: &str) -> String {
    let api = api.trim_end_matches('/');
    if api.ends_with("/v2") { api.to_owned() } else { format!("{api}/v2") }
}
