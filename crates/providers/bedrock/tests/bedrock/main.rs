//! The laws of every dialect, for Bedrock's; what goes where; what streams say.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod agents;
mod operations;
mod surface;

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_anthropic::AnthropicSurface;
use lockgate_aws::{Scope, write_frame};
use lockgate_bedrock::{Bedrock, BedrockSurface, CONVERSE, Mantle};
use lockgate_core::{
    Attempt, Dialect, Encoded, ErrorKind, Event, FinishReason, Media, Operation, Reply, Step, Surface, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample, steps};
use serde_json::{Value, json};

static DIALECT: Bedrock = Bedrock;
static MANTLE: Mantle = Mantle;
static OPENAI: OpenAiSurface = OpenAiSurface;
static ANTHROPIC: AnthropicSurface = AnthropicSurface;
static CONVERSE_API: BedrockSurface = BedrockSurface;

const CLAUDE: &str = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-pro-v1:0";

fn target(model: &str) -> Target {
    let params = [("aws_region_name".to_owned(), "eu-west-1".to_owned())];
    Target {
        custom_base: false,
        params: Arc::new(BTreeMap::from(params)),
        ..sample::target(sample::provider(&DIALECT), model)
    }
}

fn with_call(
    target: &Target,
    surface: &'static dyn Surface,
    operation: Operation,
    body: &str,
    test: impl FnOnce(&Attempt<'_>, &Encoded),
) {
    let call = sample::call(surface, operation, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &target.provider.dialect.encode(&attempt).unwrap());
}

fn with(model: &str, body: &str, test: impl FnOnce(&Attempt<'_>, &Encoded)) {
    with_call(&target(model), &OPENAI, Operation::Chat, body, test);
}

fn json(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
const STREAM: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"stream":true}"#;

/// Events of a Converse stream as frames.
fn frames(events: &[(&str, Value)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, payload) in events {
        let kind = if name.ends_with("Exception") { "exception" } else { "event" };
        write_frame(&mut out, kind, name, payload.to_string());
    }
    out
}

/// Chunks of a model's own format as frames.
fn chunks(events: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        let bytes = STANDARD.encode(event.to_string());
        write_frame(&mut out, "event", "chunk", json!({"bytes": bytes, "p": "abc"}).to_string());
    }
    out
}

fn converse() -> Vec<u8> {
    let delta =
        |index: u32, delta: Value| ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta}));
    let call = |index: u32, id: &str, name: &str| {
        let start = json!({"toolUse": {"toolUseId": id, "name": name}});
        ("contentBlockStart", json!({"contentBlockIndex": index, "start": start, "p": "x"}))
    };
    let stop = |index: u32| ("contentBlockStop", json!({"contentBlockIndex": index}));
    frames(&[
        ("messageStart", json!({"role": "assistant", "p": "abcd"})),
        delta(0, json!({"reasoningContent": {"text": "Grüße 😀"}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "cmVk"}})),
        stop(1),
        delta(2, json!({"text": "Let me \"see\".\n"})),
        stop(2),
        call(3, "t1", "f"),
        delta(3, json!({"toolUse": {"input": "{\"a\":"}})),
        delta(3, json!({"toolUse": {"input": "1}"}})),
        stop(3),
        call(4, "t2", "g"),
        stop(4),
        ("somethingNew", json!({"x": [1]})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        (
            "metadata",
            json!({"usage": {"inputTokens": 9, "outputTokens": 4, "cacheReadInputTokens": 3, "new": {}}}),
        ),
    ])
}

#[test]
fn converse_streams_are_read_alike_however_they_are_cut() {
    with(NOVA, STREAM, |attempt, encoded| {
        let head = sample::head(200, "application/vnd.amazon.eventstream");
        let decoders = || DIALECT.stream(attempt, encoded, &head);
        let events = laws::any_chunking_gives_the_same_events(&decoders, &converse());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, &converse());
        laws::garbage_never_panics(&decoders, &|| DIALECT.probe(encoded), &converse(), 500);
        let usage = events.iter().find_map(|event| match event {
            Event::Usage(usage) => Some((usage.input, usage.output, usage.cache_read)),
            _ => None,
        });
        assert_eq!(usage, Some((12, 4, Some(3))));
        let signed =
            |event: &Event| matches!(event, Event::Signature { signature, .. } if signature == "c2ln");
        assert!(events.iter().any(signed));
        let empty = |event: &Event| matches!(event, Event::ToolArguments { index: 1, fragment, .. } if fragment == "{}");
        assert!(events.iter().any(empty), "a call without arguments has none as an object: {events:?}");
    });
}

