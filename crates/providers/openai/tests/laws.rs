//! The laws of every dialect and surface, for this one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use lockgate_core::{
    Attempt, Call, Encoded, Event, Media, Operation, Quirks, StreamDecoder, Surface, Target,
};
use lockgate_openai::{OpenAi, OpenAiSurface};
use lockgate_testkit::{laws, sample};

static DIALECT: OpenAi = OpenAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

const CHAT: &str = concat!(
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"temperature":0.70,"x_new":{"a":[1.0, 2]},"#,
    r#""stream":true,"stream_options":{"include_usage":true}}"#
);

const STREAM: &str = concat!(
    ": hello\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",",
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße 😀\"}}]}\r\n\r\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[",
    "{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[",
    "{\"index\":0,\"function\":{\"arguments\":\"}\"}}]}}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,",
    "\"total_tokens\":13}}\n\n",
    "data: [DONE]\n\n",
);

const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"output\":[]}}\n\n",
    "data: {\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"Hm.\"}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"output_index\":1,\"delta\":\"Grüße\"}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":2,\"item\":{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"\"}}\n\n",
    "data: {\"type\":\"response.output_item.added\",\"output_index\":3,\"item\":{\"type\":\"function_call\",\"call_id\":\"b\",\"name\":\"g\",\"arguments\":\"\"}}\n\n",
    "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":3,\"delta\":\"{}\"}\n\n",
    "data: {\"type\":\"response.function_call_arguments.delta\",\"output_index\":2,\"delta\":\"[]\"}\n\n",
    "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":5,\"output_tokens\":6,\"total_tokens\":11}}}\n\n",
);

fn target(quirks: Quirks, model: &str) -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks = quirks;
    sample::target(provider, model)
}

fn call(body: &str) -> Call {
    sample::call(&SURFACE, Operation::Chat, body).unwrap()
}

fn with<T>(target: &Target, call: &Call, run: impl FnOnce(&Attempt<'_>, &Encoded) -> T) -> T {
    let media = Media::default();
    let attempt = Attempt { call, target, media: &media };
    let encoded = attempt.dialect().encode(&attempt).unwrap();
    run(&attempt, &encoded)
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    attempt.dialect().stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

#[test]
fn chat_streams() {
    let (target, call) = (target(Quirks::default(), "gpt-4o"), call(CHAT));
    with(&target, &call, |attempt, encoded| {
        let decoders = || decoder(attempt, encoded);
        let probes = || attempt.dialect().probe(encoded);
        let stream = STREAM.as_bytes();
        let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, stream);
        laws::a_relayed_stream_is_untouched(&probes, stream);
        let finished = |head: &[u8]| {
            let text = String::from_utf8_lossy(head);
            text.split("\n\n")
                .any(|event| event.contains("\"finish_reason\":\"") && event.trim_end().ends_with("}]}"))
        };
        laws::a_cut_off_relay_is_an_error(&probes, stream, finished);
        laws::garbage_never_panics(&decoders, &probes, stream, 2_000);
        let written = laws::encode(SURFACE.encoder(&call), &events);
        let again = laws::decode(decoders(), [written.as_slice()]).unwrap();
        assert_eq!(format!("{again:?}"), format!("{events:?}").replace("id: \"\"", "id: \"chatcmpl-1\""));
    });
}

#[test]
fn responses_streams() {
    let quirks = Quirks { openai_families: true, ..Quirks::default() };
    let (target, call) =
        (target(quirks, "responses/gpt-5"), call(r#"{"model":"gpt-5","messages":[],"stream":true}"#));
    with(&target, &call, |attempt, encoded| {
        let decoders = || decoder(attempt, encoded);
        let stream = RESPONSES.as_bytes();
        let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, stream);
        laws::garbage_never_panics(&decoders, &|| attempt.dialect().probe(encoded), stream, 2_000);
        let arguments: Vec<(u32, &str)> = events
            .iter()
            .filter_map(|event| match event {
                Event::ToolArguments { index, fragment, .. } => Some((*index, fragment.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(arguments, [(1, "{}"), (0, "[]")]);
    });
}

#[test]
fn relayed_requests_keep_their_bytes() {
    let (target, call) = (target(Quirks::default(), "gpt-4o-mini"), call(CHAT));
    with(&target, &call, |attempt, encoded| {
        laws::a_relayed_request_is_untouched(CHAT.as_bytes(), encoded, &["model"]);
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
    let (target, call) = (self::target(Quirks::default(), "gpt-4o"), self::call(CHAT));
    with(&target, &call, |_, encoded| {
        assert_eq!(encoded.request.body().segments().len(), 1, "nothing to edit, nothing copied");
        assert_eq!(encoded.request.body().to_vec(), CHAT.as_bytes());
    });
}
