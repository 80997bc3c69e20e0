//! OpenAI's Responses API as clients speak it.

use bytes::Bytes;
use http::{HeaderMap, Response};
use lockgate_core::{
    Call, Error, Format, Operation, Payload, Reply, Result, StreamEncoder, Surface,
    hub::Request,
    surface::{Asked, Endpoint},
};

use super::{COMPACT, INPUT_TOKENS, compaction, encoder::Encoder, parse, write};
use crate::{OpenAiSurface, RESPONSES};

static ENDPOINTS: [Endpoint; 2] = [
    Endpoint::post(
        Operation::Chat,
        "/v1/responses",
        &["/responses", "/openai/v1/responses", "/openai/responses"],
    ),
    Endpoint::post(
        Operation::CountTokens,
        "/v1/responses/input_tokens",
        &["/responses/input_tokens", "/openai/v1/responses/input_tokens", "/openai/responses/input_tokens"],
    ),
];

static COMPACT_ENDPOINTS: [Endpoint; 1] = [Endpoint::post(
    Operation::Chat,
    "/v1/responses/compact",
    &["/responses/compact", "/openai/v1/responses/compact", "/openai/responses/compact"],
)];

/// OpenAI's Responses API as clients speak it: a chat in other words.
#[derive(Clone, Copy, Debug)]
pub struct ResponsesSurface;

impl Surface for ResponsesSurface {
    fn id(&self) -> &'static str {
        "responses"
    }

    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::CountTokens => INPUT_TOKENS,
            _ => RESPONSES,
        }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        Call::from_json(self, asked, headers, body)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        Ok(Request::Chat(Box::new(parse::parse(call)?)))
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        parse::untranslated(call)
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        match reply {
            Reply::Chat(reply) => Ok(Payload::from(write::response(call, reply))),
            Reply::TokenCount { input } => {
                let text = format!("{{\"object\":\"response.input_tokens\",\"input_tokens\":{input}}}");
                Ok(Payload::from(text))
            }
            Reply::Raw(body) => Ok(body.clone().into()),
            _ => Err(Error::internal("The Responses API has no words for this answer.")),
        }
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        OpenAiSurface.error(error)
    }

    fn keepalive(&self, call: &Call) -> Bytes {
        OpenAiSurface.keepalive(call)
    }
}

/// `/v1/responses/compact` as clients speak it: a conversation made shorter.
#[derive(Clone, Copy, Debug)]
pub struct CompactSurface;

impl Surface for CompactSurface {
    fn id(&self) -> &'static str {
        "compact"
    }

    fn format(&self, _operation: Operation) -> Format {
        COMPACT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &COMPACT_ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        let mut call = Call::from_json(self, asked, headers, body)?;
        call.stream = false;
        Ok(call)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        Ok(Request::Chat(Box::new(compaction::request(parse::parse(call)?))))
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        parse::untranslated(call)
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        match reply {
            Reply::Chat(reply) => Ok(Payload::from(compaction::response(call, reply).get().to_owned())),
            _ => Err(Error::internal("A compaction has no words for this answer.")),
        }
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        OpenAiSurface.error(error)
    }

    fn keepalive(&self, call: &Call) -> Bytes {
        OpenAiSurface.keepalive(call)
    }
}
