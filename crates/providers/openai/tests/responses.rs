//! The laws of relays and surfaces, for the Responses API.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use lockgate_core::{
    Attempt, Encoded, ErrorKind, Event, Media, Operation, Surface, Target, transcode::Stream,
};
use lockgate_openai::{OpenAi, ResponsesSurface, stored};
use lockgate_testkit::{laws, sample};

static DIALECT: OpenAi = OpenAi;
static SURFACE: ResponsesSurface = ResponsesSurface;

const REQUEST: &str = r#"{"model": "gpt-4o", "input":[{"role":"user","content":"h\u00e9llo"}], "stream":true, "x_new":{"a" : [1.0 ,2]}}"#;

const STREAM: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":\"gpt-4o\",\"output\":[]}}\n\n",
    "event: response.in_progress\ndata: {\"type\":\"response.in_progress\",\"sequence_number\":1,\"response\":{\"id\":\"resp_1\",\"status\":\"in_progress\",\"model\":\"gpt-4o\",\"output\":[]}}\n\n",
    ": keep-alive\n\n",
    "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":2,\"output_index\":0,\"item\":{\"id\":\"msg_1\",\"type\":\"message\",\"content\":[]}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,\"delta\":\"Gr\u{fc}\u{df}e \\\"response\\\": {\\\"error\\\"\"}\n\n",
    "event: response.some_new_event\ndata: {\"type\":\"response.some_new_event\",\"sequence_number\":4,\"x\":1.0}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":5,\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"model\":\"gpt-4o\",\"error\":null,\"output\":[{\"type\":\"web_search_call\"}],\"usage\":{\"input_tokens\":5,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":6,\"total_tokens\":11}}}\n\n",
);

const FAILED: &str = "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"boom\"}}}\n\n";

