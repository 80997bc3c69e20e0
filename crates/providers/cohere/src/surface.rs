//! Cohere's API, version 2, as clients speak it.

mod answer;
mod encoder;
mod parse;

use bytes::Bytes;
use http::{HeaderMap, Response};
use lockgate_core::{
    Call, Error, Extra, Format, Operation, Payload, Reply, Result, StreamEncoder, Surface,
    hub::Request,
    surface::{Asked, Endpoint, refused},
};

use crate::{CHAT, EMBED, EMBED_V1, wire::to_raw};

/// Cohere's API as clients speak it.
#[derive(Clone, Copy, Debug)]
pub struct CohereSurface;

/// The older endpoint, which answers with bare vectors.
const V1_EMBED: &str = "/v1/embed";

static ENDPOINTS: [Endpoint; 3] = [
    Endpoint::post(Operation::Chat, "/v2/chat", &["/cohere/v2/chat"]),
    Endpoint::post(Operation::Embedding, "/v2/embed", &["/cohere/v2/embed"]),
    Endpoint::post(Operation::Embedding, V1_EMBED, &["/cohere/v1/embed"]),
];

impl Surface for CohereSurface {
    fn id(&self) -> &'static str {
        "cohere"
    }

    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::Embedding => EMBED,
            _ => CHAT,
        }
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        &ENDPOINTS
    }

    fn read(&'static self, asked: Asked<'_>, headers: HeaderMap, body: Bytes) -> Result<Call> {
        let mut call = Call::from_json(self, asked, headers, body)?;
        if call.model.is_empty() {
            return Err(Error::bad_field("model", "`model` is missing: it must name the model as a string."));
        }
        if asked.path == V1_EMBED {
            call.format = EMBED_V1;
        }
        Ok(call)
    }

    fn parse(&self, call: &Call) -> Result<Request> {
        match call.operation {
            Operation::Embedding => {
                parse::embedding(call).map(|request| Request::Embedding(Box::new(request)))
            }
            _ => parse::chat(call).map(|request| Request::Chat(Box::new(request))),
        }
    }

    fn untranslated(&self, call: &Call) -> Vec<String> {
        parse::untranslated(call)
    }

    fn inputs(&self, call: &Call) -> Option<&'static str> {
        // What is put together is written as floats.
        let types = call.body.raw("embedding_types").is_none_or(|types| types == r#"["float"]"#);
        let mut given = ["texts", "images", "inputs"].into_iter().filter(|name| call.body.contains(name));
        given.next().filter(|_| types && given.next().is_none() && call.format == EMBED)
    }

    fn write(&self, call: &Call, reply: &Reply) -> Result<Payload> {
        let body = match reply {
            Reply::Chat(reply) => answer::chat(call, reply),
            Reply::Embedding(reply) => answer::embedding(call, reply),
            _ => {
                let message = format!("Cohere's API has no answer to a {} call.", call.operation);
                return Err(Error::internal(message));
            }
        };
        Ok(to_raw(&body).get().to_owned().into())
    }

    fn encoder(&self, call: &Call) -> Box<dyn StreamEncoder> {
        Box::new(encoder::Encoder::new(call))
    }

    fn error(&self, error: &Error) -> Response<Payload> {
        let mut body = Extra::new();
        body.push("message", to_raw(error.message()));
        refused(error, error.kind().status(), to_raw(&body).get().to_owned())
    }

    fn keepalive(&self, _call: &Call) -> Bytes {
        Bytes::from_static(b": keep-alive\n\n")
    }
}
