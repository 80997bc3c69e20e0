//! Who asks for tokens: a service account, a user, the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use lockgate_core::{
    Error, Payload, Result, Secret,
    oauth::{self, wrong},
    wire::quote,
};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

use crate::credentials::File;

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const LIFETIME: Duration = Duration::from_secs(3600);
/// Machines on Google's cloud get tokens here.
const METADATA: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";

/// Who asks for tokens.
pub(crate) enum Account {
    Service { email: String, key_id: Option<String>, key: Box<RsaKeyPair>, token_uri: String },
    User { id: String, secret: Secret, refresh: Secret, token_uri: String },
    Machine,
}

impl Account {
    /// The account of a credential file.
    ///
    /// # Errors
    /// Something is missing from it, or its kind is not known.
    pub(crate) fn of(file: File) -> Result<Self> {
        let token_uri = file.token_uri.unwrap_or_else(|| TOKEN_URI.to_owned());
        let missing = |name: &str| wrong(format!("Google's credentials have no `{name}`."));
        match file.kind.as_deref() {
            Some("service_account") | None => Ok(Self::Service {
                email: file.client_email.ok_or_else(|| missing("client_email"))?,
                key_id: file.private_key_id,
                key: Box::new(key_pair(&file.private_key.ok_or_else(|| missing("private_key"))?)?),
                token_uri,
            }),
            Some("authorized_user") => Ok(Self::User {
                id: file.client_id.ok_or_else(|| missing("client_id"))?,
                secret: Secret::from(file.client_secret.ok_or_else(|| missing("client_secret"))?),
                refresh: Secret::from(file.refresh_token.ok_or_else(|| missing("refresh_token"))?),
                token_uri,
            }),
            Some(kind) => Err(wrong(format!(
                "Google's credentials are of the type `{kind}`; this build knows `service_account` and \
                 `authorized_user`."
            ))),
        }
    }

    /// The request for a token.
    ///
    /// # Errors
    /// It cannot be signed.
    pub(crate) fn request(&self, now: SystemTime) -> Result<Request<Payload>> {
        match self {
            Self::Service { email, key_id, key, token_uri } => {
                let assertion = assertion(email, key_id.as_deref(), key, now)?;
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                    ("assertion", assertion.as_str()),
                ];
                oauth::ask(token_uri, &fields)
            }
            Self::User { id, secret, refresh, token_uri } => {
                let fields = [
                    ("grant_type", "refresh_token"),
                    ("client_id", id.as_str()),
                    ("client_secret", secret.expose()),
                    ("refresh_token", refresh.expose()),
                ];
                oauth::ask(token_uri, &fields)
            }
            Self::Machine => Request::get(METADATA)
                .header("metadata-flavor", "Google")
                .body(Payload::new())
                .map_err(|_| Error::internal("The request for a token cannot be made.")),
        }
    }
}

/// What the service account says of itself, signed with its key.
fn assertion(email: &str, key_id: Option<&str>, key: &RsaKeyPair, now: SystemTime) -> Result<String> {
    let issued = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (issued, expires) = (issued.as_secs(), (issued + LIFETIME).as_secs());
    let key_id = key_id.map(|id| format!(",\"kid\":{}", quote(id))).unwrap_or_default();
    let head = format!("{{\"typ\":\"JWT\",\"alg\":\"RS256\"{key_id}}}");
    let claims = format!(
        "{{\"iat\":{issued},\"exp\":{expires},\"iss\":{},\"aud\":{},\"scope\":{}}}",
        quote(email),
        quote(TOKEN_URI),
        quote(SCOPE)
    );
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| wrong("The service account's key cannot sign."))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// The key in a PEM text.
fn key_pair(pem: &str) -> Result<RsaKeyPair> {
    let unreadable = || wrong("The service account's `private_key` is no RSA key in PEM form.");
    let body: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).map_err(|_| unreadable())?;
    let pair = if pem.contains("BEGIN RSA PRIVATE KEY") {
        RsaKeyPair::from_der(&der)
    } else {
        RsaKeyPair::from_pkcs8(&der)
    };
    pair.map_err(|_| unreadable())
}
