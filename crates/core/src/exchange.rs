//! Calls that take several requests: a job is made, asked for until it is done, and its result fetched.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, response::Parts};

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
    /// Send this; its answer, whole or as a stream, is the answer to the call.
    Last(Request<Payload>),
    /// The answer just given is the answer to the call.
    Done,
    /// This is the answer to the call, made of those before.
    Answer(Bytes),
}
