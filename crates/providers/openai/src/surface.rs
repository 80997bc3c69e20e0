use bytes::Bytes;
use http::HeaderMap;
use lockgate_core::{
    Call, Error, Event, Format, Operation, Payload, Reply, Result, StreamEncoder, Surface, hub::Request,
};

/// OpenAI's endpoints as clients speak them.
#[derive(Clone, Copy, Debug)]
pub struct OpenAiSurface;

impl Surface for OpenAiSurface {
    fn id(&self) -> &'static str {
        "openai"
    }
    fn format(&self, operation: Operation) -> Format {
        match operation {
            Operation::Completion => crate::COMPLETION,
            Operation::Embedding => crate::EMBEDDING,
            Operation::Moderation => crate::MODERATION,
            Operation::Responses => crate::RESPONSES,
            _ => crate::CHAT,
        }
    }
    fn read(&'static self, operation: Operation, headers: HeaderMap, body: Bytes, path_model: Option<&str>) -> Result<Call> {
        Call::from_json(self, operation, headers, body, path_model)
    }
    fn parse(&self, _call: &Call) -> Result<Request> {
        Err(Error::internal("not written"))
    }
    fn write(&self, _call: &Call, _reply: &Reply) -> Result<Payload> {
        Err(Error::internal("not written"))
    }
    fn encoder(&self, _call: &Call) -> Box<dyn StreamEncoder> {
        struct Silent;
        impl StreamEncoder for Silent {
            fn event(&mut self, _event: &Event, _out: &mut Vec<u8>) {}
            fn fail(&mut self, _error: &Error, _out: &mut Vec<u8>) {}
        }
        Box::new(Silent)
    }
    fn error(&self, error: &Error) -> http::Response<Payload> {
        http::Response::new(error.message().to_owned().into())
    }
    fn keepalive(&self) -> Bytes {
        Bytes::from_static(b": keep-alive\n\n")
    }
}