#[test]
fn failures_in_mid_stream_have_their_class() {
    for (name, kind) in [
        ("throttlingException", ErrorKind::RateLimit),
        ("validationException", ErrorKind::BadRequest),
        ("modelStreamErrorException", ErrorKind::BadRequest),
        ("serviceUnavailableException", ErrorKind::ServiceUnavailable),
        ("internalServerException", ErrorKind::Internal),
        ("brandNewException", ErrorKind::Internal),
    ] {
        let stream = frames(&[
            ("messageStart", json!({"role": "assistant"})),
            ("contentBlockDelta", json!({"delta": {"text": "a"}})),
            (name, json!({"message": "It broke."})),
        ]);
        with(NOVA, STREAM, |attempt, encoded| {
            let head = sample::head(200, "application/vnd.amazon.eventstream");
            let events = laws::decode(DIALECT.stream(attempt, encoded, &head), [stream.as_slice()]).unwrap();
            let Some(Event::Failure(error)) = events.last() else { panic!("{events:?}") };
            assert_eq!((error.kind(), error.message()), (kind, "It broke."), "{name}");
        });
    }
}

fn claude() -> Vec<u8> {
    chunks(&[
        json!({"type": "message_start", "message": {"id": "m", "model": "c", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Paris."}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
        json!({"type": "message_stop"}),
    ])
}

#[test]
fn claudes_own_clients_are_relayed_through_invoke() {
    let body = r#"{"model":"m","max_tokens":9,"x_new":{"a":[1.0, 2]},"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    with_call(&target(CLAUDE), &ANTHROPIC, Operation::Chat, body, |attempt, encoded| {
        assert!(encoded.relay);
        let url = encoded.request.uri().to_string();
        let end = "eu-west-1.amazonaws.com/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke-with-response-stream";
        assert!(url.ends_with(end), "{url}");
        let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert!(sent.contains(r#""x_new":{"a":[1.0, 2]}"#) && sent.contains("bedrock-2023-05-31"), "{sent}");
        assert!(!sent.contains("\"stream\"") && !sent.contains("\"model\""), "{sent}");
        let stream = claude();
        for size in [1, 7, 64, stream.len()] {
            let mut probe = DIALECT.probe(encoded);
            let mut passed = Vec::new();
            for piece in stream.chunks(size) {
                passed.extend_from_slice(&probe.pass(Bytes::copy_from_slice(piece)).unwrap());
            }
            let end = probe.finish();
            assert!(end.error.is_none(), "{:?}", end.error);
            passed.extend_from_slice(&end.rest);
            let text = String::from_utf8(passed).unwrap();
            assert!(text.starts_with("event: message_start\ndata: {"), "{text}");
            assert!(text.contains("event: message_stop\n"), "{text}");
            assert_eq!(probe.usage().map(|usage| (usage.input, usage.output)), Some((9, 3)));
        }
        let mut cut = DIALECT.probe(encoded);
        cut.pass(Bytes::copy_from_slice(&stream[..stream.len() - 9])).unwrap();
        assert!(cut.finish().error.is_some());
        laws::encoding_is_deterministic(attempt);
    });
    with(&format!("invoke/{CLAUDE}"), STREAM, |attempt, encoded| {
        let head = sample::head(200, "application/vnd.amazon.eventstream");
        let decoders = || DIALECT.stream(attempt, encoded, &head);
        let events = laws::any_chunking_gives_the_same_events(&decoders, &claude());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, &claude());
    });
}

#[test]
fn formats_of_their_own_are_read_in_any_chunking() {
    for (model, stream, text) in [
        (
            "amazon.titan-text-express-v1",
            chunks(&[
                json!({"outputText": "Pa", "completionReason": null}),
                json!({"outputText": "ris", "completionReason": "FINISH"}),
            ]),
            "Paris",
        ),
        (
            "invoke/mistral.mistral-7b-instruct-v0:2",
            chunks(&[
                json!({"outputs": [{"text": "Pa", "stop_reason": null}]}),
                json!({"outputs": [{"text": "ris", "stop_reason": "stop"}]}),
            ]),
            "Paris",
        ),
        (
            "deepseek_r1/arn:aws:bedrock:us-east-1:1:imported-model/x",
            chunks(&[
                json!({"generation": "So</thi", "stop_reason": null}),
                json!({"generation": "nk>Paris", "stop_reason": "stop"}),
            ]),
            "Paris",
        ),
        (
            "invoke/us.amazon.nova-lite-v1:0",
            chunks(&[
                json!({"messageStart": {"role": "assistant"}}),
                json!({"contentBlockDelta": {"delta": {"text": "Paris"}, "contentBlockIndex": 0}}),
                json!({"messageStop": {"stopReason": "end_turn"}}),
                json!({"metadata": {"usage": {"inputTokens": 8, "outputTokens": 3}, "trace": {}}}),
            ]),
            "Paris",
        ),
    ] {
        with(model, STREAM, |attempt, encoded| {
            let head = sample::head(200, "application/vnd.amazon.eventstream");
            let decoders = || DIALECT.stream(attempt, encoded, &head);
            let events = laws::any_chunking_gives_the_same_events(&decoders, &stream);
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, &stream);
            let said: String = events
                .iter()
                .filter_map(|event| match event {
                    Event::Text { text, .. } => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(said, text, "{model}");
            laws::garbage_never_panics(&decoders, &|| DIALECT.probe(encoded), &stream, 100);
        });
    }
}

#[test]
fn requests_go_where_the_name_says_and_say_what_to_sign() {
    for (model, url, region) in [
        (
            NOVA,
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/us.amazon.nova-pro-v1%3A0/converse",
            "eu-west-1",
        ),
        (
            "us-west-2/meta.llama3-8b",
            "https://bedrock-runtime.us-west-2.amazonaws.com/model/meta.llama3-8b/converse",
            "us-west-2",
        ),
        (
            "cn-north-1/x.y",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/x.y/converse",
            "cn-north-1",
        ),
        (
            "amazon.titan-text-lite-v1",
            "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.titan-text-lite-v1/invoke",
            "eu-west-1",
        ),
    ] {
        with(model, BODY, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), url, "{model}");
            let scope = encoded.request.extensions().get::<Scope>().unwrap();
            assert_eq!((scope.service, scope.region.as_str()), ("bedrock", region), "{model}");
            laws::encoding_is_deterministic(attempt);
        });
    }
    let arn = "converse/arn:aws:bedrock:eu-central-1:1:application-inference-profile/a";
    let nowhere = Target { params: Arc::default(), ..target(arn) };
    with_call(&nowhere, &OPENAI, Operation::Chat, BODY, |_, encoded| {
        assert!(encoded.request.uri().to_string().starts_with("https://bedrock-runtime.eu-central-1."));
    });
}

