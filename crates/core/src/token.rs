//! Credentials that are exchanged for short-lived tokens, and what clouds make their signers of.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, response::Parts};

use crate::{Error, Payload, Provider, Result, Secret, Signer};

/// How a token is come by: the pure half. The transport asks for it ahead of its expiry, once for all who wait.
pub trait TokenSource: Send + Sync + 'static {
    /// What the token is for. Sources with the same key share a token, so that it must tell credentials apart and
    /// must not show them.
    fn key(&self) -> &str;

    /// The request that fetches a token.
    ///
    /// # Errors
    /// The credential cannot be used.
    fn request(&self, now: SystemTime) -> Result<Request<Payload>>;

    /// Reads the answer to it, whatever its status.
    ///
    /// # Errors
    /// The token was refused, or there is none in the answer.
    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token>;

    /// The next request after these answers, where one does not give the token; [`TokenSource::read`] reads the last
    /// answer.
    ///
    /// # Errors
    /// The answers cannot be used.
    fn further(&self, _answers: &[Bytes]) -> Result<Option<Request<Payload>>> {
        Ok(None)
    }

    /// A file with a credential that others replace from time to time: the transport reads it for each token.
    fn file(&self) -> Option<&str> {
        None
    }

    /// The request that fetches a token with the text of [`TokenSource::file`].
    ///
    /// # Errors
    /// As for [`TokenSource::request`].
    fn request_with(&self, _text: &str, now: SystemTime) -> Result<Request<Payload>> {
        self.request(now)
    }

    /// Whose token authorises the first request for this one.
    fn base(&self) -> Option<&dyn TokenSource> {
        None
    }

    /// Authorises a request with a token of this source.
    ///
    /// # Errors
    /// The request cannot be signed.
    fn authorise(&self, token: &Token, request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        token.put_on(request);
        Ok(())
    }
}

/// A header that authorises calls for a while.
#[derive(Clone)]
pub struct Token {
    /// The header's name.
    pub name: HeaderName,
    /// Its value, marked sensitive.
    pub value: HeaderValue,
    /// When it stops being good.
    pub expires_at: SystemTime,
    /// The key to sign with, where the header alone does not authorise.
    pub key: Option<TokenKey>,
}

/// A key for signatures that is good as long as its token.
#[derive(Clone, Debug)]
pub struct TokenKey {
    /// Its name.
    pub id: String,
    /// The key itself.
    pub secret: Secret,
}

impl Token {
    /// `Authorization: Bearer TOKEN`; nothing if the token cannot stand in a header.
    pub fn bearer(token: &str, expires_at: SystemTime) -> Option<Self> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
        value.set_sensitive(true);
        Some(Self { name: http::header::AUTHORIZATION, value, expires_at, key: None })
    }

    /// Puts it on a request.
    pub fn put_on(&self, request: &mut Request<Payload>) {
        request.headers_mut().insert(self.name.clone(), self.value.clone());
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("name", &self.name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The signer for calls that a token authorises, and nothing else.
pub struct TokenSigner<S>(pub S);

impl<S: TokenSource> Signer for TokenSigner<S> {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        Ok(())
    }

    fn token_source(&self) -> Option<&dyn TokenSource> {
        Some(&self.0)
    }
}

/// What a cloud's signer is made of, when the configuration is loaded.
pub struct CloudSettings<'a> {
    /// The provider's row.
    pub provider: &'a Provider,
    /// The deployment's cloud parameters (`aws_region_name`, `vertex_credentials`, …).
    pub params: &'a BTreeMap<String, String>,
    /// The deployment's `api_key`, or the first of the row's variables that is set.
    pub api_key: Option<Secret>,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The text of a file that parameters or environment name.
    pub file: &'a dyn Fn(&str) -> Option<String>,
}

impl CloudSettings<'_> {
    /// The parameter, or the first of the variables that is set; blank texts do not count.
    pub fn find(&self, param: &str, variables: &[&str]) -> Option<String> {
        let own = self.params.get(param).cloned();
        own.into_iter()
            .chain(variables.iter().filter_map(|name| (self.env)(name)))
            .map(|text| text.trim().to_owned())
            .find(|text| !text.is_empty())
    }
    /// The deployment's parameters but for those that are for its signer alone.
    pub fn params_without(&self, secrets: &[&str]) -> BTreeMap<String, String> {
        let mut params = self.params.clone();
        params.retain(|name, _| !secrets.contains(&name.as_str()));
        params
    }

    /// Why there is no signer, where the dialect makes none.
    pub fn no_signer(&self) -> Error {
        Error::internal(format!("The dialect of `{}` has no credentials of its own.", self.provider.id))
    }
}
