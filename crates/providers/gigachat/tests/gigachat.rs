//! Functions, tokens and laws of GigaChat.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Event, FinishReason, Media, Operation, Reply, Secret,
};
use lockgate_gigachat::GigaChat;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use serde_json::{Value, json};

static DIALECT: GigaChat = GigaChat;
static SURFACE: OpenAiSurface = OpenAiSurface;

const PLAIN: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const CHUNKS: &str = concat!(
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"GigaChat\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"function_call\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"GigaChat\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"function_call\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);

fn with(body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let (target, media) = (sample::target(sample::provider(&DIALECT), "GigaChat"), Media::default());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

fn body(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

#[test]
fn tools_are_functions() {
    let tools = r#"{"model":"m","temperature":0,"tool_choice":{"type":"function","function":{"name":"f"}},"messages":[
        {"role":"user","content":"go"},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
            {"id":"b","type":"function","function":{"name":"g","arguments":"broken"}}]},
        {"role":"tool","tool_call_id":"a","content":"{\"ok\":true}"},
        {"role":"tool","tool_call_id":"b","content":"done"}],
        "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}]}"#;
    with(tools, |attempt, encoded| {
        let body = body(encoded);
        assert_eq!(
            body["functions"],
            json!([{"name": "f", "description": "d", "parameters": {"type": "object"}}])
        );
        assert_eq!(body["function_call"], json!({"name": "f"}));
        assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
        assert_eq!((body.get("temperature"), &body["top_p"]), (None, &json!(0)));
        let messages = json!([
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": {"x": 1}}},
            {"role": "function", "name": "f", "content": "{\"ok\":true}"},
            {"role": "assistant", "content": "", "function_call": {"name": "g", "arguments": {}}},
            {"role": "function", "name": "g", "content": "\"done\""},
        ]);
        assert_eq!(body["messages"], messages);
        laws::encoding_is_deterministic(attempt);
    });
    for (choice, expected) in [("\"required\"", "auto"), ("\"auto\"", "auto"), ("\"none\"", "none")] {
        let asked = PLAIN.replace("\"model\"", &format!("\"tool_choice\":{choice},\"model\""));
        with(&asked, |_, encoded| assert_eq!(body(encoded)["function_call"], expected));
    }
    with(PLAIN, |attempt, encoded| {
        assert_eq!(body(encoded)["messages"], json!([{"role": "user", "content": "hi"}]));
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
}

#[test]
fn calls_come_as_calls_of_tools() {
    let answer = Bytes::from_static(br#"{"id":"7","object":"chat.completion","created":1,"model":"GigaChat:1","choices":[{"index":0,"message":{"role":"assistant","content":"","function_call":{"name":"f","arguments":{"a":1}},"functions_state_id":"s"},"finish_reason":"function_call"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#);
    let head = sample::head(200, "application/json");
    with(PLAIN, |attempt, encoded| {
        let Reply::Chat(reply) = DIALECT.decode(attempt, encoded, &head, answer.clone()).unwrap() else {
            panic!()
        };
        let choice = &reply.choices[0];
        let call = &choice.message.tool_calls.as_ref().unwrap()[0];
        assert_eq!(call.function.as_ref().unwrap().arguments.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!((call.id.as_deref(), &choice.finish), (Some("call_7_0"), &Some(FinishReason::ToolCalls)));
        assert!(DIALECT.decode(attempt, encoded, &head, Bytes::from_static(b"{")).is_err());
    });
    let legacy = PLAIN.replace("\"model\"", "\"functions\":[{\"name\":\"f\"}],\"model\"");
    with(&legacy, |attempt, encoded| {
        let Reply::Chat(reply) = DIALECT.decode(attempt, encoded, &head, answer.clone()).unwrap() else {
            panic!()
        };
        let call = reply.choices[0].message.function_call.as_ref().unwrap();
        assert_eq!(call.arguments.as_deref(), Some(r#"{"a":1}"#));
    });
}

#[test]
fn an_answer_in_a_form_is_the_call_of_a_function() {
    let format = r#"{"type":"json_schema","json_schema":{"name":"f","schema":{"type":"object"}}}"#;
    let asked = PLAIN.replace("\"model\"", &format!("\"response_format\":{format},\"model\""));
    let head = sample::head(200, "application/json");
    with(&asked, |attempt, encoded| {
        let body = body(encoded);
        assert_eq!((body.get("response_format"), &body["function_call"]), (None, &json!({"name": "f"})));
        assert_eq!(body["functions"][0]["parameters"], json!({"type": "object"}));
        let answer = br#"{"id":"7","choices":[{"index":0,"message":{"role":"assistant","content":"","function_call":{"name":"f","arguments":{"a":1}}},"finish_reason":"function_call"}]}"#;
        let reply = DIALECT.decode(attempt, encoded, &head, Bytes::from_static(answer)).unwrap();
        let Reply::Chat(reply) = reply else { panic!() };
        let choice = &reply.choices[0];
        assert_eq!(choice.message.content.as_ref().unwrap().text(), r#"{"a":1}"#);
        assert!(choice.message.tool_calls.is_none() && choice.finish == Some(FinishReason::Stop));
        let mut decoder = DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let mut events = Vec::new();
        decoder.feed(CHUNKS.as_bytes(), &mut events).unwrap();
        assert!(events.iter().any(|event| matches!(event, Event::Text { text, .. } if text == r#"{"a":1}"#)));
        assert!(events.iter().any(|event| matches!(event, Event::Finish { reason: FinishReason::Stop, .. })));
    });
    for own in [r#""functions":[{"name":"g"}]"#, r#""tools":[{"type":"function","function":{"name":"g"}}]"#] {
        let own = format!("\"response_format\":{format},{own},\"model\"");
        with(&PLAIN.replace("\"model\"", &own), |_, encoded| {
            let body = body(encoded);
            assert_eq!(body["functions"].as_array().unwrap().len(), 2);
            assert_eq!((&body["functions"][1]["name"], body.get("function_call")), (&json!("f"), None));
        });
    }
    let any = PLAIN.replace("\"model\"", "\"response_format\":{\"type\":\"json_object\"},\"model\"");
    with(&any, |_, encoded| assert_eq!(encoded.notes.dropped, ["response_format"]));
}

#[test]
fn laws_of_streams() {
    let streaming = PLAIN.replace("\"model\"", "\"stream\":true,\"model\"");
    with(&streaming, |attempt, encoded| {
        let decoders = || DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let probes = || DIALECT.probe(encoded);
        let events = laws::any_chunking_gives_the_same_events(&decoders, CHUNKS.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, CHUNKS.as_bytes());
        laws::garbage_never_panics(&decoders, &probes, CHUNKS.as_bytes(), 500);
        assert!(
            events.iter().any(
                |event| matches!(event, Event::ToolArguments { fragment, .. } if fragment == r#"{"a":1}"#)
            )
        );
        assert!(
            events.iter().any(|event| matches!(event, Event::Finish { reason: FinishReason::ToolCalls, .. }))
        );
    });
}

#[test]
fn a_project_s_key_is_exchanged() {
    let (provider, params) = (sample::provider(&DIALECT), BTreeMap::new());
    let env = |name: &str| (name == "GIGACHAT_AUTH_URL").then(|| "http://auth.test/oauth".to_owned());
    let api_key = Some(Secret::new("Y3JlZHM=".to_owned()));
    let settings =
        CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &|_| None };
    let signer = DIALECT.signer(&settings).unwrap();
    let source = signer.token_source().unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let request = source.request(now).unwrap();
    assert_eq!(request.uri(), "http://auth.test/oauth");
    assert_eq!(request.headers()["authorization"], "Basic Y3JlZHM=");
    assert_eq!(request.body().to_vec(), b"scope=GIGACHAT_API_PERS");
    let name = request.headers()["rquid"].to_str().unwrap().to_owned();
    let lengths: Vec<usize> = name.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
    let later = source.request(now + Duration::from_secs(1)).unwrap();
    assert_ne!(later.headers()["rquid"], name.as_str());
    let granted = Bytes::from_static(br#"{"access_token":"gt","expires_at":1700001800000}"#);
    let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
    assert_eq!(token.expires_at, now + Duration::from_secs(1800));
}
