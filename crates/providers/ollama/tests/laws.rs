//! The laws of every dialect, for these two.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, ErrorKind, Event, FinishReason, Media, MediaFile, Operation,
    ParamPolicy, Reply, StreamDecoder, Target,
};
use lockgate_ollama::Ollama;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECTS: [Ollama; 2] = [Ollama::Generate, Ollama::Chat];
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi"}],
    "stream":true,"num_ctx":4096,"keep_alive":"5m","logit_bias":{"1":2},"stop":"END"}"#;

fn target(dialect: &'static Ollama, model: &str) -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..sample::target(sample::provider(dialect), model) }
}

fn with(dialect: &'static Ollama, body: &str, test: impl Fn(&Attempt<'_>, &Encoded, &Call)) {
    let (target, mut media) = (target(dialect, "gpt-oss:20b"), Media::default());
    let image = MediaFile { mime: "image/png".to_owned(), bytes: Bytes::from_static(b"\0") };
    media.0.insert("https://h/a.png".to_owned(), Arc::new(image));
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &dialect.encode(&attempt).unwrap(), &call);
}

fn sent(dialect: &'static Ollama, body: &str) -> (String, serde_json::Value) {
    let out = std::cell::RefCell::new(None);
    with(dialect, body, |_, encoded, _| {
        let body = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        *out.borrow_mut() = Some((encoded.request.uri().path().to_owned(), body));
    });
    out.into_inner().unwrap()
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    attempt.dialect().stream(attempt, encoded, &sample::head(200, "application/x-ndjson"))
}

fn chat_stream() -> String {
    [
        r#"{"model":"q","message":{"role":"assistant","content":"","thinking":"Grüße 😀"},"done":false,"new":1}"#,
        r#"{"model":"q","message":{"role":"assistant","content":"<thi"},"done":false}"#,
        r#"{"model":"q","message":{"content":"nk>hm</think>Let me \"see\".\n"},"done":false}"#,
        r#"{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g"}}]}}"#,
        r#"{"message":{"content":""},"done":true,"done_reason":"new","prompt_eval_count":9,"eval_count":4}"#,
        "",
    ]
    .join("\n")
}

fn generate_stream() -> String {
    [
        r#"{"model":"q","response":"Grüße","done":false}"#,
        r#"{"model":"q","response":" 😀","thinking":null,"done":false}"#,
        r#"{"response":"","done":true,"done_reason":"length","context":[1],"eval_count":4}"#,
        "",
    ]
    .join("\n")
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    for dialect in &DIALECTS {
        with(dialect, BODY, |attempt, encoded, _| {
            let decoders = || decoder(attempt, encoded);
            let probes = || dialect.probe(encoded);
            for stream in [chat_stream(), generate_stream(), chat_stream().replace('\n', "\r\n")] {
                let stream = stream.as_bytes();
                let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
                laws::a_good_stream_is_well_formed(&events);
                laws::a_cut_off_stream_is_an_error(&decoders, stream);
                laws::a_relayed_stream_is_untouched(&probes, stream);
                let complete = |head: &[u8]| String::from_utf8_lossy(head).contains(r#""eval_count":4}"#);
                laws::a_cut_off_relay_is_an_error(&probes, stream, complete);
            }
            laws::garbage_never_panics(&decoders, &probes, chat_stream().as_bytes(), 1_000);
        });
    }
}

#[test]
fn a_stream_says_what_the_lines_say() {
    with(&DIALECTS[1], BODY, |attempt, encoded, _| {
        let events = laws::decode(decoder(attempt, encoded), [chat_stream().as_bytes()]).unwrap();
        let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
        for event in &events {
            match event {
                Event::Text { text: more, .. } => text.push_str(more),
                Event::Reasoning { text: more, .. } => reasoning.push_str(more),
                Event::ToolStart { id, name, .. } => calls.push((id.clone(), name.clone())),
                _ => {}
            }
        }
        assert_eq!((text.as_str(), reasoning.as_str()), ("Let me \"see\".\n", "Grüße 😀hm"));
        assert_eq!(calls.len(), 2);
        assert_ne!(calls[0].0, calls[1].0);
        let last: Vec<&Event> = events.iter().rev().take(3).collect();
        assert!(matches!(last[2], Event::Finish { reason: FinishReason::ToolCalls, .. }));
        assert!(matches!(last[1], Event::Usage(usage) if (usage.input, usage.output) == (9, 4)));
    });
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    for dialect in &DIALECTS {
        with(dialect, BODY, |attempt, encoded, _| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
            assert!(!body.contains("null"), "nothing is sent as null: {body}");
            assert_eq!(encoded.notes.dropped, ["logit_bias"]);
            laws::no_secret(&encoded.request, "the unsigned request");
            let head = sample::head(400, "application/json");
            let long = Bytes::from_static(br#"{"error":"the input length exceeds the context length"}"#);
            assert_eq!(dialect.reject(attempt, &head, &long).kind(), ErrorKind::ContextWindow);
        });
    }
}

#[test]
fn requests_are_sent_in_ollamas_words() {
    let (path, body) = sent(&DIALECTS[0], BODY);
    assert_eq!(path, "/v1/api/generate");
    assert_eq!(body["prompt"], "### System:\ns\n\n### User:\nhi\n\n");
    assert_eq!(body["options"], serde_json::json!({"stop": ["END"], "num_ctx": 4096}));
    assert_eq!((&body["keep_alive"], &body["stream"]), (&"5m".into(), &true.into()));
    let tools = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://h/a.png"}}]},
        {"role":"assistant","reasoning_content":"r","tool_calls":[{"id":"1","function":{"name":"f","arguments":""}}]},
        {"role":"tool","tool_call_id":"1","name":"f","content":"x"}],"reasoning_effort":"minimal",
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
        "tool_choice":{"type":"function","function":{"name":"g"}}}"#;
    for dialect in &DIALECTS {
        let (path, body) = sent(dialect, tools);
        assert_eq!(path, "/v1/api/chat");
        assert_eq!(body["messages"][0]["images"], serde_json::json!(["AA=="]));
        assert_eq!(body["messages"][1]["tool_calls"][0]["function"]["arguments"], serde_json::json!({}));
        assert_eq!(body["messages"][1]["thinking"], "r");
        assert_eq!(body["messages"][2]["tool_name"], "f");
        assert_eq!(body["tools"], serde_json::json!([{"type": "function", "function": {"name": "g"}}]));
        assert_eq!(body["think"], "low");
    }
}

