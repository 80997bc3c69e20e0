//! The Security Token Service: temporary keys for a role.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_smithy_types::date_time::{DateTime, Format};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header, response::Parts};
use lockgate_core::{
    Error, ErrorKind, Origin, Payload, Result, Secret, Token, TokenKey, TokenSource,
    oauth::{key, wrong},
    uri::escaped,
};

use crate::{
    place::domain,
    sign::{Keys, Scope},
};

/// What is asked for; roles allow an hour if their owner has not changed that.
const LIFETIME: &str = "3600";
const VERSION: &str = "2011-06-15";

/// A role to be assumed.
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session: String,
    pub(crate) external_id: Option<String>,
    /// Labels of the session: names and values.
    pub(crate) tags: Vec<(String, String)>,
    /// An endpoint that is not the region's usual one.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: String,
}

/// Who assumes it.
pub(crate) enum By {
    /// The holder of these keys.
    Keys(Keys),
    /// The holder of keys that have to be fetched, too.
    Source(Arc<dyn TokenSource>),
    /// Whom this token of another issuer names.
    Identity(Secret),
    /// The same; others replace the token in this file from time to time.
    IdentityFile(String),
}

/// Temporary keys for a role.
pub(crate) struct Assumed {
    role: Role,
    by: By,
    key: String,
}

impl Assumed {
    pub(crate) fn new(role: Role, by: By) -> Self {
        let who = match &by {
            By::Keys(keys) => keys.id(),
            By::Source(source) => source.key(),
            By::Identity(token) => token.expose(),
            By::IdentityFile(path) => path,
        };
        let mut parts = vec![who, &role.arn, &role.session, &role.region];
        parts.extend(role.external_id.as_deref());
        parts.extend(role.endpoint.as_deref());
        parts.extend(role.tags.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
        let key = key("aws", &parts);
        Self { role, by, key }
    }

    fn ask(&self, identity: Option<&str>) -> Result<Request<Payload>> {
        let role = &self.role;
        let action = if identity.is_some() { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        let mut form = format!("Action={action}&Version={VERSION}&DurationSeconds={LIFETIME}");
        let mut field = |name: &str, value: &str| {
            form.push_str(&format!("&{name}={}", escaped(value)));
        };
        field("RoleArn", &role.arn);
        field("RoleSessionName", &role.session);
        match identity {
            Some(token) => field("WebIdentityToken", token),
            None => {
                role.external_id.iter().for_each(|id| field("ExternalId", id));
                for (number, (name, value)) in (1..).zip(&role.tags) {
                    field(&format!("Tags.member.{number}.Key"), name);
                    field(&format!("Tags.member.{number}.Value"), value);
                }
            }
        }
        let usual = || format!("https://sts.{}.{}", role.region, domain(&role.region));
        let url = role.endpoint.clone().unwrap_or_else(usual);
        Request::post(format!("{}/", url.trim_end_matches('/')))
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .extension(Scope { service: "sts", region: role.region.clone() })
            .body(Payload::from(form))
            .map_err(|_| wrong("The `aws_sts_endpoint` is no URL."))
    }
}

impl TokenSource for Assumed {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, now: SystemTime) -> Result<Request<Payload>> {
        match &self.by {
            By::Identity(token) => self.ask(Some(token.expose())),
            By::IdentityFile(_) => Err(wrong("The file with the web identity's token was not read.")),
            By::Source(_) => self.ask(None),
            By::Keys(keys) => {
                let mut request = self.ask(None)?;
                keys.sign(&mut request, now)?;
                Ok(request)
            }
        }
    }

    fn file(&self) -> Option<&str> {
        match &self.by {
            By::IdentityFile(path) => Some(path),
            _ => None,
        }
    }

    fn request_with(&self, text: &str, _now: SystemTime) -> Result<Request<Payload>> {
        self.ask(Some(text))
    }

    fn base(&self) -> Option<&dyn TokenSource> {
        match &self.by {
            By::Source(source) => Some(&**source),
            _ => None,
        }
    }

    fn read(&self, head: &Parts, body: &Bytes, _now: SystemTime) -> Result<Token> {
        let answer = String::from_utf8_lossy(body);
        let element = |name: &str| element(&answer, name);
        let keys = [element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken")];
        if let (true, [Some(id), Some(secret), Some(token)]) = (head.status.is_success(), keys) {
            return temporary(&id, &secret, &token, element("Expiration").as_deref());
        }
        let status = head.status.as_u16();
        let said = [element("Code"), element("Message")];
        let said: Vec<String> = said.into_iter().flatten().collect();
        let said = if said.is_empty() { format!("status {status}") } else { said.join(": ") };
        Err(no_keys(status, format!("AWS gave no keys for the role {}: {said}", self.role.arn)))
    }

    fn authorise(&self, token: &Token, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        sign_with(token, request, now)
    }
}

/// Temporary keys as a token.
pub(crate) fn temporary(id: &str, secret: &str, token: &str, expires: Option<&str>) -> Result<Token> {
    let expires_at = expires
        .and_then(|time| DateTime::from_str(time, Format::DateTimeWithOffset).ok())
        .and_then(|time| SystemTime::try_from(time).ok())
        .unwrap_or(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    let mut value =
        HeaderValue::from_str(token).map_err(|_| wrong("AWS's token cannot stand in a header."))?;
    value.set_sensitive(true);
    Ok(Token {
        name: HeaderName::from_static("x-amz-security-token"),
        value,
        expires_at,
        key: Some(TokenKey { id: id.to_owned(), secret: Secret::new(secret) }),
    })
}

/// Signs a request with temporary keys.
pub(crate) fn sign_with(token: &Token, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
    let Some(key) = &token.key else { return Err(wrong("There is no key to sign with.")) };
    let session = token.value.to_str().map_err(|_| wrong("AWS's token cannot stand in a header."))?;
    Keys::new(&key.id, key.secret.expose(), Some(Secret::new(session))).sign(request, now)
}

/// Keys that were not given.
pub(crate) fn no_keys(status: u16, message: String) -> Error {
    let kind = match status {
        429 => ErrorKind::RateLimit,
        500.. => ErrorKind::ServiceUnavailable,
        _ => ErrorKind::Authentication,
    };
    Error::new(kind, Origin::Upstream, message).with_status(status)
}

/// The text of an XML element. Those that are read hold no markup.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.trim().to_owned())
}
