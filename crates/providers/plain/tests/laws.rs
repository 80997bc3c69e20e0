//! The laws of every dialect, for each of these, and what is said on their wires.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lockgate_core::{
    Attempt, Dialect, Encoded, ErrorKind, Event, Exchange, Media, Operation, ParamPolicy, Reply, Step,
    StreamDecoder, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_plain::{
    A2A, ANTHROPIC_TEXT, FAL_CHAT, LANGFLOW, LANGGRAPH, NLP_CLOUD, PETALS, PREDIBASE, Plain, REPLICATE,
    TRITON,
};
use lockgate_testkit::{laws, sample};
use serde_json::{Value, json};

static SURFACE: OpenAiSurface = OpenAiSurface;

static ALL: [&Plain; 10] = [
    &FAL_CHAT,
    &REPLICATE,
    &PREDIBASE,
    &TRITON,
    &NLP_CLOUD,
    &PETALS,
    &ANTHROPIC_TEXT,
    &LANGGRAPH,
    &LANGFLOW,
    &A2A,
];

const BODY: &str = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],
    "stream":true,"max_tokens":7,"stop":"END","temperature":0,"tools":[],"verbosity":"low","own_word":1}"#;

const WHOLE: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn target(dialect: &'static Plain, model: &str) -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..sample::target(sample::provider(dialect), model) }
}

fn try_with(target: &Target, operation: Operation, body: &str, test: impl FnOnce(&Attempt<'_>, &Encoded)) {
    let media = Media::default();
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &target.provider.dialect.encode(&attempt).unwrap());
}

fn with(dialect: &'static Plain, body: &str, test: impl FnOnce(&Attempt<'_>, &Encoded)) {
    try_with(&target(dialect, "m"), Operation::Chat, body, test);
}

/// Path and query, and the body.
fn sent(target: &Target, operation: Operation, body: &str) -> (String, String) {
    let mut out = Default::default();
    try_with(target, operation, body, |_, encoded| {
        let uri = encoded.request.uri();
        let path = uri.path_and_query().unwrap().as_str().to_owned();
        out = (path, String::from_utf8(encoded.request.body().to_vec()).unwrap());
    });
    out
}

