//! The Converse API as clients speak it: AWS's SDKs pointed at the gateway.

mod answer;
mod encoder;
mod history;
mod options;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use lockgate_core::{
    Call, Error, Format, Operation, Payload, Reply, Result, StreamEncoder, Surface,
    hub::{ChatRequest, Request},
    json::to_raw,
    surface::{Asked, Endpoint, refused},
};

use crate::CONVERSE;

/// The Converse API as clients speak it.
#[derive(Clone, Copy, Debug)]
pub struct BedrockSurface;

static ENDPOINTS: [Endpoint; 2] = [
    Endpoint::post(Operation::Chat, "/model/{model}/converse", &["/bedrock/model/{model}/converse"])
        .streamed(false),
    Endpoint::post(
        Operation::Chat,
        "/model/{model}/converse-stream",
        &["/bedrock/model/{model}/converse-stream"],
    )
    .streamed(true),
];

impl Surface for BedrockSurface {
    fn id(&self) -> &'static str {
        "bedrock"
    }

    fn format(&self, _operation: Operation) -> Format {
        CONVERSE
    }

    fn keeps_blocks(&self) -> bool {
        true
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        Call::from_json(self, asked, headers, body)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        let given = options::Given::of(call)?;
        let mut request = ChatRequest {
            model: call.model.clone(),
            messages: history::messages(&given)?,
            stream: call.stream.then_some(true),
            ..ChatRequest::default()
        };
        options::apply(given, &mut request)?;
        Ok(Request::Chat(Box::new(request)))
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        options::untranslated(call)
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        match reply {
            Reply::Chat(reply) => {
                Ok(to_raw(&answer::Answer { reply, latency: latency(call.received) }).get().to_owned().into())
            }
            _ => Err(Error::internal("The Converse API answers to conversations only.")),
        }
    }

    fn stream_type(&self, _call: &Call) -> &'static str {
        "application/vnd.amazon.eventstream"
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(encoder::Encoder::new(call.received))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        let status = error.kind().status();
        let message = to_raw(error.message());
        let mut response = refused(error, status, format!("{{\"message\":{}}}", message.get()));
        response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(exception(error)));
        response
    }

    /// Nothing: SDKs show their users every event, known or not.
    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::new()
    }
}

/// A longer time is none: the machine's clock was set meanwhile.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Milliseconds since the call came.
fn latency(received: SystemTime) -> u64 {
    let since = received.elapsed().ok().filter(|since| *since < LONGEST).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// AWS's word for a request that its caller has not signed as its key demands.
const BAD_SIGNATURE: &str = "InvalidSignatureException";

/// AWS's word for a failure.
fn exception(error: &Error) -> &'static str {
    match error.kind().status() {
        403 if error.code() == Some(BAD_SIGNATURE) => BAD_SIGNATURE,
        401 => "UnrecognizedClientException",
        402 | 403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        429 => "ThrottlingException",
        400..=499 => "ValidationException",
        502..=504 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}
