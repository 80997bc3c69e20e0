//! Signatures, version 4.

use std::{fmt, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http::{HeaderName, HeaderValue, Request};
use lockgate_core::{Error, Payload, Result, Secret};
use sha2::{Digest, Sha256};

/// What a request is signed for: an extension that the dialect puts on it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// The service's name in signatures: `bedrock`.
    pub service: &'static str,
    /// Where it runs: `us-east-1`.
    pub region: String,
}

/// An access key, with its token if it is a temporary one.
#[derive(Clone)]
pub struct Keys {
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

impl Keys {
    /// An access key.
    pub fn new(id: impl Into<String>, secret: impl Into<Box<str>>, token: Option<Secret>) -> Self {
        Self { id: id.into(), secret: Secret::new(secret), token }
    }

    /// Signs a request for the [`Scope`] that is on it.
    ///
    /// # Errors
    /// There is none, or the request cannot be signed.
    pub fn sign(&self, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        let scope = request.extensions().get::<Scope>().cloned();
        let scope = scope.ok_or_else(|| Error::internal("The request does not say what to sign it for."))?;
        if request.uri().authority().is_none() {
            return Err(Error::internal("A request without a host cannot be signed."));
        }
        let token = self.token.as_ref().map(|token| token.expose().to_owned());
        let credentials = Credentials::new(&self.id, self.secret.expose(), token, None, "lockgate");
        let identity: Identity = credentials.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&scope.region)
            .name(scope.service)
            .time(now)
            .settings(SigningSettings::default())
            .build()
            .map_err(unsigned)?
            .into();
        let uri = request.uri().to_string();
        // Others may be changed or added on the way.
        let signed = request
            .headers()
            .iter()
            .filter(|(name, _)| *name == http::header::CONTENT_TYPE || name.as_str().starts_with("x-amz"))
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Precomputed(digest(request.body()));
        let signable =
            SignableRequest::new(request.method().as_str(), &uri, signed, body).map_err(unsigned)?;
        let (instructions, _) = sign(signable, &params).map_err(unsigned)?.into_parts();
        let (added, _) = instructions.into_parts();
        for header in added {
            let mut value = HeaderValue::from_str(header.value()).map_err(unsigned)?;
            value.set_sensitive(header.sensitive() || header.name() == "authorization");
            request.headers_mut().insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }

    /// What tells these keys from others.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("id", &self.id).finish_non_exhaustive()
    }
}

fn digest(body: &Payload) -> String {
    let mut hasher = Sha256::new();
    for segment in body.segments() {
        hasher.update(segment);
    }
    hex::encode(hasher.finalize())
}

fn unsigned(why: impl fmt::Display) -> Error {
    Error::internal(format!("The request to AWS cannot be signed: {why}"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// The suite of AWS's own examples: `post-x-www-form-urlencoded` and, for the token, `post-sts-header-before`.
    #[test]
    fn examples_of_aws_are_signed_as_aws_does() {
        let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
        let scope = Scope { service: "service", region: "us-east-1".to_owned() };
        let request = |body: &'static str| {
            let mut request = Request::post("https://example.amazonaws.com/").extension(scope.clone());
            if !body.is_empty() {
                request = request.header("content-type", "application/x-www-form-urlencoded");
            }
            request.body(Payload::from(body)).unwrap()
        };
        let keys = |token| Keys::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
        let mut plain = request("Param1=value1");
        keys(None).sign(&mut plain, now).unwrap();
        assert_eq!(
            plain.headers()["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
        assert!(plain.headers()["authorization"].is_sensitive());
        let mut temporary = request("");
        keys(Some(Secret::new("AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==")))
            .sign(&mut temporary, now)
            .unwrap();
        let authorization = temporary.headers()["authorization"].to_str().unwrap();
        assert!(
            authorization
                .ends_with("Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
            "{authorization}"
        );
        assert!(temporary.headers()["x-amz-security-token"].is_sensitive());
    }

    #[test]
    fn requests_that_cannot_be_signed_are_errors() {
        let keys = Keys::new("AKIDEXAMPLE", "secret", None);
        let mut nowhere = Request::new(Payload::new());
        assert!(keys.sign(&mut nowhere, UNIX_EPOCH).is_err());
        nowhere.extensions_mut().insert(Scope { service: "bedrock", region: "us-east-1".to_owned() });
        assert!(keys.sign(&mut nowhere, UNIX_EPOCH).is_err());
        assert!(!format!("{keys:?}").contains("secret"));
    }
}
