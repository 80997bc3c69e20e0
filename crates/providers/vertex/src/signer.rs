//! Tokens of Google's for calls to Vertex AI.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, response::Parts};
use lockgate_core::{
    CloudSettings, Error, ErrorKind, Origin, Payload, Result, Signer, Token, TokenSource,
    target::HeaderSigner, wire::view,
};
use sha2::{Digest, Sha256};

use crate::{
    account::Account,
    credentials::{self, wrong},
};

/// What a token is good for if the answer does not say.
const USUAL_LIFETIME: u64 = 3600;

view! {
    #[derive(Clone, Default)]
    struct Granted {
        access_token: Option<String>,
        expires_in: Option<serde_json::Number>,
        error: Option<String>,
        error_description: Option<String>,
    }
}

/// The signer of a deployment: an API key, or tokens for its account.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let found = credentials::find(settings)?;
    if let (Some(key), None) = (&settings.api_key, &found) {
        let value = HeaderValue::from_str(key.expose())
            .map_err(|_| wrong("The `api_key` holds characters that no HTTP header can carry."))?;
        return Ok(Arc::new(HeaderSigner::new(HeaderName::from_static("x-goog-api-key"), value)));
    }
    let (account, key) = match found {
        Some(found) => {
            let digest = Sha256::digest(found.text.expose().as_bytes());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            (Account::of(found.file)?, format!("google:{digest}"))
        }
        None => (Account::Machine, "google:machine".to_owned()),
    };
    Ok(Arc::new(Google { account, key }))
}

struct Google {
    account: Account,
    key: String,
}

impl Signer for Google {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        Ok(())
    }

    fn token_source(&self) -> Option<&dyn TokenSource> {
        Some(self)
    }
}

impl TokenSource for Google {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, now: SystemTime) -> Result<Request<Payload>> {
        self.account.request(now)
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        let granted: Granted = serde_json::from_slice(body).unwrap_or_default();
        if let (true, Some(token)) = (head.status.is_success(), &granted.access_token) {
            let seconds = granted.expires_in.as_ref().and_then(serde_json::Number::as_u64);
            let lifetime = Duration::from_secs(seconds.unwrap_or(USUAL_LIFETIME).min(86_400));
            return Token::bearer(token, now + lifetime)
                .ok_or_else(|| wrong("Google's token cannot stand in a header."));
        }
        let said = [granted.error, granted.error_description];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let said = if said.is_empty() { format!("status {}", head.status.as_u16()) } else { said.join(": ") };
        let kind = match head.status.as_u16() {
            429 => ErrorKind::RateLimit,
            500.. => ErrorKind::ServiceUnavailable,
            _ => ErrorKind::Authentication,
        };
        Err(Error::new(kind, Origin::Upstream, format!("Google gave no token for the credentials: {said}"))
            .with_status(head.status.as_u16()))
    }
}