fn read(dialect: &'static Plain, body: &str) -> Result<String, lockgate_core::Error> {
    let mut out = None;
    with(dialect, WHOLE, |attempt, encoded| {
        let head = sample::head(200, "application/json");
        out = Some(dialect.decode(attempt, encoded, &head, body.to_owned().into()));
    });
    out.unwrap().map(|reply| match reply {
        Reply::Chat(reply) => reply.choices[0].message.content.as_ref().unwrap().text(),
        _ => panic!("no chat"),
    })
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    attempt.dialect().stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

/// A stream of each API that has some, and whether its end is marked.
fn streams() -> Vec<(&'static Plain, String, bool)> {
    let events = |events: &[(&str, &str)]| -> String {
        events.iter().map(|(name, data)| format!("event: {name}\ndata: {data}\n\n")).collect()
    };
    vec![
        (&REPLICATE, events(&[("output", "Grüße "), ("new", "{}"), ("output", "😀"), ("done", "{}")]), true),
        (
            &PREDIBASE,
            events(&[
                (
                    "",
                    r#"{"token":{"id":1,"text":"Grüße ","logprob":0,"special":false},"generated_text":null,"details":null}"#,
                ),
                ("", r#"{"token":{"text":"😀","new":1}}"#),
                (
                    "",
                    r#"{"token":{"text":"</s>","special":true},"generated_text":"Grüße 😀","details":{"finish_reason":"length","prompt_tokens":9,"generated_tokens":3}}"#,
                ),
            ]),
            true,
        ),
        (
            &TRITON,
            events(&[("", r#"{"text_output":"Grüße "}"#), ("", r#"{"text_output":"😀","new":1}"#)]),
            false,
        ),
        (
            &ANTHROPIC_TEXT,
            events(&[
                ("completion", r#"{"completion":"Grüße ","stop_reason":null}"#),
                ("ping", "{}"),
                ("completion", r#"{"completion":"😀","stop_reason":"stop_sequence"}"#),
            ]),
            true,
        ),
        (
            &LANGGRAPH,
            events(&[
                ("metadata", r#"{"run_id":"r"}"#),
                ("messages", r#"[{"type":"AIMessageChunk","content":"Grüße "},{"x":1}]"#),
                ("messages", r#"[{"type":"tool","content":"secret"},{}]"#),
                (
                    "messages|sub:1",
                    r#"[{"type":"AIMessageChunk","content":[{"type":"text","text":"😀"}]},{}]"#,
                ),
                ("end", "null"),
            ]),
            false,
        ),
        (
            &LANGFLOW,
            [
                r#"{"event":"add_message","data":{"text":"hi"}}"#,
                r#"{"event":"token","data":{"chunk":"Grüße "}}"#,
                r#"{"event":"token","data":{"chunk":"😀"}}"#,
                r#"{"event":"end","data":{"result":{}}}"#,
            ]
            .map(|line| format!("{line}\n\n"))
            .concat(),
            true,
        ),
        (
            &A2A,
            events(&[
                (
                    "",
                    r#"{"jsonrpc":"2.0","id":1,"result":{"kind":"task","id":"t","status":{"state":"working"}}}"#,
                ),
                (
                    "",
                    r#"{"result":{"kind":"artifact-update","artifact":{"parts":[{"kind":"text","text":"Grüße "}]}}}"#,
                ),
                (
                    "",
                    r#"{"result":{"kind":"artifact-update","artifact":{"parts":[{"kind":"text","text":"😀"}]}}}"#,
                ),
                ("", r#"{"result":{"kind":"status-update","status":{"state":"completed"},"final":true}}"#),
            ]),
            true,
        ),
    ]
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    for (dialect, stream, marked) in streams() {
        with(dialect, BODY, |attempt, encoded| {
            let decoders = || decoder(attempt, encoded);
            let probes = || dialect.probe(encoded);
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream.as_bytes());
            laws::a_good_stream_is_well_formed(&events);
            laws::a_relayed_stream_is_untouched(&probes, stream.as_bytes());
            if marked {
                laws::a_cut_off_stream_is_an_error(&decoders, stream.as_bytes());
            }
            laws::garbage_never_panics(&decoders, &probes, stream.as_bytes(), 300);
            let said: String = events
                .iter()
                .filter_map(|event| match event {
                    Event::Text { text, .. } => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(said, "Grüße 😀", "{dialect:?}");
        });
    }
}

#[test]
fn failures_in_streams_are_told() {
    for (dialect, stream) in [
        (&REPLICATE, "event: output\ndata: a\n\nevent: error\ndata: no memory\n\n"),
        (&PREDIBASE, "data: {\"token\":{\"text\":\"a\"}}\n\ndata: {\"error\":\"no memory\"}\n\n"),
        (&TRITON, "data: {\"text_output\":\"a\"}\n\ndata: {\"error\":\"no memory\"}\n\n"),
        (&LANGGRAPH, "event: metadata\ndata: {}\n\nevent: error\ndata: {\"message\":\"no memory\"}\n\n"),
        (&LANGFLOW, "{\"event\":\"x\"}\n{\"event\":\"error\",\"data\":{\"error\":\"no memory\"}}\n"),
    ] {
        with(dialect, BODY, |attempt, encoded| {
            let events = laws::decode(decoder(attempt, encoded), [stream.as_bytes()]).unwrap();
            let Some(Event::Failure(error)) = events.last() else { panic!("{dialect:?}: {events:?}") };
            assert!(error.message().contains("no memory"), "{dialect:?}");
        });
    }
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    for dialect in ALL {
        with(dialect, BODY, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
            assert!(!body.contains("null") && body.contains("own_word"), "{dialect:?}: {body}");
            assert!(encoded.notes.dropped.iter().any(|name| name == "verbosity"), "{dialect:?}");
            laws::no_secret(&encoded.request, "the unsigned request");
        });
        for bad in ["", "[]", "{}", "null", "<html>", "{\"choices\":[]}"] {
            assert!(read(dialect, bad).is_err(), "{dialect:?}: {bad}");
        }
    }
}

#[test]
fn whole_answers_are_read() {
    for (dialect, body) in [
        (&REPLICATE, r#"{"status":"succeeded","output":["Par","is."],"new":1}"#),
        (&REPLICATE, r#"{"status":"succeeded","output":"Paris."}"#),
        (&PREDIBASE, r#"[{"generated_text":"Paris.","details":null}]"#),
        (&TRITON, r#"{"text_output":"Paris."}"#),
        (&TRITON, r#"{"outputs":[{"name":"x","data":[1]},{"name":"text_output","data":["Paris."]}]}"#),
        (&NLP_CLOUD, r#"{"generated_text":"Paris.","nb_input_tokens":3,"nb_generated_tokens":2}"#),
        (&PETALS, r#"{"ok":true,"outputs":"Paris."}"#),
        (&ANTHROPIC_TEXT, r#"{"completion":"Paris.","stop_reason":"max_tokens"}"#),
        (&LANGGRAPH, r#"{"messages":[{"type":"ai","content":"Paris."},{"type":"tool","content":"x"}]}"#),
        (
            &LANGFLOW,
            r#"{"session_id":"s","outputs":[{"outputs":[{"results":{"message":{"text":"Paris."}}}]}]}"#,
        ),
        (&A2A, r#"{"result":{"kind":"message","parts":[{"kind":"text","text":"Paris."}]}}"#),
        (
            &A2A,
            r#"{"result":{"kind":"task","status":{"state":"completed"},"artifacts":[{"parts":[{"text":"Paris."}]}]}}"#,
        ),
    ] {
        assert_eq!(read(dialect, body).unwrap(), "Paris.", "{dialect:?}");
    }
    for (dialect, body) in [
        (&PREDIBASE, r#"{"error":"no memory","error_type":"x"}"#),
        (&TRITON, r#"{"error":"no memory"}"#),
        (&PETALS, r#"{"ok":false,"traceback":"no memory"}"#),
        (&LANGGRAPH, r#"{"__error__":{"error":"E","message":"no memory"}}"#),
        (&A2A, r#"{"error":{"code":-32000,"message":"no memory"}}"#),
        (
            &A2A,
            r#"{"result":{"kind":"task","status":{"state":"failed","message":{"parts":[{"text":"no memory"}]}}}}"#,
        ),
    ] {
        assert!(read(dialect, body).unwrap_err().message().contains("no memory"), "{dialect:?}");
    }
}

#[test]
fn each_api_has_its_address_and_words() {
    let chat = |dialect, base: &str, body: &str| {
        let target = Target { base: Arc::from(base), ..target(dialect, "m") };
        sent(&target, Operation::Chat, body)
    };
    let (path, body) = chat(&PREDIBASE, "http://u.test/t1", BODY);
    assert_eq!(path, "/t1/deployments/v2/llms/m/generate_stream");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["inputs"], "s hi");
    assert_eq!(body["parameters"]["temperature"], json!(0.01));
    let tenant = BTreeMap::from([("predibase_tenant_id".to_owned(), "t2".to_owned())]);
    let other =
        Target { params: Arc::new(tenant), base: Arc::from("http://u.test"), ..target(&PREDIBASE, "m") };
    assert_eq!(sent(&other, Operation::Chat, WHOLE).0, "/t2/deployments/v2/llms/m/generate");
    assert_eq!(chat(&TRITON, "http://u.test/generate", BODY).0, "/generate_stream");
    assert_eq!(chat(&TRITON, "http://u.test", WHOLE).0, "/v2/models/m/generate");
    let (path, body) = chat(&TRITON, "http://u.test/infer", BODY);
    let types: Vec<Value> = serde_json::from_str::<Value>(&body).unwrap()["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["datatype"].clone())
        .collect();
    assert_eq!(
        (path.as_str(), types),
        ("/infer", vec![json!("BYTES"), json!("INT32"), json!("INT32"), json!("INT32")])
    );
    assert_eq!(
        chat(&NLP_CLOUD, "http://u.test/v1/gpu", WHOLE),
        ("/v1/gpu/m/generation".to_owned(), r#"{"text":"hi"}"#.to_owned())
    );
    let (path, body) =
        chat(&PETALS, "http://u.test", r#"{"model":"m","messages":[{"role":"user","content":"a b&ü"}]}"#);
    assert_eq!(
        (path.as_str(), body.as_str()),
        ("/api/v1/generate", "max_new_tokens=256&model=m&inputs=a+b%26%C3%BC")
    );
    let (path, body) = chat(&ANTHROPIC_TEXT, "http://u.test", WHOLE);
    assert_eq!(path, "/v1/complete");
    assert!(body.contains(r#""prompt":"\n\nHuman: hi\n\nAssistant:""#), "{body}");
    let (path, body) = chat(&LANGGRAPH, "http://u.test", WHOLE);
    assert_eq!(path, "/runs/wait");
    assert_eq!(body, r#"{"assistant_id":"m","input":{"messages":[{"role":"human","content":"hi"}]}}"#);
    assert_eq!(chat(&LANGFLOW, "http://u.test", WHOLE).0, "/api/v1/run/m?stream=false");
    assert!(chat(&A2A, "http://u.test/agent", BODY).1.contains(r#""method":"message/stream""#));
}

#[test]
fn prompts_and_embeddings() {
    let llama = target(&REPLICATE, "meta/meta-llama-3-8b-instruct");
    let (path, body) = sent(&llama, Operation::Completion, r#"{"model":"m","prompt":"Once","max_tokens":5}"#);
    assert_eq!(path, "/v1/models/meta/meta-llama-3-8b-instruct/predictions");
    assert_eq!(body, r#"{"input":{"prompt":"Once","max_new_tokens":5}}"#);
    let hash = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa";
    let own = target(&REPLICATE, &format!("acme/my:{hash}"));
    let (path, body) = sent(&own, Operation::Chat, WHOLE);
    assert_eq!(
        (path.as_str(), body),
        ("/v1/predictions", format!(r#"{{"version":"{hash}","input":{{"prompt":"hi"}}}}"#))
    );
    let bge = target(&TRITON, "bge");
    let asked = r#"{"model":"m","input":["a","b"]}"#;
    try_with(&bge, Operation::Embedding, asked, |attempt, encoded| {
        assert_eq!(encoded.request.uri().path(), "/v1/v2/models/bge/infer");
        let body = r#"{"outputs":[{"shape":[2,2],"data":[0.1,0.2,0.3,1e-7]}]}"#;
        let reply = TRITON.decode(attempt, encoded, &sample::head(200, "application/json"), body.into());
        let Reply::Embedding(reply) = reply.unwrap() else { panic!("no embeddings") };
        let vectors: Vec<&str> = reply.vectors.iter().map(|vector| vector.get()).collect();
        assert_eq!(vectors, ["[0.1,0.2]", "[0.3,1e-7]"]);
    });
}

#[test]
fn a_prediction_is_watched_until_it_is_done() {
    let next = |exchange: &mut dyn Exchange, body: &str| {
        exchange.next(&sample::head(201, "application/json"), &body.to_owned().into())
    };
    let made = r#"{"id":"p1","status":"starting","urls":{"get":"http://upstream.test/v1/predictions/p1","stream":"http://upstream.test/s"}}"#;
    with(&REPLICATE, WHOLE, |attempt, encoded| {
        let mut exchange = REPLICATE.exchange(attempt, encoded).unwrap();
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let Step::Send { request, after } = next(exchange.as_mut(), made).unwrap() else { panic!() };
            assert_eq!((request.method().as_str(), request.uri().path()), ("GET", "/v1/predictions/p1"));
            assert!(after >= last && after <= Duration::from_secs(1));
            last = after;
        }
        let done = next(exchange.as_mut(), r#"{"status":"succeeded","output":"x"}"#);
        assert!(matches!(done.unwrap(), Step::Done));
        let failed =
            next(exchange.as_mut(), r#"{"status":"failed","error":"CUDA out of memory"}"#).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Unprocessable);
        assert!(failed.message().contains("CUDA out of memory"));
        let elsewhere = r#"{"id":"p1","status":"starting","urls":{"get":"http://evil.test/p1"}}"#;
        let Step::Send { request, .. } = next(exchange.as_mut(), elsewhere).unwrap() else { panic!() };
        assert_eq!(request.uri(), "http://upstream.test/v1/predictions/p1");
    });
    with(&REPLICATE, BODY, |attempt, encoded| {
        let mut exchange = REPLICATE.exchange(attempt, encoded).unwrap();
        let Step::Last(request) = next(exchange.as_mut(), made).unwrap() else { panic!() };
        assert_eq!(
            (request.uri().path(), &request.headers()["accept"]),
            ("/s", &"text/event-stream".parse().unwrap())
        );
    });
}

#[test]
fn fal_s_models_are_paths() {
    let body = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"hi"},
        {"type":"image_url","image_url":{"url":"https://cdn.example/a.png"}}]}],"temperature":0}"#;
    for (model, path, named) in [
        (
            "fal-ai/any-llm/google/gemini-flash-1.5",
            "/v1/fal-ai/any-llm",
            r#","model":"google/gemini-flash-1.5""#,
        ),
        ("fal-ai/any-llm/vision/openai/gpt-4o", "/v1/fal-ai/any-llm/vision", r#","model":"openai/gpt-4o""#),
        ("fal-ai/moondream3-preview/query", "/v1/fal-ai/moondream3-preview/query", ""),
    ] {
        let (to, said) = sent(&target(&FAL_CHAT, model), Operation::Chat, body);
        let image = r#""image_url":"https://cdn.example/a.png""#;
        let expected = format!(r#"{{"prompt":"hi","system_prompt":"s",{image}{named},"temperature":0}}"#);
        assert_eq!((to.as_str(), said), (path, expected));
    }
    assert_eq!(read(&FAL_CHAT, r#"{"output":"Hello","partial":false,"error":null}"#).unwrap(), "Hello");
    assert!(read(&FAL_CHAT, r#"{"output":"","error":"overloaded"}"#).is_err());
    assert!(read(&FAL_CHAT, "{}").is_err());
}
