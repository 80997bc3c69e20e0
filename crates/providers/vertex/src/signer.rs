//! Tokens of Google's for calls to Vertex AI.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{HeaderName, Request, response::Parts};
use lockgate_core::{
    CloudSettings, Payload, Result, Signer, Token, TokenSource,
    oauth::{granted, key},
    target::HeaderSigner,
    token::TokenSigner,
};

use crate::{account::Account, credentials};

/// The signer of a deployment: an API key, or tokens for its account.
pub(crate) fn signer(settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
    let found = credentials::find(settings)?;
    if let (Some(key), None) = (&settings.api_key, &found) {
        let name = HeaderName::from_static("x-goog-api-key");
        return Ok(Arc::new(HeaderSigner::new(name, key.header_value("")?)));
    }
    let (account, key) = match found {
        Some(found) => (Account::of(found.file)?, key("google", &[found.text.expose()])),
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
