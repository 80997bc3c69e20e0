use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{Attempt, Dialect, Encoded, Error, Probe, Reply, Result, StreamDecoder, Usage};

/// OpenAI's formats as upstreams speak them.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi;

impl Dialect for OpenAi {
    fn id(&self) -> &'static str {
        "openai"
    }
    fn encode(&self, _attempt: &Attempt<'_>) -> Result<Encoded> {
        Err(Error::internal("not written"))
    }
    fn decode(&self, _attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts, _body: Bytes) -> Result<Reply> {
        Err(Error::internal("not written"))
    }
    fn stream(&self, _attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        struct Never;
        impl StreamDecoder for Never {
            fn feed(&mut self, _bytes: &[u8], _out: &mut Vec<lockgate_core::Event>) -> Result<()> {
                Ok(())
            }
            fn finish(&mut self, _out: &mut Vec<lockgate_core::Event>) -> Result<()> {
                Ok(())
            }
        }
        Box::new(Never)
    }
    fn reject(&self, _attempt: &Attempt<'_>, _head: &Parts, _body: &Bytes) -> Error {
        Error::internal("not written")
    }
    fn inspect(&self, _encoded: &Encoded, _head: &Parts, _body: &Bytes) -> Result<Option<Usage>> {
        Ok(None)
    }
    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        struct Pass;
        impl Probe for Pass {
            fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
                Ok(frame)
            }
            fn finish(&mut self) -> lockgate_core::StreamEnd {
                lockgate_core::StreamEnd::default()
            }
            fn usage(&self) -> Option<Usage> {
                None
            }
            fn chunks(&self) -> u64 {
                0
            }
        }
        Box::new(Pass)
    }
}
