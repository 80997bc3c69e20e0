//! Which credential a deployment sends, and where on the request it goes.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use http::{HeaderName, HeaderValue, Request};
use lockgate_core::{
    AuthScheme, CloudSettings, Error, Payload, Provider, Secret, Signer, Target, target::HeaderSigner,
    target::Unsigned,
};
use sha2::{Digest, Sha256};

use crate::{
    Issue, Params,
    params::{Role, role, text},
    target::{Env, no_credential},
};

/// What was found for a deployment.
pub(crate) enum Credential {
    Key(Secret),
    /// What the provider's dialect made of the deployment's parameters.
    Cloud(Arc<dyn Signer>),
    /// None is needed.
    None,
    /// One is needed; the message says what is missing.
    Missing(String),
}

/// The deployment's `api_key`, else the first of the provider's variables that is set.
pub(crate) fn find(provider: &Provider, params: &Params, env: Env<'_>) -> Credential {
    if provider.auth.scheme == AuthScheme::None {
        return Credential::None;
    }
    let set = |name: &String| env(name).filter(|key| !key.trim().is_empty());
    let own = params.str("api_key").map(Secret::new);
    let key = own.or_else(|| provider.auth.env.iter().find_map(set).map(|key| Secret::new(key.trim())));
    if provider.auth.scheme == AuthScheme::Cloud {
        return cloud(provider, params, key, env);
    }
    match key {
        Some(key) => Credential::Key(key),
        None if provider.auth.optional => match &provider.auth.placeholder {
            Some(placeholder) => Credential::Key(Secret::new(placeholder.as_str())),
            None => Credential::None,
        },
        None => Credential::Missing(missing(provider)),
    }
}

fn missing(provider: &Provider) -> String {
    let (id, names) = (&provider.id, provider.auth.env.join(", "));
    match provider.auth.env.len() {
        0 => format!("`{id}` needs a key, and there is no `api_key`."),
        1 => format!("`{id}` needs a key: {names} is not set, and there is no `api_key`."),
        _ => format!("`{id}` needs a key: none of {names} is set, and there is no `api_key`."),
    }
}

/// The account that a target's calls are made for: its address and what authorises them, as a digest too short to tell
/// anything of either.
pub(crate) fn account(target: &Target) -> Arc<str> {
    let mut hasher = Sha256::new();
    let mut add = |part: &str| {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    };
    add(&target.provider.id);
    add(&target.base);
    let mut blank = Request::new(Payload::new());
    if target.signer.sign(&mut blank, SystemTime::UNIX_EPOCH).is_ok() {
        for (name, value) in blank.headers() {
            add(name.as_str());
            add(&String::from_utf8_lossy(value.as_bytes()));
        }
    }
    for (name, value) in target.params.iter().filter(|(name, _)| *name != "base_model") {
        add(name);
        add(value);
    }
    hex::encode(&hasher.finalize()[..6]).into()
}

/// The deployment's parameters for its dialect; those of a cloud completed from the environment.
pub(crate) fn target_params(provider: &Provider, params: &Params, env: Env<'_>) -> BTreeMap<String, String> {
    if provider.auth.scheme == AuthScheme::Cloud {
        return with_settings(provider, params, None, env, |settings| provider.dialect.settle(settings));
    }
    own(params)
}

fn cloud(provider: &Provider, params: &Params, api_key: Option<Secret>, env: Env<'_>) -> Credential {
    match with_settings(provider, params, api_key, env, |settings| provider.dialect.signer(settings)) {
        Ok(signer) => Credential::Cloud(signer),
        Err(error) => Credential::Missing(error.message().to_owned()),
    }
}

fn with_settings<T>(
    provider: &Provider,
    params: &Params,
    api_key: Option<Secret>,
    env: Env<'_>,
    make: impl FnOnce(&CloudSettings<'_>) -> T,
) -> T {
    let file = |path: &str| std::fs::read_to_string(path).ok();
    make(&CloudSettings { provider, params: &own(params), api_key, env, file: &file })
}

fn own(params: &Params) -> BTreeMap<String, String> {
    let target = params.params.iter().filter(|(name, _)| role(name) == Role::Target);
    let mut own: BTreeMap<_, _> =
        target.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect();
    // Where it is: some clouds grant tokens at the same address.
    own.extend(params.str("api_base").map(|base| ("api_base".to_owned(), base.to_owned())));
    // Services beside the models take other tokens.
    own.extend(params.str("model").map(|model| ("model".to_owned(), model.to_owned())));
    // What is behind a deployment's free name: dialects whose rules depend on the model want to know.
    own.extend(params.base_model().map(|base| ("base_model".to_owned(), base.to_owned())));
    own
}

impl Credential {
    /// What puts the credential on requests to the provider's usual dialect.
    pub(crate) fn signer(&self, provider: &Provider) -> Result<Arc<dyn Signer>, Issue> {
        match self {
            Self::Key(key) if provider.auth.scheme == AuthScheme::Cloud => brought(provider, key),
            _ => self.signer_for(&provider.auth.scheme),
        }
    }

    /// The same for its other dialects that are authorised otherwise, by surface.
    pub(crate) fn alternates(&self, provider: &Provider) -> Result<BTreeMap<String, Arc<dyn Signer>>, Issue> {
        let own =
            provider.alternates.iter().filter_map(|one| Some((one.surface.clone(), one.auth.as_ref()?)));
        own.map(|(surface, scheme)| Ok((surface, self.signer_for(scheme)?))).collect()
    }

    fn signer_for(&self, scheme: &AuthScheme) -> Result<Arc<dyn Signer>, Issue> {
        match self {
            Self::Cloud(signer) => Ok(signer.clone()),
            Self::None => Ok(Arc::new(Unsigned)),
            Self::Missing(message) => Ok(Arc::new(Missing(message.clone()))),
            Self::Key(key) => header(scheme, key),
        }
    }
}

/// A client's own key in front of a cloud goes where an operator's would, and nothing around the gateway completes it.
/// What the dialect does not know as a key is a token of that cloud.
fn brought(provider: &Provider, key: &Secret) -> Result<Arc<dyn Signer>, Issue> {
    let settings = CloudSettings {
        provider,
        params: &BTreeMap::new(),
        api_key: Some(key.clone()),
        env: &|_| None,
        file: &|_| None,
    };
    provider.dialect.signer(&settings).or_else(|_| header(&AuthScheme::Bearer, key))
}

fn header(scheme: &AuthScheme, key: &Secret) -> Result<Arc<dyn Signer>, Issue> {
    let (name, value) = match scheme {
        AuthScheme::Bearer | AuthScheme::Cloud => {
            (http::header::AUTHORIZATION, format!("Bearer {}", key.expose()))
        }
        AuthScheme::Header { name, prefix } => {
            let name = HeaderName::try_from(name.as_str()).map_err(|_| {
                Issue::new(
                    "auth.header",
                    format!("`{name}` is no header name."),
                    "Correct the provider's row.",
                )
            })?;
            (name, format!("{prefix}{}", key.expose()))
        }
        AuthScheme::None => return Ok(Arc::new(Unsigned)),
    };
    let value = HeaderValue::try_from(value).map_err(|_| {
        Issue::new(
            "litellm_params.api_key",
            "The key holds characters that no HTTP header can carry.",
            "Look for line breaks or quotes that came along when it was copied.",
        )
    })?;
    Ok(Arc::new(HeaderSigner::new(name, value)))
}

/// For a provider that needs a key when there is none: the call fails, the start does not.
struct Missing(String);

impl Signer for Missing {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<(), Error> {
        Err(no_credential(&self.0))
    }
}