fn with<T>(body: &str, run: impl FnOnce(&Attempt<'_>, &mut Encoded) -> T) -> T {
    let target: Target = sample::target(sample::provider(&DIALECT), "gpt-4o");
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let mut encoded = attempt.dialect().encode(&attempt).unwrap();
    run(&attempt, &mut encoded)
}

#[test]
fn relays_are_untouched() {
    with(REQUEST, |attempt, encoded| {
        assert!(encoded.relay && encoded.request.uri().path().ends_with("/responses"));
        assert_eq!(encoded.request.body().to_vec(), REQUEST.as_bytes());
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let encoded = &*encoded;
        let probes = || attempt.dialect().probe(encoded);
        laws::a_relayed_stream_is_untouched(&probes, STREAM.as_bytes());
        let finished = |head: &[u8]| {
            let text = String::from_utf8_lossy(head);
            text.split("\n\n")
                .any(|event| event.contains("response.completed") && event.trim_end().ends_with("}}}"))
        };
        laws::a_cut_off_relay_is_an_error(&probes, STREAM.as_bytes(), finished);
        let head = sample::head(200, "text/event-stream");
        let decoders = || attempt.dialect().stream(attempt, encoded, &head);
        laws::garbage_never_panics(&decoders, &probes, STREAM.as_bytes(), 1_000);
        let mut probe = probes();
        probe.pass(STREAM.into()).unwrap();
        let usage = probe.usage().unwrap();
        assert_eq!(
            (usage.input, usage.cache_read, usage.output, usage.web_searches),
            (5, Some(4), 6, Some(1))
        );
    });
}

#[test]
fn ids_lead_back_to_the_deployment() {
    with(REQUEST, |attempt, encoded| {
        encoded.memo.deployment = Some("dep".into());
        let mut probe = attempt.dialect().probe(encoded);
        let mut out = probe.pass(STREAM.into()).unwrap().to_vec();
        out.extend_from_slice(&probe.finish().rest);
        let wrapped = stored::wrap("dep", "resp_1");
        assert_eq!(String::from_utf8(out).unwrap(), STREAM.replace("resp_1", &wrapped));
        let whole =
            r#"{"id":"resp_1","model":"gpt-4o","previous_response_id":"resp_0","x" : 1.0}"#.to_owned();
        let head = sample::head(200, "application/json");
        let (body, _) = attempt.dialect().pass(encoded, &head, whole.clone().into()).unwrap();
        let expected = whole.replace("resp_1", &wrapped).replace("resp_0", &stored::wrap("dep", "resp_0"));
        assert_eq!(String::from_utf8(body.to_vec()).unwrap(), expected);
    });
    let body = format!(r#"{{"model":"gpt-4o","previous_response_id":"{}"}}"#, stored::wrap("dep", "resp_0"));
    let sent = |encoded: &Encoded| String::from_utf8(encoded.request.body().to_vec()).unwrap();
    // Another deployment's: what was said up to it is in the input.
    assert_eq!(with(&body, |_, encoded| sent(encoded)), r#"{"model":"gpt-4o"}"#);
    let target: Target = sample::target(sample::provider(&DIALECT), "gpt-4o");
    let mut call = sample::call(&SURFACE, Operation::Chat, &body).unwrap();
    call.pin = Some("dep".to_owned());
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let pinned = attempt.dialect().encode(&attempt).unwrap();
    assert_eq!(sent(&pinned), r#"{"model":"gpt-4o","previous_response_id":"resp_0"}"#);
}

#[test]
fn failures_before_content_may_be_answered_elsewhere() {
    let (created, rest) = STREAM.split_at(STREAM.find(": keep").unwrap());
    with(REQUEST, |attempt, encoded| {
        let head = sample::head(200, "text/event-stream");
        let mut early = Stream::new(attempt, encoded, &head);
        assert!(early.push(created.into()).unwrap().is_empty());
        let failed = early.push(FAILED.into()).unwrap_err();
        assert_eq!(failed.message(), "boom");
        let events = String::from_utf8(failed.stream().unwrap().to_vec()).unwrap();
        assert!(events.starts_with("event: response.created\n") && events.ends_with(FAILED), "{events}");
        assert!(!early.started());
        let mut late = Stream::new(attempt, encoded, &head);
        let said = rest.find("event: response.completed").unwrap();
        let mut out = late.push([created, &rest[..said]].concat().into()).unwrap().to_vec();
        out.extend_from_slice(&late.push(FAILED.into()).unwrap());
        out.extend_from_slice(&late.finish().unwrap());
        assert!(
            String::from_utf8(out).unwrap().ends_with(FAILED),
            "the client is told once, in the provider's words"
        );
        assert_eq!(late.report().error.unwrap().message(), "boom");
        let mut cut = Stream::new(attempt, encoded, &head);
        cut.push([created, &rest[..said]].concat().into()).unwrap();
        let told = String::from_utf8(cut.finish().unwrap().to_vec()).unwrap();
        assert!(told.starts_with("event: error\ndata: {\"type\":\"error\",\"sequence_number\":5,"), "{told}");
        assert_eq!(cut.report().error.unwrap().kind(), ErrorKind::MidStream);
    });
}

#[test]
fn what_is_written_can_be_read_again() {
    let call = sample::call(&SURFACE, Operation::Chat, REQUEST).unwrap();
    let events = [
        Event::Start { id: "x".to_owned(), model: "m".to_owned(), created: Some(5), usage: None },
        Event::Reasoning { choice: 0, text: "hm".to_owned() },
        Event::Signature { choice: 0, signature: "Eq+/==".to_owned() },
        Event::Text { choice: 0, text: "Grüße \"\n".to_owned() },
        Event::ToolStart { choice: 0, index: 0, id: "a".to_owned(), name: "f".to_owned(), extra: None },
        Event::ToolStart { choice: 0, index: 1, id: "b".to_owned(), name: "g".to_owned(), extra: None },
        Event::ToolArguments { choice: 0, index: 1, fragment: "{}".to_owned() },
        Event::ToolArguments { choice: 0, index: 0, fragment: "[]".to_owned() },
        Event::Done,
    ];
    let written = laws::encode(SURFACE.encoder(&call), &events);
    let text = String::from_utf8(written.clone()).unwrap();
    assert!(text.contains(r#"\"signature\":\"Eq+/==\""#), "{text}");
    let end = text.rfind("event: response.completed").expect("a terminal event");
    assert_eq!(text[end..].matches("\n\n").count(), 1);
    with(REQUEST, |attempt, encoded| {
        let head = sample::head(200, "text/event-stream");
        let again =
            laws::decode(attempt.dialect().stream(attempt, encoded, &head), [written.as_slice()]).unwrap();
        laws::a_good_stream_is_well_formed(&again);
        let arguments: Vec<(u32, String)> = again
            .iter()
            .filter_map(|event| match event {
                Event::ToolArguments { index, fragment, .. } => Some((*index, fragment.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(arguments, [(1, "{}".to_owned()), (0, "[]".to_owned())]);
    });
}

#[test]
fn custom_tools_are_functions_of_one_text() {
    let body = r#"{"model":"m","input":"x","tools":[{"type":"custom","name":"sh"}],"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"custom","name":"sh"}]}}"#;
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let chat = call.chat().unwrap();
    let function = chat.tools.as_ref().unwrap()[0].function.as_ref().unwrap();
    assert!(function.parameters.as_ref().unwrap().get().contains("\"required\":[\"input\"]"));
    let events = [
        Event::ToolStart { choice: 0, index: 0, id: "a".to_owned(), name: "sh".to_owned(), extra: None },
        Event::ToolArguments { choice: 0, index: 0, fragment: "{\"input\":\"ls".to_owned() },
        Event::ToolArguments { choice: 0, index: 0, fragment: " -l\"}".to_owned() },
        Event::Done,
    ];
    let text = String::from_utf8(laws::encode(SURFACE.encoder(&call), &events)).unwrap();
    assert!(text.contains(r#""type":"response.custom_tool_call_input.done","sequence_number":4,"item_id":"ctc_a","output_index":0,"input":"ls -l""#), "{text}");
    assert!(!text.contains("function_call"), "{text}");
}
