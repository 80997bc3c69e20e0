//! Calls that take several requests: a job is made, asked for until it is done, and its result fetched.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, response::Parts};

use crate::{Payload, Result};

/// What follows the first request of a call: send this, wait that long, done. Pure; the transport sends and waits.
///
/// Each request is signed like the first, so that an exchange never addresses a host that it has from an answer unless
/// that host may have the credential.
pub trait Exchange: Send {
    /// What comes after this successful answer. An answer with an error status ends the exchange and is explained by
    /// [`Dialect::reject`](crate::Dialect::reject).
    ///
    /// # Errors
    /// The job failed, or the answer cannot be understood.
    fn next(&mut self, head: &Parts, body: &Bytes) -> Result<Step>;

    /// Whether the exchange goes on after the request just given even if its answer has an error status: the answer to
    /// the call is there already, and what is left is to tidy up.
    fn goes_on(&self) -> bool {
        false
    }
}

/// The next step of an [`Exchange`].
#[derive(Debug)]
pub enum Step {
    /// Wait, send this, and ask again with its answer.
    Send {
        /// The request, unsigned.
        request: Request<Payload>,
        /// How long to wait before it.
        after: Duration,
    },
    /// Fetch this file, which may be anybody's and never gets the credential, and ask again with its content. The head is
    /// that of the last answer, with the file's own type.
    File(String),
    /// Send this; its answer, whole or as a stream, is the answer to the call.
    Last(Request<Payload>),
    /// The answer just given is the answer to the call.
    Done,
    /// This is the answer to the call, made of those before.
    Answer(Bytes),
}

/// Whether a URL of an answer may have the credential: it is where the credential went before, or both are the
/// provider's own hosts, which `domain` is the end of.
pub fn is_trusted(base: &str, url: &str, domain: &str) -> bool {
    let (Ok(base), Ok(url)) = (base.parse::<Uri>(), url.parse::<Uri>()) else { return false };
    if base.scheme() == url.scheme() && base.authority() == url.authority() {
        return true;
    }
    let own = |uri: &Uri| {
        uri.scheme_str() == Some("https")
            && uri.host().and_then(|host| host.strip_suffix(domain)).is_some_and(|rest| rest.ends_with('.'))
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    };
    own(&base) && own(&url)
}
