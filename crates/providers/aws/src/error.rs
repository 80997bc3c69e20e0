//! What AWS's services say when they refuse or fail: `{"message": "…"}`.

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{Attempt, Error, Retry, refusal::Refusal, wire::view};

use crate::Frame;

view! {
    /// Some of AWS's services begin with a capital.
    #[derive(Clone, Debug, Default)]
    struct Capital {
        message as "Message": Option<String>,
        status as "originalStatusCode": Option<u16>,
        original as "originalMessage": Option<String>,
    }
}

/// Explains an answer with an error status.
pub fn reject(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
    let error = explain(head.status.as_u16(), &head.headers, body);
    error.with_provider(&*attempt.target.provider.id)
}

/// Explains a failure in the middle of a stream.
pub fn in_stream(failure: &Frame) -> Error {
    let (name, body) = match failure {
        Frame::Exception { name, payload } => (name.as_str(), payload.clone()),
        Frame::Error { code, message } => (code.as_str(), Bytes::copy_from_slice(message.as_bytes())),
        Frame::Event { name, payload } => (name.as_str(), payload.clone()),
    };
    let status = match name.to_ascii_lowercase().trim_end_matches("exception") {
        "validation" => 400,
        "accessdenied" => 403,
        "resourcenotfound" => 404,
        "modeltimeout" => 408,
        "modelstreamerror" | "modelerror" => 424,
        "throttling" | "servicequotaexceeded" | "modelnotready" => 429,
        "serviceunavailable" => 503,
        _ => 500,
    };
    explain(status, &HeaderMap::new(), &body).with_type(name)
}

fn explain(status: u16, headers: &HeaderMap, body: &Bytes) -> Error {
    let mut said = Refusal::of_body(body);
    let capital: Capital = serde_json::from_slice(body).unwrap_or_default();
    if said.message.is_empty() {
        said.message = capital.message.or(capital.original).unwrap_or_default();
    }
    let error = said.into_error(status, headers, body);
    // The model failed, not the request.
    if status == 424 { error.with_retry(Retry::Same) } else { error }
}