#[test]
fn an_error_in_a_stream_is_told_and_ends_it() {
    with(&DIALECTS[1], BODY, |attempt, encoded, _| {
        let error = b"{\"error\":\"unexpected EOF\"}\n";
        let events = laws::decode(decoder(attempt, encoded), [&error[..], chat_stream().as_bytes()]).unwrap();
        assert_eq!(events.len(), 1);
        assert!(matches!(&events[0], Event::Failure(error) if error.message() == "unexpected EOF"));
    });
}

#[test]
fn answers_survive_what_is_unknown_missing_or_null() {
    let head = sample::head(200, "application/json");
    with(&DIALECTS[1], &BODY.replace("\"stream\":true,", ""), |attempt, encoded, _| {
        let read =
            |body: &str| DIALECTS[1].decode(attempt, encoded, &head, Bytes::copy_from_slice(body.as_bytes()));
        for body in [
            r#"{"message":{}}"#,
            r#"{"message":{"content":null,"tool_calls":null,"x":1},"done_reason":null,"eval_count":null}"#,
            r#"{"message":{"tool_calls":[{},{"function":{"arguments":null}}]},"done_reason":"new"}"#,
            r#"{"response":"","done":true}"#,
        ] {
            let Reply::Chat(reply) = read(body).unwrap() else { panic!("no chat: {body}") };
            assert_eq!(reply.choices.len(), 1, "{body}");
        }
        for body in ["", "[]", "{}", "{\"message\":{", "{\"error\":\"no\"}"] {
            assert!(read(body).is_err(), "{body}");
        }
        let mut dice = laws::Dice::new(3);
        for _ in 0..500 {
            let body = dice.mutate(br#"{"message":{"content":"<think>a</think>b"},"done":true}"#);
            let _ = DIALECTS[1].decode(attempt, encoded, &head, Bytes::from(body));
        }
    });
}

#[test]
fn functions_of_the_first_form_are_tools() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"functions":[{"name":"f","parameters":{}}]}"#;
    for dialect in &DIALECTS {
        let (path, sent) = sent(dialect, body);
        assert!(path.ends_with("/api/chat"));
        assert_eq!(sent["tools"][0]["function"]["name"], "f");
    }
}

#[test]
fn documents_are_no_pictures() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url",
        "image_url":{"url":"data:application/pdf;base64,JVBERi0="}}]}]}"#;
    for dialect in &DIALECTS {
        let (target, media) = (target(dialect, "llama3.1"), Media::default());
        let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
        let encoded = dialect.encode(&Attempt { call: &call, target: &target, media: &media });
        let error = encoded.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.message().contains("application/pdf"), "{error}");
    }
}
