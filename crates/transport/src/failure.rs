//! What went wrong on the wire, in the project's words. No URL, header or body ever enters a message: only the host, and the
//! error says so, because clients are not to read it.

use std::{error::Error as StdError, fmt, time::Duration};

use http::uri::Authority;
use lockgate_core::{Error, ErrorKind, Origin};

use crate::connect::BoxError;

/// Which of the four limits passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Limit {
    Connect,
    FirstByte,
    Idle,
    Total,
}

/// The error for a limit that passed.
pub(crate) fn timeout(limit: Limit, value: Duration, authority: &Authority) -> Error {
    let (value, host) = (Seconds(value), Host(authority));
    let message = match limit {
        Limit::Connect => format!("Timeout: no connection to {host} within the connect limit of {value}."),
        Limit::FirstByte => format!("Timeout: no answer from {host} within the first-byte limit of {value}."),
        Limit::Idle => format!("Timeout: nothing more from {host} within the idle limit of {value}."),
        Limit::Total => {
            format!("Timeout: the answer of {host} was not complete within the total limit of {value}.")
        }
    };
    of(ErrorKind::Timeout, message, host)
}

/// The error for a connection that could not be made within the limit.
pub(crate) fn no_connection(error: &BoxError, limit: Duration, authority: &Authority) -> Error {
    // The connector divides the limit among a host's addresses, and may be the first to see that it has passed.
    let slow =
        find::<std::io::Error>(&**error).is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
    if slow || find::<ConnectTimeout>(&**error).is_some() {
        return timeout(Limit::Connect, limit, authority);
    }
    let (cause, host) = (root_cause(&**error), Host(authority));
    of(ErrorKind::Connection, format!("Cannot connect to {host}: {cause}."), host)
}

/// The error for a request that got no answer.
pub(crate) fn no_answer(error: &hyper::Error, authority: &Authority) -> Error {
    let (cause, host) = (root_cause(error), Host(authority));
    let message = format!("The connection to {host} broke before an answer came: {cause}.");
    of(ErrorKind::Connection, message, host)
}

/// Whether the upstream closed the connection without a byte of an answer: what a request meets that crosses with the
/// closing of an idle connection.
pub(crate) fn is_closed(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    let kind = find::<std::io::Error>(error).map(std::io::Error::kind);
    error.is_incomplete_message()
        || error.is_closed()
        || error.is_canceled()
        || matches!(kind, Some(BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected))
}

/// The error for an answer that broke off.
pub(crate) fn broken(error: &hyper::Error, authority: &Authority) -> Error {
    let (cause, host) = (root_cause(error), Host(authority));
    of(ErrorKind::Connection, format!("The connection to {host} broke during the answer: {cause}."), host)
}

fn of(kind: ErrorKind, message: String, host: Host<'_>) -> Error {
    Error::new(kind, Origin::Upstream, message).with_peer(host.to_string())
}

/// Inside the connector's errors: the connect limit passed.
#[derive(Debug)]
pub(crate) struct ConnectTimeout(pub(crate) Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {}", Seconds(self.0))
    }
}

impl StdError for ConnectTimeout {}

/// Host and port, without the user name and password that an address may hold.
#[derive(Clone, Copy)]
struct Host<'a>(&'a Authority);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.port() {
            Some(port) => write!(f, "{}:{port}", self.0.host()),
            None => f.write_str(self.0.host()),
        }
    }
}

/// A duration as people write it in a configuration: `5 s`, `0.25 s`. A few milliseconds may have passed before the
/// clock was started; nobody wrote those.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0.as_millis() < 100 { 1000.0 } else { 100.0 };
        write!(f, "{} s", (self.0.as_secs_f64() * digits).round() / digits)
    }
}

/// The first error of that type in the chain of sources.
pub(crate) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn root_cause(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
