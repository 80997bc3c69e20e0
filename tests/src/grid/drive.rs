//! One call from a client's body to the bytes that it gets back, as the gateway drives it.

use std::time::SystemTime;

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Encoded, Error, Event, Media, Operation, Result, Surface,
    surface::Asked,
    transcode::{self, Stream},
};
use lockgate_registry::surfaces;
use lockgate_router::Deployment;
use serde_json::{Value, json};

use super::{
    Client,
    facts::{of_events, of_reply},
    targets::Site,
};

/// The surface of that name.
///
/// # Panics
/// There is none.
#[expect(clippy::expect_used, reason = "a test's own ground")]
pub fn surface(id: &str) -> &'static dyn Surface {
    surfaces().iter().copied().find(|surface| surface.id() == id).expect("a surface of this build")
}

/// A client's call.
///
/// # Errors
/// The surface refuses it.
pub fn call(client: &Client, body: &Value, stream: bool) -> Result<Call> {
    let asked = Asked::of(Operation::Chat).model("m");
    let mut body = body.clone();
    let asked = match client.surface {
        "gemini" if stream => Asked { query: Some("alt=sse"), ..asked.streamed(true) },
        "bedrock" => asked.streamed(stream),
        _ => asked,
    };
    if !matches!(client.surface, "gemini" | "bedrock") {
        body["model"] = json!("m");
        if stream {
            body["stream"] = json!(true);
        }
    }
    if stream && client.surface == "openai" {
        body["stream_options"] = json!({"include_usage": true});
    }
    let mut call = surface(client.surface).read(asked, http::HeaderMap::new(), body.to_string().into())?;
    call.id = "00000000-0000-4000-8000-000000000001".to_owned();
    Ok(call)
}

/// The upstream request of a call and its body.
///
/// # Errors
/// The call cannot be expressed.
pub fn prepare(call: &Call, deployment: &Deployment) -> Result<(Encoded, String)> {
    let media = Media::default();
    let attempt = Attempt { call, target: &deployment.target, media: &media };
    let mut encoded = transcode::prepare(&attempt, SystemTime::UNIX_EPOCH)?;
    let payload = std::mem::take(encoded.request.body_mut());
    let body = String::from_utf8_lossy(&payload.into_bytes()).into_owned();
    Ok((encoded, body))
}

/// The whole answer for the client to this one.
///
/// # Errors
/// The answer cannot be read or written.
pub fn answer(call: &Call, site: &Site, encoded: &Encoded, body: &[u8]) -> Result<Vec<u8>> {
    let media = Media::default();
    let attempt = Attempt { call, target: &site.deployment.target, media: &media };
    let body = Bytes::copy_from_slice(body);
    let answer = transcode::answer(&attempt, encoded, &head(200, "application/json"), body)?;
    Ok(answer.body.into_bytes().to_vec())
}

/// The stream for the client to these pieces from upstream, whatever becomes of it: what breaks it off is told in the
/// client's protocol. Gives the bytes and how it was broken off.
///
/// # Panics
/// The client is left without an end.
pub fn stream(call: &Call, site: &Site, encoded: &Encoded, pieces: &[&[u8]]) -> (Vec<u8>, Option<Error>) {
    stream_until(call, site, encoded, pieces, None)
}

/// As [`stream`]; then the connection breaks with that error, if there is one, or else closes in good order.
///
/// # Panics
/// The client is left without an end.
pub fn stream_until(
    call: &Call,
    site: &Site,
    encoded: &Encoded,
    pieces: &[&[u8]],
    broken: Option<&Error>,
) -> (Vec<u8>, Option<Error>) {
    let media = Media::default();
    let attempt = Attempt { call, target: &site.deployment.target, media: &media };
    let kind = site.stream_type(pieces.concat().as_slice());
    if kind == "application/json" {
        return unstreamed(&attempt, encoded, &pieces.concat());
    }
    let mut stream = Stream::new(&attempt, encoded, &head(200, kind));
    let (mut out, mut failed) = (Vec::new(), None);
    let mut take = |given: Result<Bytes>, stream: &mut Stream| match given {
        Ok(bytes) => out.extend_from_slice(&bytes),
        Err(error) => {
            out.extend_from_slice(&stream.fail(&error));
            failed = Some(error);
        }
    };
    for piece in pieces {
        if !stream.ended() {
            let given = stream.push(Bytes::copy_from_slice(piece));
            take(given, &mut stream);
        }
    }
    match broken {
        Some(error) if !stream.ended() => take(Err(error.clone()), &mut stream),
        _ if !stream.report().ended => {
            let given = stream.finish();
            take(given, &mut stream);
        }
        // What a relay has seen is only judged at its end.
        _ => {}
    }
    assert!(stream.ended(), "the client is left without an end");
    let failed = failed.or_else(|| stream.report().error);
    (out, failed)
}

/// The upstream gives a whole answer where a stream was asked for.
fn unstreamed(attempt: &Attempt<'_>, encoded: &Encoded, body: &[u8]) -> (Vec<u8>, Option<Error>) {
    let head = head(200, "application/json");
    let reply = attempt.dialect().decode(attempt, encoded, &head, Bytes::copy_from_slice(body));
    match reply.and_then(|reply| transcode::local(attempt.call, reply)) {
        Ok(answer) => (answer.body.into_bytes().to_vec(), None),
        Err(error) => {
            let mut out = Vec::new();
            attempt.call.surface.encoder(attempt.call).fail(&error, &mut out);
            (out, Some(error))
        }
    }
}

/// What a client reads in such an answer.
///
/// # Errors
/// It cannot be read.
pub fn read(client: &Client, sites: &[Site], call: &Call, bytes: &[u8]) -> Result<Vec<String>> {
    let reader = sites.iter().find(|site| site.name == client.reader);
    let Some(reader) = reader else { return Err(Error::internal("no reader")) };
    let media = Media::default();
    let attempt = Attempt { call, target: &reader.deployment.target, media: &media };
    let (encoded, _) = prepare(call, &reader.deployment)?;
    let dialect = attempt.dialect();
    if call.stream {
        let mut decoder = dialect.stream(&attempt, &encoded, &head(200, "text/event-stream"));
        let mut events: Vec<Event> = Vec::new();
        decoder.feed(bytes, &mut events)?;
        decoder.finish(&mut events)?;
        return of_events(&events);
    }
    let body = Bytes::copy_from_slice(bytes);
    Ok(of_reply(&dialect.decode(&attempt, &encoded, &head(200, "application/json"), body)?))
}

/// A response's head.
pub fn head(status: u16, kind: &str) -> Parts {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    response.into_parts().0
}
