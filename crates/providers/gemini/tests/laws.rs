//! The laws of every dialect, for this one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Event, FinishReason, Media, Operation, ParamPolicy, Reply,
    StreamDecoder, Target,
};
use lockgate_gemini::Gemini;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: Gemini = Gemini;
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],
    "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer"}}}}}],
    "stream":true,"x_new":1,"labels":{"a":"b"}}"#;

fn target() -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..sample::target(sample::provider(&DIALECT), "gemini-2.5-pro") }
}

fn with(body: &str, test: impl Fn(&Attempt<'_>, &Encoded, &Call)) {
    let (target, media) = (target(), Media::default());
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap(), &call);
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

fn stream() -> String {
    let frames = [
        r#"{"candidates":[{"content":{"parts":[{"text":"Grüße 😀","thought":true}],"role":"model"},"index":0}],"modelVersion":"gemini-x","responseId":"r1","usageMetadata":{"promptTokenCount":9}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"Let me \"see\".\n"},{"executableCode":{"code":"1"}},{"new":{}}],"role":"model"},"index":0,"newField":[1]}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"g"}}]},"index":0}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"finishReason":"SOMETHING_NEW","index":0}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":2,"totalTokenCount":15}}"#,
    ];
    frames.iter().map(|frame| format!("data: {frame}\n\n")).collect()
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    with(BODY, |attempt, encoded, _| {
        let decoders = || decoder(attempt, encoded);
        let probes = || DIALECT.probe(encoded);
        for stream in [stream(), stream().replace('\n', "\r\n"), stream().replace("data: {", ": x\ndata:{")] {
            let stream = stream.as_bytes();
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, stream);
            laws::a_relayed_stream_is_untouched(&probes, stream);
            let complete = |head: &[u8]| String::from_utf8_lossy(head).contains(r#""totalTokenCount":15}}"#);
            laws::a_cut_off_relay_is_an_error(&probes, stream, complete);
        }
        laws::garbage_never_panics(&decoders, &probes, stream().as_bytes(), 1_000);
    });
}

#[test]
fn a_stream_says_what_the_frames_say() {
    with(BODY, |attempt, encoded, _| {
        let events = laws::decode(decoder(attempt, encoded), [stream().as_bytes()]).unwrap();
        let calls: Vec<(String, String)> = events
            .iter()
            .filter_map(|event| match event {
                Event::ToolStart { id, name, .. } => Some((id.clone(), name.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(calls.len(), 2);
        assert!(calls[0].0.ends_with("__thought__c2ln") && !calls[1].0.contains("__thought__"), "{calls:?}");
        assert_ne!(calls[0].0, calls[1].0);
        let last: Vec<&Event> = events.iter().rev().take(3).collect();
        assert!(matches!(last[2], Event::Finish { reason: FinishReason::ToolCalls, .. }));
        assert!(matches!(last[1], Event::Usage(usage) if (usage.input, usage.output) == (9, 6)));
    });
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    with(BODY, |attempt, encoded, _| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert!(!body.contains("null"), "nothing is sent as null: {body}");
        assert_eq!(encoded.notes.dropped, ["x_new", "labels"]);
        laws::no_secret(&encoded.request, "the unsigned request");
    });
}

#[test]
fn an_error_in_a_stream_is_told_and_ends_it() {
    with(BODY, |attempt, encoded, _| {
        let error =
            "data: {\"error\":{\"code\":503,\"message\":\"Overloaded\",\"status\":\"UNAVAILABLE\"}}\n\n";
        let events =
            laws::decode(decoder(attempt, encoded), [error.as_bytes(), stream().as_bytes()]).unwrap();
        assert_eq!(events.len(), 1);
        assert!(matches!(&events[0], Event::Failure(error) if error.message() == "Overloaded"));
    });
}

#[test]
fn answers_survive_what_is_unknown_missing_or_null() {
    let head = sample::head(200, "application/json");
    with(&BODY.replace("\"stream\":true,", ""), |attempt, encoded, _| {
        let read =
            |body: &str| DIALECT.decode(attempt, encoded, &head, Bytes::copy_from_slice(body.as_bytes()));
        for body in [
            r#"{"candidates":[{}]}"#,
            r#"{"candidates":[{"content":null,"finishReason":null,"index":null}],"usageMetadata":null}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":1},{"functionCall":{}},{"x":2}]},"finishReason":"NEW"}],"usageMetadata":{"promptTokenCount":-1},"modelVersion":3}"#,
            r#"{"promptFeedback":{"blockReason":"NEW"}}"#,
        ] {
            let Reply::Chat(reply) = read(body).unwrap() else { panic!("no chat: {body}") };
            assert_eq!(reply.choices.len(), 1, "{body}");
        }
        for body in ["", "[]", "{}", "{\"candidates\":[", "{\"error\":{\"code\":400,\"message\":\"no\"}}"] {
            assert!(read(body).is_err(), "{body}");
        }
        let mut dice = laws::Dice::new(3);
        for _ in 0..500 {
            let body = dice
                .mutate(br#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#);
            let _ = DIALECT.decode(attempt, encoded, &head, Bytes::from(body));
        }
    });
}
