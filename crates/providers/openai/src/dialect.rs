use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Error, Format, Payload, Probe, Reply, Result, StreamDecoder, Target,
    Usage,
};

use crate::{
    COMPACT, INPUT_TOKENS, RESPONSES, error, forms, measured, params, probe, request, response, responses,
    stream,
};

/// OpenAI's formats as upstreams speak them.
#[derive(Clone, Copy, Debug)]
pub struct OpenAi;

impl Dialect for OpenAi {
    fn id(&self) -> &'static str {
        "openai"
    }

    fn embeds_tokens(&self, target: &Target) -> bool {
        !target.provider.quirks.embedding_texts
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        params::supported_params(&target.provider.quirks, params::telling_name(target), &target.facts)
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[("organization", "openai-organization")]
    }

    fn streams_upload(&self, call: &Call, target: &Target) -> bool {
        forms::streams(call, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        request::encode(attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == RESPONSES {
            return responses::decode(attempt, encoded, head, &body);
        }
        response::decode(attempt, encoded, head, body)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        if encoded.format == RESPONSES {
            return responses::stream(attempt, encoded);
        }
        Box::new(stream::Decoder::new(&attempt.target.provider))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(head, body).with_provider(&*attempt.target.provider.id)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        self.pass(encoded, head, body.clone()).map(|(_, usage)| usage)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        if is_responses(encoded.format) {
            return responses::pass(encoded, head, body);
        }
        if measured::knows(encoded.format) {
            return measured::pass(encoded, head, body);
        }
        response::pass(encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        if is_responses(encoded.format) {
            return Box::new(responses::Watcher::new(encoded));
        }
        if measured::knows(encoded.format) {
            return Box::new(measured::Watcher::default());
        }
        Box::new(probe::Watcher::new(encoded))
    }
}

fn is_responses(format: Format) -> bool {
    matches!(format, RESPONSES | INPUT_TOKENS | COMPACT)
}
