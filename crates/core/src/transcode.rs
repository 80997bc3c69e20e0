//! The driver that joins a dialect and a surface: the one place where relaying and translating are told apart.
//!
//! The gateway, the library and the vector runner all go through here, so that what is tested is what runs.

mod events;
mod stream;

pub use events::events;
pub use stream::{Report, Stream};

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header, response::Parts};

use crate::{
    Attempt, Call, Encoded, Error, Notes, Operation, Payload, Reply, Result, Target, Usage, embedding,
    wire::texts_of,
};

/// What signed reasoning is called where it is left out.
const LOST: &str = "thinking_blocks";

/// Makes the upstream request: encoded, with the row's, the operator's and the client's headers, and signed.
///
/// A header that the dialect has set stays: it has merged the others' wishes where merging makes sense
/// (`anthropic-beta`).
///
/// # Errors
/// The call cannot be expressed for this target, or cannot be signed.
pub fn prepare(attempt: &Attempt<'_>, now: SystemTime) -> Result<Encoded> {
    offered(attempt.call, attempt.target)?;
    let mut encoded = attempt.dialect().encode(attempt)?;
    if !encoded.relay {
        encoded.notes.dropped.extend(attempt.call.surface.untranslated(attempt.call));
        if crate::signed::is_lost(attempt.call, encoded.request.body()) {
            encoded.notes.dropped.push(LOST.to_owned());
        }
        for name in unsaid(attempt.call, encoded.request.body()) {
            if !encoded.notes.dropped.iter().any(|own| own == name) {
                encoded.notes.dropped.push(name.to_owned());
            }
        }
    }
    complete(attempt, &mut encoded.request, now)?;
    Ok(encoded)
}

/// Refuses what a provider does not offer and nobody can make of a chat.
///
/// # Errors
/// It is such.
pub fn offered(call: &Call, target: &Target) -> Result<()> {
    let (operation, provider) = (call.operation, &target.provider);
    if matches!(operation, Operation::Search | Operation::Ocr) && !provider.offers(operation) {
        return Err(Error::bad_request(format!("{} does not offer `{operation}`.", provider.title)));
    }
    Ok(())
}

/// What a text completion asks for, and the body does not: a chat has no words for it.
fn unsaid(call: &Call, body: &Payload) -> Vec<&'static str> {
    if call.operation != Operation::Completion {
        return Vec::new();
    }
    let Ok(request) = call.completion() else { return Vec::new() };
    let asked = [
        ("best_of", request.best_of.is_some_and(|count| count > 1)),
        ("echo", request.echo == Some(true)),
        ("suffix", request.suffix.as_deref().is_some_and(|suffix| !suffix.is_empty())),
    ];
    if asked.iter().all(|(_, asked)| !asked) {
        return Vec::new();
    }
    let body = body.to_vec();
    let is_said = |name: &str| memchr::memmem::find(&body, format!("\"{name}\"").as_bytes()).is_some();
    asked.iter().filter(|(name, asked)| *asked && !is_said(name)).map(|(name, _)| *name).collect()
}

/// Whether the call's conversation has reasoning that its issuer signed, as far as a look at the bytes can tell.
pub fn may_be_signed(call: &Call) -> bool {
    call.operation == Operation::Chat && crate::signed::is_likely(call.body.source())
}

/// Whether all signed reasoning of the call's conversation can be given back to this target.
pub fn takes_signatures(attempt: &Attempt<'_>) -> bool {
    let Ok(encoded) = attempt.dialect().encode(attempt) else { return false };
    let told = encoded.notes.dropped.iter().any(|name| name == LOST);
    !told && !crate::signed::is_lost(attempt.call, encoded.request.body())
}

/// Makes a request about something that an earlier answer left at the target: `below` is put behind the path of the
/// call's own request, and there is no body.
///
/// # Errors
/// As [`prepare`].
pub fn errand(
    attempt: &Attempt<'_>,
    method: Method,
    below: &str,
    query: Option<&str>,
    now: SystemTime,
) -> Result<Encoded> {
    let mut encoded = attempt.dialect().encode(attempt)?;
    let request = &mut encoded.request;
    let own = request.uri();
    let queries: Vec<&str> = own.query().into_iter().chain(query).collect();
    let mark = if queries.is_empty() { "" } else { "?" };
    let place = format!("{}{below}{mark}{}", own.path(), queries.join("&"));
    let mut parts = own.clone().into_parts();
    let invalid = |_| Error::internal("The URL of an earlier answer is invalid.");
    parts.path_and_query = Some(place.try_into().map_err(invalid)?);
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|_| Error::internal("An upstream's URL is invalid."))?;
    *request.method_mut() = method;
    *request.body_mut() = Payload::new();
    request.headers_mut().remove(header::CONTENT_TYPE);
    complete(attempt, request, now)?;
    Ok(encoded)
}

