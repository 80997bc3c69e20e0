//! One runtime error: what kind, whose fault, and whether to try again.

mod kind;

use std::{fmt, time::Duration};

use bytes::Bytes;

pub use kind::{ErrorKind, Retry};

/// Result of anything that can fail at run time.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// The caller's.
    Client,
    /// Ours.
    Gateway,
    /// The provider's.
    Upstream,
}

/// A runtime error. One pointer wide, so that `Result`s stay small.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    origin: Origin,
    retry: Retry,
    message: String,
    status: Option<u16>,
    provider: Option<String>,
    model: Option<String>,
    code: Option<String>,
    type_: Option<String>,
    param: Option<String>,
    body: Option<Bytes>,
    stream: Option<Bytes>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    peer: Option<String>,
}

impl Error {
    /// An error of this kind, with a message for the caller. The retry verdict is the kind's usual one.
    pub fn new(kind: ErrorKind, origin: Origin, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            origin,
            retry: kind.retry(),
            message: message.into(),
            status: None,
            provider: None,
            model: None,
            code: None,
            type_: None,
            param: None,
            body: None,
            stream: None,
            request_id: None,
            retry_after: None,
            peer: None,
        }))
    }

    /// The caller's mistake.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, Origin::Client, message)
    }

    /// The caller's mistake in the named field.
    pub fn bad_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::bad_request(message).with_param(field)
    }

    /// The gateway's own failure.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, Origin::Gateway, message)
    }

    /// An upstream answer that cannot be understood.
    pub fn invalid_response(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidResponse, Origin::Upstream, message)
    }

    /// Changes what may be tried next.
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Adds the status that the upstream answered with.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the provider's id.
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider = Some(provider.into());
        self
    }

    /// Adds the model's name as the client knows it.
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.0.model = Some(model.into());
        self
    }

    /// Adds the provider's or gateway's error code.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the error type, as the provider or LiteLLM calls it.
    pub fn with_type(mut self, type_: impl Into<String>) -> Self {
        self.0.type_ = Some(type_.into());
        self
    }

    /// Adds the request field at fault.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Keeps the upstream's answer.
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = Some(body);
        self
    }

    /// Keeps the events in which the upstream told of the failure, for a client of the same protocol.
    pub fn with_stream(mut self, events: Bytes) -> Self {
        self.0.stream = Some(events);
        self
    }

    /// Keeps the upstream's request id.
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds how long to wait before trying again.
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Says which host the message names: for the operator's log, not for clients.
    pub fn with_peer(mut self, host: impl Into<String>) -> Self {
        self.0.peer = Some(host.into());
        self
    }

    /// The error for a client: hosts behind the gateway are the operator's own business, so the message has the
    /// provider's id in their place, or these words if that is not known.
    pub fn without_peer(mut self, provider: Option<&str>) -> Self {
        let Some(peer) = self.0.peer.take() else { return self };
        let name = self.0.provider.as_deref().or(provider).unwrap_or("the provider");
        let host = peer.rsplit_once(':').map_or(&*peer, |(host, _)| host);
        self.0.message = self.0.message.replace(&peer, name).replace(host, name);
        self
    }

    /// Takes a credential out of what the error says: some providers quote the key that they refuse.
    pub fn without(mut self, credential: &str) -> Self {
        const MASK: &str = "[credential]";
        if credential.len() < 8 {
            return self;
        }
        if self.0.message.contains(credential) {
            self.0.message = self.0.message.replace(credential, MASK);
        }
        let Inner { body, stream, .. } = &mut *self.0;
        for bytes in [body, stream].into_iter().flatten() {
            if let Ok(text) = std::str::from_utf8(bytes)
                && text.contains(credential)
            {
                *bytes = text.replace(credential, MASK).into();
            }
        }
        self
    }

    /// Changes the kind, keeping all else; the retry verdict becomes the new kind's usual one.
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self.0.retry = kind.retry();
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whose fault it is.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// What may be tried next.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// What the caller reads.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The upstream's status, if it answered.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The provider's id.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// The model's public name.
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// The provider's or gateway's code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The error type.
    pub fn type_(&self) -> Option<&str> {
        self.0.type_.as_deref()
    }

    /// The request field at fault.
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// The upstream's answer.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The events in which the upstream told of the failure, in the client's own protocol and with nothing before them.
    pub fn stream(&self) -> Option<&Bytes> {
        self.0.stream.as_ref()
    }

    /// The upstream's request id.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long to wait before trying again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Without the upstream's body, which may quote prompts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("origin", &self.0.origin)
            .field("retry", &self.0.retry)
            .field("message", &self.0.message)
            .field("status", &self.0.status)
            .field("provider", &self.0.provider)
            .field("code", &self.0.code)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {}

impl From<lockgate_wire::NdjsonError> for Error {
    fn from(error: lockgate_wire::NdjsonError) -> Self {
        Self::invalid_response(format!("The upstream's stream cannot be read: {error}"))
    }
}

impl From<lockgate_wire::SseError> for Error {
    fn from(error: lockgate_wire::SseError) -> Self {
        Self::invalid_response(format!("The upstream's event stream cannot be read: {error}"))
    }
}
