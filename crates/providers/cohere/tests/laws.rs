//! The laws of every dialect, for this one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use lockgate_cohere::Cohere;
use lockgate_core::{
    Attempt, Call, Dialect, Encoded, Event, FinishReason, Media, Operation, ParamPolicy, Reply,
    StreamDecoder, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: Cohere = Cohere;
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi"}],
    "stream":true,"documents":[],"logit_bias":{"1":2},"stop":"END","top_k":3}"#;

fn target(model: &str) -> Target {
    let policy = ParamPolicy { drop_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..sample::target(sample::provider(&DIALECT), model) }
}

fn with(model: &str, body: &str, test: impl Fn(&Attempt<'_>, &Encoded, &Call)) {
    let (target, media) = (target(model), Media::default());
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap(), &call);
}

fn sent(model: &str, body: &str) -> serde_json::Value {
    let out = std::cell::RefCell::default();
    with(model, body, |_, encoded, _| {
        *out.borrow_mut() = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    });
    out.into_inner()
}

fn decoder(attempt: &Attempt<'_>, encoded: &Encoded) -> Box<dyn StreamDecoder> {
    DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"))
}

fn events() -> [&'static str; 14] {
    [
        r#"{"type":"message-start","id":"x1","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}"#,
        r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
        r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Grüße 😀"}}}}"#,
        r#"{"type":"content-end","index":0}"#,
        r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":"Let me \"see\".\n"}}},"new":1}"#,
        r#"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":3,"sources":[{"type":"document","id":"d1"}]}}}}"#,
        r#"{"type":"brand-new","delta":{"message":{"x":1}}}"#,
        r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"plan"}}}"#,
        r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"f_1","type":"function","function":{"name":"f","arguments":""}}}}}"#,
        r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":1}"}}}}}"#,
        r#"{"type":"tool-call-end","index":0}"#,
        r#"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"g_2","type":"function","function":{"name":"g","arguments":""}}}}}"#,
        r#"{"type":"tool-call-end","index":1}"#,
        r#"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":9,"output_tokens":4}}}}"#,
    ]
}

fn lines() -> String {
    events().iter().map(|event| format!("{event}\n")).collect()
}

fn sse() -> String {
    events().iter().map(|event| format!("event: x\ndata: {event}\n\n")).collect()
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    with("m", BODY, |attempt, encoded, _| {
        let decoders = || decoder(attempt, encoded);
        let probes = || DIALECT.probe(encoded);
        for stream in [lines(), sse(), sse().replace('\n', "\r\n")] {
            let stream = stream.as_bytes();
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, stream);
            laws::a_relayed_stream_is_untouched(&probes, stream);
            let complete = |head: &[u8]| String::from_utf8_lossy(head).contains(r#""output_tokens":4}}}}"#);
            laws::a_cut_off_relay_is_an_error(&probes, stream, complete);
        }
        laws::garbage_never_panics(&decoders, &probes, sse().as_bytes(), 1_000);
    });
}

#[test]
fn a_stream_loses_nothing() {
    with("m", BODY, |attempt, encoded, _| {
        let events = laws::decode(decoder(attempt, encoded), [sse().as_bytes()]).unwrap();
        let (mut reasoning, mut arguments, mut cited) = (String::new(), Vec::new(), false);
        for event in &events {
            match event {
                Event::Reasoning { text, .. } => reasoning.push_str(text),
                Event::ToolArguments { index, fragment, .. } => arguments.push((*index, fragment.as_str())),
                Event::Annotations { annotations, .. } => cited = annotations.get().contains("source:d1"),
                _ => {}
            }
        }
        assert_eq!(reasoning, "Grüße 😀plan");
        assert_eq!(arguments, [(0, "{\"a\":1}"), (1, "{}")]);
        assert!(cited);
        let last: Vec<&Event> = events.iter().rev().take(3).collect();
        assert!(matches!(last[2], Event::Finish { reason: FinishReason::ToolCalls, .. }));
        assert!(matches!(last[1], Event::Usage(usage) if (usage.input, usage.output) == (9, 4)));
    });
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    with("m", BODY, |attempt, encoded, _| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let body = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert!(!body.contains("null"), "nothing is sent as null: {body}");
        assert_eq!(encoded.notes.dropped, ["logit_bias"]);
        laws::no_secret(&encoded.request, "the unsigned request");
    });
}

