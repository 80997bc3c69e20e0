//! Tokens of Google's for calls to Vertex AI.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, response::Parts};
use lockgate_core::{
    CloudSettings, Payload, Result, Signer, Token, TokenSource,
    oauth::{granted, key, wrong},
    target::HeaderSigner,
    token::TokenSigner,
};

use crate::{account::Account, credentials};

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
            let key = key("google", &[found.text.expose()]);
            (Account::of(found.file)?, key)
        }
        None => (Account::Machine, "google:machine".to_owned()),
    };
    Ok(Arc::new(TokenSigner(Google { account, key })))
}

struct Google {
    account: Account,
    key: String,
}

impl TokenSource for Google {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, now: SystemTime) -> Result<Request<Payload>> {
        self.account.request(now)
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        granted("Google", head, body, now)
    }
}