#[test]
fn the_makers_formats_have_an_endpoint_of_their_own() {
    let mantle = |model: &str| Target { provider: Arc::new(sample::provider(&MANTLE)), ..target(model) };
    let root = "https://bedrock-mantle.eu-west-1.api.aws";
    with_call(&mantle("openai.gpt-oss-120b"), &OPENAI, Operation::Chat, BODY, |_, encoded| {
        assert_eq!(encoded.request.uri().to_string(), format!("{root}/v1/chat/completions"));
        assert_eq!(encoded.request.extensions().get::<Scope>().unwrap().service, "bedrock-mantle");
    });
    with_call(
        &mantle("us-east-2/anthropic.claude-opus-4-8"),
        &OPENAI,
        Operation::Chat,
        BODY,
        |_, encoded| {
            let url = "https://bedrock-mantle.us-east-2.api.aws/anthropic/v1/messages";
            assert_eq!(encoded.request.uri().to_string(), url);
            assert_eq!(json(encoded)["model"], "anthropic.claude-opus-4-8");
        },
    );
}

#[test]
fn a_user_who_says_nothing_is_heard() {
    for nothing in [r#""""#, r#"" ""#, "[]", r#"[{"type":"text","text":""}]"#, "null"] {
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":{nothing}}},{{"role":"assistant","content":"x"}},
            {{"role":"user","content":"y"}},{{"role":"user","content":{nothing}}}]}}"#
        );
        with(CLAUDE, &body, |_, encoded| {
            let turns = json!([
                {"role": "user", "content": [{"text": lockgate_anthropic::claude::EMPTY}]},
                {"role": "assistant", "content": [{"text": "x"}]},
                {"role": "user", "content": [{"text": "y"}]},
            ]);
            assert_eq!(json(encoded)["messages"], turns, "{nothing}");
        });
    }
}

