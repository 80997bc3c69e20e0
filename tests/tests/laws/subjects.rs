//! The dialects and surfaces under test, with a request and a stream of each.

use std::sync::Arc;

use lockgate_core::{Attempt, Dialect, Encoded, Media, Operation, ParamPolicy, Surface, Target, transcode};
use lockgate_registry::{dialects, surfaces};
use lockgate_testkit::sample;

pub(crate) const CHAT: &str = "{\"model\": \"m\",\n \"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9llo\"}], \"stream\":true,\
    \"stream_options\":{\"include_usage\":true}, \"max_tokens\": 50, \"temperature\":5e-1, \"some_new_field\":{\"a\" : [1,2 ,3]}, \"seed\":12345678901234567890}";
pub(crate) const MESSAGES: &str = "{ \"model\":\"m\",\"max_tokens\":64,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\",\
    \"some_new_field\" : 1.0}]}],\"stream\":true, \"some_new_field\":{\"a\" : [1,2 ,3]}}";

pub(crate) const OPENAI_STREAM: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    ": keep-alive\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\u{fc}\u{df}e \u{1f5fc}\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}},{\"index\":1,\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7}}\n\n",
    "data: [DONE]\n\n",
);

pub(crate) const ANTHROPIC_STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2ln\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Gr\u{fc}\u{df}e \u{1f5fc}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":4}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

/// A dialect with a stream of its own and a request of the surface that it relays.
pub(crate) struct Subject {
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) relayed: (&'static dyn Surface, &'static str),
    pub(crate) stream: &'static str,
}

pub(crate) fn dialect(id: &str) -> &'static dyn Dialect {
    dialects().iter().copied().find(|dialect| dialect.id() == id).unwrap()
}

pub(crate) fn surface(id: &str) -> &'static dyn Surface {
    surfaces().iter().copied().find(|surface| surface.id() == id).unwrap()
}

pub(crate) fn subjects() -> [Subject; 2] {
    [
        Subject { dialect: dialect("openai"), relayed: (surface("openai"), CHAT), stream: OPENAI_STREAM },
        Subject {
            dialect: dialect("anthropic"),
            relayed: (surface("anthropic"), MESSAGES),
            stream: ANTHROPIC_STREAM,
        },
    ]
}

pub(crate) fn target(dialect: &'static dyn Dialect) -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..sample::target(sample::provider(dialect), "model-1") }
}

/// Runs `test` for each dialect with a request of each surface.
pub(crate) fn for_each(test: impl Fn(&Subject, &Attempt<'_>, &Encoded)) {
    let media = Media::default();
    for subject in &subjects() {
        let target = target(subject.dialect);
        for (surface, body) in [(surface("openai"), CHAT), (surface("anthropic"), MESSAGES)] {
            let call = sample::call(surface, Operation::Chat, body).unwrap();
            let attempt = Attempt { call: &call, target: &target, media: &media };
            let encoded = transcode::prepare(&attempt, call.received).unwrap();
            test(subject, &attempt, &encoded);
        }
    }
}

/// The format in which this stream comes; a dialect may address an upstream in another one for some surface.
pub(crate) fn speaks(subject: &Subject, attempt: &Attempt<'_>, encoded: &Encoded) -> bool {
    subject.dialect.id() != "openai"
        || attempt.call.surface.id() == "openai"
        || !encoded.request.uri().path().ends_with("/responses")
}