#[test]
fn requests_are_sent_in_coheres_words() {
    let body = sent("v2/command-a", BODY);
    assert_eq!((&body["model"], &body["k"]), (&"command-a".into(), &3.into()));
    assert_eq!(body["stop_sequences"], serde_json::json!(["END"]));
    assert_eq!(body["messages"][0]["role"], "system");
    let tools = r#"{"model":"m","messages":[{"role":"user","content":"u"},
        {"role":"assistant","content":"","reasoning_content":"r","tool_calls":[{"index":0,"id":"1","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"1","content":"x"}],"thinking":{"type":"enabled","budget_tokens":100},
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}},
        "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],
        "tool_choice":{"type":"function","function":{"name":"g"}}}"#;
    let body = sent("command-a", tools);
    let call =
        serde_json::json!({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let said = serde_json::json!({"role": "assistant", "tool_plan": "r", "tool_calls": [call]});
    assert_eq!(body["messages"][1], said);
    assert_eq!(body["tools"], serde_json::json!([{"type": "function", "function": {"name": "g"}}]));
    assert_eq!(body["tool_choice"], "REQUIRED");
    assert_eq!(body["thinking"], serde_json::json!({"type": "enabled", "token_budget": 100}));
    let format = serde_json::json!({"type": "json_object", "json_schema": {"type": "object"}});
    assert_eq!(body["response_format"], format);
    let body = sent("command-a-reasoning-08-2025", tools);
    assert_eq!(body["messages"][1]["content"], serde_json::json!([{"type": "thinking", "thinking": "r"}]));
}

#[test]
fn an_error_in_a_stream_is_told_and_ends_it() {
    with("m", BODY, |attempt, encoded, _| {
        for error in [
            r#"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"Overloaded"}}"#,
            r#"{"id":"1","message":"Overloaded"}"#,
        ] {
            let stream = format!("{error}\n{}", lines());
            let events = laws::decode(decoder(attempt, encoded), [stream.as_bytes()]).unwrap();
            assert!(matches!(events.last(), Some(Event::Failure(error)) if error.message() == "Overloaded"));
        }
    });
}

#[test]
fn answers_survive_what_is_unknown_missing_or_null() {
    let head = sample::head(200, "application/json");
    with("m", &BODY.replace("\"stream\":true,", ""), |attempt, encoded, _| {
        let read =
            |body: &str| DIALECT.decode(attempt, encoded, &head, Bytes::copy_from_slice(body.as_bytes()));
        for (body, reason) in [
            (r#"{"message":{}}"#, FinishReason::Stop),
            (r#"{"message":{"content":null,"citations":null},"finish_reason":"NEW"}"#, FinishReason::Stop),
            (r#"{"message":{"content":"text"},"finish_reason":"MAX_TOKENS"}"#, FinishReason::Length),
            (
                r#"{"message":{"content":[{"type":"new"},1]},"finish_reason":"ERROR_TOXIC"}"#,
                FinishReason::ContentFilter,
            ),
            (
                r#"{"message":{"tool_calls":[{}]},"finish_reason":"TOOL_CALL","usage":{}}"#,
                FinishReason::ToolCalls,
            ),
        ] {
            let Reply::Chat(reply) = read(body).unwrap() else { panic!("no chat: {body}") };
            assert_eq!(reply.choices[0].finish, Some(reason), "{body}");
        }
        for body in [
            "",
            "[]",
            "{}",
            "{\"message\":{",
            r#"{"message":"no"}"#,
            r#"{"message":{},"finish_reason":"ERROR"}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        let mut dice = laws::Dice::new(3);
        for _ in 0..500 {
            let body = dice.mutate(br#"{"message":{"content":[{"text":"a"}]},"finish_reason":"COMPLETE"}"#);
            let _ = DIALECT.decode(attempt, encoded, &head, Bytes::from(body));
        }
    });
}

#[test]
fn a_user_who_says_nothing_has_a_text_all_the_same() {
    for nothing in ["[]", "null", "\"\""] {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":{nothing}}}]}}"#);
        with("m", &body, |_, encoded, _| {
            let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
            assert!(sent.contains(r#"{"role":"user","content":""}"#), "{sent}");
        });
    }
}

const V1: &str = "v1/command-r-plus";

fn v1_events() -> [&'static str; 9] {
    [
        r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g1"}"#,
        r#"{"is_finished":false,"event_type":"search-results","documents":[{"id":"web_0","title":"T","url":"https://a.example"}]}"#,
        r#"{"is_finished":false,"event_type":"text-generation","text":"Grüße 😀"}"#,
        r#"{"is_finished":false,"event_type":"citation-generation","citations":[{"start":0,"end":5,"text":"Grüße","document_ids":["web_0","d1"]}]}"#,
        r#"{"is_finished":false,"event_type":"brand-new","x":1}"#,
        r#"{"is_finished":false,"event_type":"tool-calls-chunk","text":" plan"}"#,
        r#"{"is_finished":false,"event_type":"tool-calls-chunk","tool_call_delta":{"index":0,"name":"f"}}"#,
        r#"{"is_finished":false,"event_type":"tool-calls-generation","text":" plan","tool_calls":[{"name":"f","parameters":{"a":1}},{"name":"g","parameters":{}}]}"#,
        r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"response_id":"r1","text":"Grüße 😀","meta":{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":9,"output_tokens":4}}}}"#,
    ]
}

#[test]
fn streams_of_the_first_version_are_read_alike_however_they_are_cut() {
    with(V1, BODY, |attempt, encoded, _| {
        assert_eq!(encoded.request.uri().path(), "/v1/chat");
        let decoders = || decoder(attempt, encoded);
        let lines: String = v1_events().iter().map(|event| format!("{event}\n")).collect();
        let sse: String = v1_events().iter().map(|event| format!("data: {event}\n\n")).collect();
        for stream in [lines, sse] {
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream.as_bytes());
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, stream.as_bytes());
            let (mut text, mut arguments, mut cited) = (String::new(), Vec::new(), String::new());
            for event in &events {
                match event {
                    Event::Text { text: more, .. } => text.push_str(more),
                    Event::ToolArguments { index, fragment, .. } => {
                        arguments.push((*index, fragment.clone()))
                    }
                    Event::Annotations { annotations, .. } => cited = annotations.get().to_owned(),
                    _ => {}
                }
            }
            assert_eq!(text, "Grüße 😀 plan");
            assert_eq!(arguments, [(0, r#"{"a":1}"#.to_owned()), (1, "{}".to_owned())]);
            assert!(cited.contains("https://a.example") && cited.contains("source:d1"), "{cited}");
            let last: Vec<&Event> = events.iter().rev().take(3).collect();
            assert!(matches!(last[2], Event::Finish { reason: FinishReason::ToolCalls, .. }));
            assert!(matches!(last[1], Event::Usage(usage) if (usage.input, usage.output) == (9, 4)));
        }
        let failed = [r#"{"event_type":"stream-end","finish_reason":"ERROR","message":"boom"}"#.as_bytes()];
        let events = laws::decode(decoders(), failed).unwrap();
        assert!(matches!(&events[..], [Event::Failure(error)] if error.message().contains("boom")));
        laws::encoding_is_deterministic(attempt);
    });
}

#[test]
fn conversations_of_the_first_version_are_one_message_and_what_was_said_before() {
    let body = serde_json::json!({"model": "m", "connectors": [{"id": "web-search"}], "tool_choice": "auto",
        "stop": "END", "top_p": 0.5,
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
                "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "18 degrees"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {
            "type": "object", "required": ["a"],
            "properties": {"a": {"type": "integer", "description": "n"}}}}}]});
    assert_eq!(
        sent(V1, &body.to_string()),
        serde_json::json!({"model": "command-r-plus", "message": "", "preamble": "s",
            "chat_history": [{"role": "USER", "message": "Weather?"},
                {"role": "CHATBOT", "message": "", "tool_calls": [{"name": "f", "parameters": {"a": 1}}]}],
            "tool_results": [{"call": {"name": "f", "parameters": {"a": 1}},
                "outputs": [{"output": "18 degrees"}]}],
            "p": 0.5, "stop_sequences": ["END"], "connectors": [{"id": "web-search"}],
            "tools": [{"name": "f", "description": "d", "parameter_definitions":
                {"a": {"description": "n", "type": "int", "required": true}}}]})
    );
    let plain = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(sent(V1, &plain.to_string()), serde_json::json!({"model": "command-r-plus", "message": "Hi"}));
}

#[test]
fn answers_of_the_first_version_are_read() {
    let plain = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
    with(V1, plain, |attempt, encoded, _| {
        let read = |body: &str| {
            let head = sample::head(200, "application/json");
            DIALECT.decode(attempt, encoded, &head, Bytes::from(body.to_owned()))
        };
        let answer = r#"{"response_id":"r","text":"Paris.","finish_reason":"MAX_TOKENS",
            "tool_calls":[{"name":"f","parameters":{"a":1}}],
            "meta":{"billed_units":{"input_tokens":5,"output_tokens":2}}}"#;
        let Ok(Reply::Chat(reply)) = read(answer) else { panic!() };
        assert_eq!(reply.usage.as_ref().map(|usage| (usage.input, usage.output)), Some((5, 2)));
        let choice = &reply.choices[0];
        assert_eq!(choice.finish, Some(FinishReason::Length));
        assert_eq!(choice.message.content.as_ref().map(|content| content.text()).as_deref(), Some("Paris."));
        let call = &choice.message.tool_calls.as_ref().unwrap()[0];
        assert_eq!(call.function.as_ref().unwrap().arguments.as_deref(), Some(r#"{"a":1}"#));
        assert!(read(r#"{"message":"blocked"}"#).unwrap_err().message().contains("blocked"));
        assert!(read(r#"{"text":"","finish_reason":"ERROR"}"#).is_err());
        assert!(read("{}").is_err());
    });
}

#[test]
fn texts_are_continued_in_a_chat() {
    let body = r#"{"model":"m","prompt":"The capital is","max_tokens":4,"logprobs":2}"#;
    for (model, member) in [("command-a", "messages"), ("v1/command-r", "message")] {
        let (target, media) = (target(model), Media::default());
        let call = sample::call(&SURFACE, Operation::Completion, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &media };
        let encoded = DIALECT.encode(&attempt).unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert!(sent[member].to_string().contains("The capital is"), "{sent}");
        assert_eq!(sent["max_tokens"], 4);
        assert_eq!(encoded.notes.dropped, ["logprobs"]);
        let head = sample::head(200, "application/json");
        let answer = r#"{"text":" Paris","finish_reason":"COMPLETE","message":{"content":[{"type":"text","text":" Paris"}]}}"#;
        assert!(DIALECT.decode(&attempt, &encoded, &head, answer.into()).is_ok());
    }
}

#[test]
fn pictures_in_results_of_the_first_version_are_reported() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"},
        {"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"see"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}"#;
    with("v1/command-r", body, |_, encoded, _| {
        assert_eq!(encoded.notes.dropped, ["messages.content"]);
    });
}
