//! Tokens of Microsoft Entra ID for an application or a user.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_core::{
    CloudSettings, Error, ErrorKind, Origin, Payload, Result, Secret, Signer, Token, TokenSource, wire::view,
};
use sha2::{Digest, Sha256};

use crate::{address::escaped, credentials::wrong};

const AUTHORITY: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
/// What a token is good for if the answer does not say.
const USUAL_LIFETIME: u64 = 3600;

view! {
    #[derive(Clone, Default)]
    struct Granted {
        access_token: Option<String>,
        expires_in: Option<serde_json::Value>,
        error: Option<String>,
        error_description: Option<String>,
    }
}

/// Who asks for tokens, and how.
pub(crate) struct Entra {
    url: String,
    form: Secret,
    key: String,
}

impl Entra {
    /// The account that the deployment's own parameters name.
    pub(crate) fn written(settings: &CloudSettings<'_>) -> Option<Self> {
        let own = ["client_secret", "azure_password"];
        own.iter().any(|name| settings.params.contains_key(*name)).then(|| Self::found(settings)).flatten()
    }

    /// The account of parameters and environment.
    pub(crate) fn found(settings: &CloudSettings<'_>) -> Option<Self> {
        let tenant = settings.find("tenant_id", &["AZURE_TENANT_ID"])?;
        let client = settings.find("client_id", &["AZURE_CLIENT_ID"])?;
        let scope = settings.find("azure_scope", &["AZURE_SCOPE"]).unwrap_or_else(|| SCOPE.to_owned());
        let authority = settings.find("", &["AZURE_AUTHORITY_HOST"]).unwrap_or_else(|| AUTHORITY.to_owned());
        let secret = settings.find("client_secret", &["AZURE_CLIENT_SECRET"]);
        let user = settings.find("azure_username", &["AZURE_USERNAME"]);
        let password = settings.find("azure_password", &["AZURE_PASSWORD"]);
        let mut fields = vec![("client_id", client), ("scope", scope)];
        match (secret, user, password) {
            (Some(secret), _, _) => {
                fields.extend([("grant_type", "client_credentials".to_owned()), ("client_secret", secret)]);
            }
            (None, Some(user), Some(password)) => fields.extend([
                ("grant_type", "password".to_owned()),
                ("username", user),
                ("password", password),
            ]),
            _ => return None,
        }
        let form: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let url = format!("{}/{}/oauth2/v2.0/token", authority.trim_end_matches('/'), escaped(&tenant));
        let form = form.join("&");
        let digest = Sha256::digest(format!("{url} {form}").as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(Self { url, form: Secret::new(form), key: format!("entra:{digest}") })
    }
}

impl Signer for Entra {
    fn sign(&self, _request: &mut Request<Payload>, _now: SystemTime) -> Result<()> {
        Ok(())
    }

    fn token_source(&self) -> Option<&dyn TokenSource> {
        Some(self)
    }
}

impl TokenSource for Entra {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>> {
        Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(Payload::from(self.form.expose().to_owned()))
            .map_err(|_| wrong("AZURE_AUTHORITY_HOST is no URL."))
    }

    fn read(&self, head: &Parts, body: &Bytes, now: SystemTime) -> Result<Token> {
        let granted: Granted = serde_json::from_slice(body).unwrap_or_default();
        if let (true, Some(token)) = (head.status.is_success(), &granted.access_token) {
            let seconds = granted.expires_in.as_ref().and_then(|seconds| match seconds {
                serde_json::Value::String(text) => text.parse().ok(),
                other => other.as_u64(),
            });
            let lifetime = Duration::from_secs(seconds.unwrap_or(USUAL_LIFETIME).min(86_400));
            return Token::bearer(token, now + lifetime)
                .ok_or_else(|| wrong("Entra ID's token cannot stand in a header."));
        }
        let said: Vec<String> = [granted.error, granted.error_description].into_iter().flatten().collect();
        let said = if said.is_empty() { format!("status {}", head.status.as_u16()) } else { said.join(": ") };
        let kind = match head.status.as_u16() {
            429 => ErrorKind::RateLimit,
            500.. => ErrorKind::ServiceUnavailable,
            _ => ErrorKind::Authentication,
        };
        let message = format!("Entra ID gave no token for the credentials: {said}");
        Err(Error::new(kind, Origin::Upstream, message).with_status(head.status.as_u16()))
    }
}