#[test]
fn reasoning_goes_back_as_it_came() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"},
        {"role":"assistant","content":"x","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"c2ln"},
        {"type":"redacted_thinking","data":"cmVk"},{"type":"thinking","thinking":"unsigned"}]},
        {"role":"user","content":"go on"}]}"#;
    with(CLAUDE, body, |_, encoded| {
        let blocks = json(encoded)["messages"][1]["content"].clone();
        assert_eq!(
            blocks,
            json!([
                {"reasoningContent": {"reasoningText": {"text": "t", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "cmVk"}},
                {"text": "x"},
            ])
        );
    });
}

#[test]
fn tools_choices_and_schemas() {
    let tools = r#""tools":[{"type":"function","function":{"name":"a b","parameters":{"type":"object","properties":{}}}}]"#;
    let body = |rest: &str| {
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{tools}{rest}}}"#)
    };
    with(NOVA, &body(r#","tool_choice":"required","parallel_tool_calls":false"#), |_, encoded| {
        let config = json(encoded)["toolConfig"].clone();
        assert_eq!(config["toolChoice"], json!({"any": {}}));
        assert_eq!(config["tools"][0]["toolSpec"]["name"], "a_b");
        assert_eq!(encoded.memo.tool_names["a_b"], "a b");
        assert_eq!(encoded.notes.dropped, ["parallel_tool_calls"]);
    });
    with(CLAUDE, &body(r#","parallel_tool_calls":false"#), |_, encoded| {
        let choice = json(encoded)["additionalModelRequestFields"]["tool_choice"].clone();
        assert_eq!(choice, json!({"type": "auto", "disable_parallel_tool_use": true}));
    });
    let schema = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}"#;
    with(NOVA, schema, |attempt, encoded| {
        assert_eq!(json(encoded)["toolConfig"]["toolChoice"], json!({"tool": {"name": "json_tool_call"}}));
        let answer = json!({"output": {"message": {"content": [{"toolUse": {"toolUseId": "t", "name": "json_tool_call",
            "input": {"city": "Paris"}}}]}}, "stopReason": "tool_use"});
        let head = sample::head(200, "application/json");
        let reply = DIALECT.decode(attempt, encoded, &head, answer.to_string().into()).unwrap();
        let Reply::Chat(reply) = reply else { panic!("{reply:?}") };
        let choice = &reply.choices[0];
        assert_eq!(choice.message.content.as_ref().unwrap().text(), r#"{"city":"Paris"}"#);
        assert_eq!(choice.finish, Some(FinishReason::Stop));
    });
}