/// The row's, the operator's and the client's headers, and the signature.
fn complete(attempt: &Attempt<'_>, request: &mut Request<Payload>, now: SystemTime) -> Result<()> {
    let headers = request.headers_mut();
    for (name, value) in &attempt.target.provider.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.entry(name).or_insert(value);
        }
    }
    for (name, value) in attempt.target.headers.iter() {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    for (name, value) in &attempt.call.options.extra_headers {
        let name = HeaderName::try_from(name).map_err(|_| {
            Error::bad_field("extra_headers", format!("`{name}` in `extra_headers` is no header name."))
        })?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            Error::bad_field("extra_headers", format!("`{name}` in `extra_headers` has an invalid value."))
        })?;
        headers.entry(name).or_insert(value);
    }
    attempt.signer().sign(request, now)
}

/// What an answer that no upstream gives leaves out of what the call asks for.
pub fn unheard(call: &Call) -> Notes {
    let dropped = unsaid(call, &Payload::new()).into_iter().map(str::to_owned).collect();
    Notes { dropped, ..Notes::default() }
}

/// A whole answer for the client.
pub struct Answer {
    /// The body, in the client's format.
    pub body: Payload,
    /// What the body is, if not JSON.
    pub content_type: Option<HeaderValue>,
    /// What was consumed, if the provider said.
    pub usage: Option<Usage>,
    /// The answer in the hub's words, if it was translated, or has to be counted because the provider did not.
    pub reply: Option<Reply>,
}

/// Writes a reply that no upstream gave: whole, or as a stream if the client wants one.
///
/// # Errors
/// The surface cannot say it.
pub fn local(call: &Call, reply: Reply) -> Result<Answer> {
    let reply = embedding::written(call, reply);
    let usage = reply.usage().cloned();
    let body = match &reply {
        Reply::Chat(reply) if call.stream => {
            let (mut encoder, mut out) = (call.surface.encoder(call), Vec::new());
            for event in events(reply) {
                encoder.event(&event, &mut out);
            }
            out.into()
        }
        _ => call.surface.write(call, &reply)?,
    };
    let content_type = call.surface.content_type(call, &reply);
    Ok(Answer { body, content_type, usage, reply: Some(reply) })
}

/// Reads a successful upstream answer and writes the client's.
///
/// # Errors
/// The answer is malformed, or an error in spite of its status.
pub fn answer(attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Answer> {
    let dialect = attempt.dialect();
    if encoded.relay && !embedding::is_unpacked(attempt.call, &body) {
        let (given, mut usage) = dialect.pass(encoded, head, body.clone())?;
        if let Some(usage) = usage.as_mut().filter(|usage| usage.model.is_none()) {
            usage.model = other_model(model_in(&body).unwrap_or_default(), &attempt.target.model);
        }
        let writes = matches!(attempt.call.operation, Operation::Chat | Operation::Completion);
        let uncounted = usage.is_none() && writes;
        let reply = uncounted.then(|| dialect.decode(attempt, encoded, head, body).ok()).flatten();
        // What is relayed is what its maker says it is: text formats of transcription are no JSON.
        let texts = matches!(attempt.call.operation, Operation::Transcription | Operation::Translation);
        let content_type = texts.then(|| head.headers.get(header::CONTENT_TYPE).cloned()).flatten();
        return Ok(Answer { body: given, content_type, usage, reply });
    }
    let mut reply = embedding::written(attempt.call, dialect.decode(attempt, encoded, head, body)?);
    let named = reply.model().and_then(|model| other_model(model, &attempt.target.model));
    if let (Some(model), Some(Some(usage))) = (named, reply.usage_mut()) {
        usage.model.get_or_insert(model);
    }
    if let (Reply::Chat(chat), true) = (&mut reply, attempt.call.surface.keeps_blocks()) {
        chat.choices.iter_mut().for_each(|choice| crate::signed::into_blocks(&mut choice.message));
    }
    let body = attempt.call.surface.write(attempt.call, &reply)?;
    let content_type = attempt.call.surface.content_type(attempt.call, &reply);
    Ok(Answer { body, content_type, usage: reply.usage().cloned(), reply: Some(reply) })
}

/// What an answer calls its model, if that is not the name that was asked for: a dated name behind an alias, what a router
/// chose, what stands behind a deployment's free name.
fn other_model(named: &str, asked: &str) -> Option<String> {
    (!named.is_empty() && named != asked).then(|| named.to_owned())
}

/// The value of the first member `model` of a body or a frame that is not empty.
pub fn model_in(body: &[u8]) -> Option<&str> {
    texts_of(body, "model").find(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::model_in;

    #[test]
    fn names_in_bodies() {
        let found = |body: &'static str| model_in(body.as_bytes());
        assert_eq!(found(r#"{"model" : "gpt-4o","x":1}"#), Some("gpt-4o"));
        assert_eq!(found(r#"{"model":""}{"model":"m"}"#), Some("m"));
        for none in ["", "\"model\"", r#""model":"#, r#""model":"cut"#, r#"{"model":null}"#] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
