//! The project's key, and the token that it is exchanged for.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, response::Parts};
use lockgate_core::{
    CloudSettings, Payload, Result, Secret, Signer, Token, TokenSource,
    oauth::{Source, key, wrong},
    target::HeaderSigner,
    token::TokenSigner,
};

const OAUTH: &str = "https://ngw.devices.sberbank.ru:9443/api/v2/oauth";
const SCOPE: &str = "GIGACHAT_API_PERS";
/// The name of one request for a token, which Sber demands.
const REQUEST_ID: HeaderName = HeaderName::from_static("rquid");

/// The signer of a deployment.
///
/// # Errors
/// There is no credential, or it cannot stand in a header.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    if let Some(credentials) = &settings.api_key {
        let url = settings.find("", &["GIGACHAT_AUTH_URL"]).unwrap_or_else(|| OAUTH.to_owned());
        let scope = settings.find("gigachat_scope", &["GIGACHAT_SCOPE"]).unwrap_or_else(|| SCOPE.to_owned());
        let source = Source::new("GigaChat", url, &[("scope", &scope)]);
        let source = source.with_authorization(&format!("Basic {}", credentials.expose()))?;
        return Ok(Arc::new(TokenSigner(Numbered(source))));
    }
    match settings.find("", &["GIGACHAT_ACCESS_TOKEN"]) {
        Some(token) => Ok(Arc::new(HeaderSigner::bearer(&Secret::new(token))?)),
        None => Err(wrong(format!(
            "`{}` needs a credential: an `api_key` ({}), or GIGACHAT_ACCESS_TOKEN.",
            settings.provider.id,
            settings.provider.auth.env.join(", ")
        ))),
    }
}

/// A source whose requests bear a name of their own.
struct Numbered(Source);

impl TokenSource for Numbered {
    fn key(&self) -> &str {
        self.0.key()
    }

    fn request(&self, now: SystemTime) -> Result<Request<Payload>> {
        let mut request = self.0.request(now)?;
        let name = HeaderValue::try_from(name(self.0.key(), now));
        request.headers_mut().insert(REQUEST_ID, name.map_err(|_| wrong("The request has no name."))?);
        Ok(request)
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        self.0.read(head, body, now)
    }
}

/// A UUID of who asks and when.
fn name(who: &str, now: SystemTime) -> String {
    let when = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    let digest = key("", &[who, &when]);
    let hex = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    // Behind the colon: 64 hexadecimal digits, of which a UUID of version 4 has some of its own.
    format!("{}-{}-4{}-8{}-{}", hex(1, 9), hex(9, 13), hex(14, 17), hex(18, 21), hex(21, 33))
}