#[test]
fn embeddings_of_one_by_one_models_are_put_together() {
    let body = r#"{"model":"m","input":["a","b","c"]}"#;
    with_call(
        &target("amazon.titan-embed-text-v2:0"),
        &OPENAI,
        Operation::Embedding,
        body,
        |attempt, encoded| {
            assert_eq!(json(encoded), json!({"inputText": "a"}));
            let mut exchange = DIALECT.exchange(attempt, encoded).unwrap();
            let head = sample::head(200, "application/json");
            let answer = Bytes::from_static(br#"{"embedding":[0.5],"inputTextTokenCount":2}"#);
            for expected in ["b", "c"] {
                let Step::Send { request, .. } = exchange.next(&head, &answer).unwrap() else { panic!() };
                let sent: Value = serde_json::from_slice(&request.body().to_vec()).unwrap();
                assert_eq!(sent, json!({"inputText": expected}));
                assert!(request.extensions().get::<Scope>().is_some());
            }
            let Step::Answer(all) = exchange.next(&head, &answer).unwrap() else { panic!() };
            let Reply::Embedding(reply) = DIALECT.decode(attempt, encoded, &head, all).unwrap() else {
                panic!()
            };
            assert_eq!(reply.usage.unwrap().input, 6);
            let vectors: Vec<&str> = reply.vectors.iter().map(|vector| vector.get()).collect();
            assert_eq!(vectors, ["[0.5]"; 3]);
        },
    );
}

#[test]
fn refusals_are_explained() {
    for model in [NOVA, CLAUDE, "amazon.titan-text-express-v1"] {
        with(model, BODY, |attempt, _| {
            laws::every_refusal_is_explained(attempt, "the provider's very words")
        });
    }
    with(NOVA, BODY, |attempt, _| {
        for (status, body, kind) in [
            (
                400,
                r#"{"message":"The model returned the following errors: prompt is too long: 9 tokens > 8 maximum"}"#,
                ErrorKind::ContextWindow,
            ),
            (400, r#"{"message":"Input is too long for requested model."}"#, ErrorKind::ContextWindow),
            (400, r#"{"message":"Malformed input request"}"#, ErrorKind::BadRequest),
            (403, r#"{"Message":"User: x is not authorized"}"#, ErrorKind::PermissionDenied),
            (429, r#"{"message":"Too many tokens, please wait before trying again."}"#, ErrorKind::RateLimit),
        ] {
            let head = sample::head(status, "application/json");
            let error = DIALECT.reject(attempt, &head, &Bytes::from_static(body.as_bytes()));
            assert_eq!(error.kind(), kind, "{body}");
            assert!(!error.message().contains('{'), "{error}");
        }
    });
}

#[test]
fn what_is_missing_or_new_in_an_answer_never_fails_it() {
    with(NOVA, BODY, |attempt, encoded| {
        let head = sample::head(200, "application/json");
        for answer in [
            r#"{"output":null,"stopReason":"end_turn","usage":null}"#,
            r#"{"output":{}}"#,
            r#"{"output":{"message":{"content":[{"somethingNew":{"a":1}},{"text":null}]}},"stopReason":"new_word"}"#,
            r#"{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"t"}}}]}},"usage":{"inputTokens":1}}"#,
        ] {
            let decoded = DIALECT.decode(attempt, encoded, &head, Bytes::from_static(answer.as_bytes()));
            assert!(decoded.is_ok(), "{answer}: {:?}", decoded.err());
        }
        for answer in ["{\"output\": {", "{}", r#"{"output":null,"usage":null}"#, r#"{"message":"no"}"#] {
            let decoded = DIALECT.decode(attempt, encoded, &head, Bytes::from_static(answer.as_bytes()));
            assert!(decoded.is_err(), "{answer}");
        }
    });
    with("invoke/meta.llama3-8b-instruct-v1:0", BODY, |attempt, encoded| {
        let head = sample::head(200, "application/json");
        for (answer, is_one) in [(r#"{"generation":""}"#, true), (r#"{"error":"no"}"#, false), ("{}", false)]
        {
            let decoded = DIALECT.decode(attempt, encoded, &head, Bytes::from_static(answer.as_bytes()));
            assert_eq!(decoded.is_ok(), is_one, "{answer}");
        }
    });
}

#[test]
fn files_are_inline_or_where_bedrock_can_read_them() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":
        {"url":"gs://bucket/cat.png","format":"image/png"}}]}]}"#;
    let target = target(NOVA);
    let call = sample::call(&OPENAI, Operation::Chat, body).unwrap();
    let media = Media::default();
    let error = DIALECT.encode(&Attempt { call: &call, target: &target, media: &media }).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    assert!(error.message().contains("`gs:`"), "{error}");
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"video_url","video_url":
        {"url":"https://e.com/v.mp4"}}]}]}"#;
    let call = sample::call(&OPENAI, Operation::Chat, body).unwrap();
    let error = DIALECT.encode(&Attempt { call: &call, target: &target, media: &media }).err().unwrap();
    assert!(error.message().contains("`video_url`"), "{error}");
}

#[test]
fn what_a_family_has_no_word_for_is_reported() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"top_k":40}"#;
    with("invoke/meta.llama3-8b-instruct-v1:0", body, |_, encoded| {
        assert_eq!(json(encoded)["top_k"], Value::Null);
        assert_eq!(encoded.notes.dropped, ["top_k"]);
    });
    with("invoke/mistral.mistral-7b-instruct-v0:2", body, |_, encoded| {
        assert_eq!(json(encoded)["top_k"], 40);
        assert!(encoded.notes.dropped.is_empty());
    });
}

#[test]
fn what_claude_refuses_while_it_thinks_is_left_out_and_told() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":4096,"temperature":0.5,
        "top_p":0.99,"top_k":5,"thinking":{"type":"enabled","budget_tokens":1024},"tool_choice":"required",
        "tools":[{"type":"function","function":{"name":"f"}}]}"#;
    with(CLAUDE, body, |_, encoded| {
        let sent = json(encoded);
        assert_eq!(sent["inferenceConfig"], json!({"maxTokens": 4096, "topP": 0.99}));
        assert_eq!(sent["toolConfig"]["toolChoice"], Value::Null);
        assert_eq!(sent["additionalModelRequestFields"]["top_k"], Value::Null);
        assert_eq!(encoded.notes.dropped, ["temperature", "top_k", "tool_choice"]);
    });
    with(CLAUDE, &body.replace("enabled", "disabled"), |_, encoded| {
        assert_eq!(json(encoded)["inferenceConfig"]["temperature"], 0.5);
        assert_eq!(json(encoded)["toolConfig"]["toolChoice"], json!({"any": {}}));
        assert!(encoded.notes.dropped.is_empty());
    });
}
