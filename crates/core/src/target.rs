//! Where a call goes: a provider's model with credentials and the operator's parameters.

use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

use crate::{Error, ModelFacts, Payload, Provider, Raw, Secret, TokenSource};

/// One place that a call can be sent to. Built when the configuration is loaded; cheap to clone.
#[derive(Clone)]
pub struct Target {
    /// The provider's row.
    pub provider: Arc<Provider>,
    /// The model's name as the provider knows it, without the provider's prefix.
    pub model: Arc<str>,
    /// The base URL, without a slash at the end: the operator's `api_base`, the environment's or the row's.
    pub base: Arc<str>,
    /// Whether `base` was set by the operator (some providers' paths depend on that).
    pub custom_base: bool,
    /// Adds the credential.
    pub signer: Arc<dyn Signer>,
    /// Signers of the provider's alternates that are authorised otherwise, by surface.
    pub alternate_signers: Arc<BTreeMap<String, Arc<dyn Signer>>>,
    /// Headers of the operator (`extra_headers`, `organization`).
    pub headers: Arc<[(http::HeaderName, http::HeaderValue)]>,
    /// Parameters of the operator that apply where the client is silent (`temperature`, `max_tokens`, …), as JSON.
    pub defaults: Arc<[(String, Raw)]>,
    /// Members that the operator merges into every body (`extra_body`).
    pub extra_body: Arc<[(String, Raw)]>,
    /// What to do with parameters that do not fit.
    pub policy: Arc<ParamPolicy>,
    /// What is known about the model.
    pub facts: Arc<ModelFacts>,
    /// The account behind it: what one account has encrypted, no other can read. Says nothing of the credential; empty
    /// if nobody needs to know.
    pub account: Arc<str>,
    /// Everything else of `litellm_params` that a dialect may read (`api_version`, `region_name`, …).
    pub params: Arc<BTreeMap<String, String>>,
}

impl Target {
    /// A parameter of the deployment.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("provider", &self.provider.id)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// What to do with parameters that the target's provider does not take. The client's own wishes
/// ([`CallOptions`](crate::CallOptions)) are added by the dialect's encoder through [`crate::Attempt::policy`].
#[derive(Clone, Debug, Default)]
pub struct ParamPolicy {
    /// Drop known but unsupported parameters and report them, instead of refusing the call.
    pub drop_params: bool,
    /// Always remove these; `tools[*].strict` and the like reach inside.
    pub additional_drop_params: Vec<String>,
    /// Forward these even if they are not known to be supported.
    pub allowed_openai_params: Vec<String>,
    /// Repair histories that the provider would refuse.
    pub modify_params: bool,
}

/// Puts a credential on a request. Pure: a signer that needs the time gets it.
pub trait Signer: Send + Sync + 'static {
    /// Adds what authorises `request`.
    fn sign(&self, request: &mut http::Request<Payload>, now: SystemTime) -> Result<(), Error>;

    /// Where the rest of the credential comes from, if it is a token that must be fetched before the call. Then the
    /// transport puts the token on the signed request.
    fn token_source(&self) -> Option<&dyn TokenSource> {
        None
    }
}

/// A header that never changes.
pub struct HeaderSigner {
    name: http::HeaderName,
    value: http::HeaderValue,
}

impl HeaderSigner {
    /// A signer that sets `name` to `value`; the value is marked sensitive.
    pub fn new(name: http::HeaderName, mut value: http::HeaderValue) -> Self {
        value.set_sensitive(true);
        Self { name, value }
    }

    /// A signer that sets `Authorization` to a bearer token.
    ///
    /// # Errors
    /// The token cannot stand in a header.
    pub fn bearer(token: &Secret) -> Result<Self, Error> {
        Ok(Self::new(http::header::AUTHORIZATION, token.header_value("Bearer ")?))
    }
}

impl Signer for HeaderSigner {
    fn sign(&self, request: &mut http::Request<Payload>, _now: SystemTime) -> Result<(), Error> {
        request.headers_mut().insert(self.name.clone(), self.value.clone());
        Ok(())
    }
}

/// For providers that need no credential.
pub struct Unsigned;

impl Signer for Unsigned {
    fn sign(&self, _request: &mut http::Request<Payload>, _now: SystemTime) -> Result<(), Error> {
        Ok(())
    }
}
