//! Keys that AWS gives to what runs on it: containers and machines.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, response::Parts};
use lockgate_core::{
    CloudSettings, Error, Payload, Result, Secret, Token, TokenSource,
    oauth::{key, wrong},
    wire::view,
};

use crate::{
    place::first,
    sts::{no_keys, sign_with, temporary},
};

/// Where containers ask.
const CONTAINER: &str = "http://169.254.170.2";
/// Where machines ask.
const MACHINE: &str = "http://169.254.169.254";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

view! {
    #[derive(Clone, Default)]
    struct Granted {
        id as "AccessKeyId": Option<String>,
        secret as "SecretAccessKey": Option<String>,
        token as "Token": Option<String>,
        expires as "Expiration": Option<String>,
    }
}

/// Keys of the role of a container (ECS, EKS).
pub(crate) struct Container {
    url: String,
    authorization: Option<Secret>,
    /// Where a token lies that others replace from time to time.
    file: Option<String>,
    key: String,
}

impl Container {
    /// The container's keys, if this runs in one that has a role.
    pub(crate) fn of(settings: &CloudSettings<'_>) -> Option<Self> {
        let relative = first(settings, &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]);
        let url = relative
            .map(|path| format!("{CONTAINER}{path}"))
            .or_else(|| first(settings, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]))?;
        let authorization = first(settings, &["AWS_CONTAINER_AUTHORIZATION_TOKEN"]).map(Secret::new);
        let file = first(settings, &["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]);
        let key = key("aws", &["container", &url]);
        Some(Self { url, authorization, file, key })
    }

    fn ask(&self, token: Option<&str>) -> Result<Request<Payload>> {
        let mut request = Request::get(&self.url);
        if let Some(token) = token {
            let mut value =
                HeaderValue::from_str(token).map_err(|_| wrong("The container's token is no header."))?;
            value.set_sensitive(true);
            request = request.header(http::header::AUTHORIZATION, value);
        }
        request.body(Payload::new()).map_err(|_| wrong("`AWS_CONTAINER_CREDENTIALS_FULL_URI` is no URL."))
    }
}

impl TokenSource for Container {
    fn key(&self) -> &str {
        &self.key
    }

    fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>> {
        self.ask(self.authorization.as_ref().map(Secret::expose))
    }

    fn request_with(&self, text: &str, _now: SystemTime) -> Result<Request<Payload>> {
        self.ask(Some(text))
    }

    fn read(&self, head: &Parts, body: &Bytes, _now: SystemTime) -> Result<Token> {
        read(head, body)
    }

    fn authorise(&self, token: &Token, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        sign_with(token, request, now)
    }
}

/// Keys of the role of a machine (EC2): a session first, then the role's name, then its keys.
pub(crate) struct Machine {
    root: String,
    key: String,
}

impl Machine {
    /// The machine's keys, unless the environment forbids to ask.
    pub(crate) fn of(settings: &CloudSettings<'_>) -> Option<Self> {
        if first(settings, &["AWS_EC2_METADATA_DISABLED"]).is_some_and(|word| word == "true") {
            return None;
        }
        let root = first(settings, &["AWS_EC2_METADATA_SERVICE_ENDPOINT"]);
        let root = root.unwrap_or_else(|| MACHINE.to_owned()).trim_end_matches('/').to_owned();
        let key = key("aws", &["machine", &root]);
        Some(Self { root, key })
    }

    fn get(&self, path: &str, session: &Bytes) -> Result<Request<Payload>> {
        let session =
            HeaderValue::from_bytes(session).map_err(|_| wrong("The machine's session is no header."))?;
        Request::get(format!("{}{path}", self.root))
            .header("x-aws-ec2-metadata-token", session)
            .body(Payload::new())
            .map_err(|_| wrong("The machine's role has no name that a URL can carry."))
    }
}

impl TokenSource for Machine {
    fn key(&self) -> &str {
        &self.key
    }

    fn request(&self, _now: SystemTime) -> Result<Request<Payload>> {
        Request::builder()
            .method(Method::PUT)
            .uri(format!("{}/latest/api/token", self.root))
            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
            .body(Payload::new())
            .map_err(|_| wrong("`AWS_EC2_METADATA_SERVICE_ENDPOINT` is no URL."))
    }

    fn further(&self, answers: &[Bytes]) -> Result<Option<Request<Payload>>> {
        match answers {
            [session] => self.get(ROLES, session).map(Some),
            [session, roles] => {
                let roles = String::from_utf8_lossy(roles);
                let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
                let role = role.ok_or_else(|| wrong("The machine has no role."))?;
                self.get(&format!("{ROLES}{role}"), session).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn read(&self, head: &Parts, body: &Bytes, _now: SystemTime) -> Result<Token> {
        read(head, body)
    }

    fn authorise(&self, token: &Token, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
        sign_with(token, request, now)
    }
}

fn read(head: &Parts, body: &Bytes) -> Result<Token> {
    let none = || -> Error {
        no_keys(head.status.as_u16(), format!("AWS gave no keys (status {}).", head.status.as_u16()))
    };
    if !head.status.is_success() {
        return Err(none());
    }
    let granted: Granted = serde_json::from_slice(body).map_err(|_| none())?;
    match (granted.id, granted.secret, granted.token) {
        (Some(id), Some(secret), Some(token)) => temporary(&id, &secret, &token, granted.expires.as_deref()),
        _ => Err(none()),
    }
}
