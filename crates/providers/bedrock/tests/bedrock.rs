//! The laws of every dialect, for Bedrock's; what goes where; what streams say.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
use lockgate_testkit::{laws, sample};
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
    let body = r#"{"model":"m","input":["a","b","c"],"encoding_format":"base64"}"#;
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
            assert_eq!(vectors, [r#""AAAAPw==""#; 3]);
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
            "{}",
            r#"{"output":null,"stopReason":null,"usage":null}"#,
            r#"{"output":{"message":{"content":[{"somethingNew":{"a":1}},{"text":null}]}},"stopReason":"new_word"}"#,
            r#"{"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":"t"}}}]}},"usage":{"inputTokens":1}}"#,
        ] {
            let decoded = DIALECT.decode(attempt, encoded, &head, Bytes::from_static(answer.as_bytes()));
            assert!(decoded.is_ok(), "{answer}: {:?}", decoded.err());
        }
        assert!(DIALECT.decode(attempt, encoded, &head, Bytes::from_static(b"{\"output\": {")).is_err());
    });
}

/// A request as AWS's SDKs send it, with everything in it.
const NATIVE: &str = r#"{"messages":[
    {"role":"user","content":[{"text":"Look."},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}},{"cachePoint":{"type":"default"}}]},
    {"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"t","signature":"c2ln"}}},{"text":"ok"},
        {"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},
    {"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"json":{"b":2}}],"status":"error"}},{"text":"Go on."}]}],
    "system":[{"text":"Be terse."}],"inferenceConfig":{"maxTokens":9,"temperature":0.5,"topP":0.9,"stopSequences":["END"]},
    "toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object","properties":{},"required":[]}}}}],
    "toolChoice":{"any":{}}},"additionalModelRequestFields":{"top_k":5}}"#;

#[test]
fn clients_of_converse_are_relayed_to_converse() {
    let call = sample::call(&CONVERSE_API, Operation::Chat, NATIVE).unwrap();
    let (target, media) = (target(NOVA), Media::default());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = DIALECT.encode(&attempt).unwrap();
    assert!(encoded.relay && encoded.format == CONVERSE);
    laws::a_relayed_request_is_untouched(NATIVE.as_bytes(), &encoded, &[]);
    laws::a_relayed_stream_is_untouched(
        &|| DIALECT.probe(&encoded),
        &frames(&[
            ("messageStart", json!({"role": "assistant"})),
            ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "a"}})),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            ("messageStop", json!({"stopReason": "end_turn"})),
            ("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 1}})),
        ]),
    );
}

#[test]
fn what_converse_says_comes_back_through_the_hub() {
    let call = sample::call(&CONVERSE_API, Operation::Chat, NATIVE).unwrap();
    let request = call.chat().unwrap().clone();
    let text = serde_json::to_string(&request).unwrap();
    let roles: Vec<&str> = request.messages.iter().map(|message| message.role.as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    // The hub's request, given by a client of OpenAI's API, is Converse's again.
    with(CLAUDE, &text, |_, encoded| {
        let mut expected: Value = serde_json::from_str(NATIVE).unwrap();
        expected["messages"][2]["content"][0]["toolResult"]["content"] = json!([{"text": "{\"b\":2}"}]);
        assert_eq!(json(encoded), expected);
    });
}

#[test]
fn streams_of_any_upstream_are_written_as_frames() {
    with(NOVA, STREAM, |attempt, encoded| {
        let head = sample::head(200, "application/vnd.amazon.eventstream");
        let call = sample::call(&CONVERSE_API, Operation::Chat, NATIVE).unwrap();
        let read = |stream: &[u8]| laws::decode(DIALECT.stream(attempt, encoded, &head), [stream]).unwrap();
        let events = read(&converse());
        let written = laws::encode(CONVERSE_API.encoder(&call), &events);
        let again = read(&written);
        let plain = |events: &[Event]| -> Vec<String> {
            events
                .iter()
                .filter(|event| !matches!(event, Event::Usage(_)))
                .map(|event| format!("{event:?}"))
                .collect()
        };
        assert_eq!(plain(&again), plain(&events));
        let mut failed = CONVERSE_API.encoder(&call);
        let mut out = Vec::new();
        failed.event(&events[0], &mut out);
        let error =
            lockgate_core::Error::new(ErrorKind::RateLimit, lockgate_core::Origin::Upstream, "Slow down.");
        failed.fail(&error, &mut out);
        let Some(Event::Failure(error)) = read(&out).pop() else { panic!() };
        assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimit, "Slow down."));
    });
}

#[test]
fn whole_answers_and_errors_are_written_as_awss_sdks_read_them() {
    let call = sample::call(&CONVERSE_API, Operation::Chat, NATIVE).unwrap();
    with(NOVA, BODY, |attempt, encoded| {
        let head = sample::head(200, "application/json");
        let answer = json!({
            "output": {"message": {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "t", "signature": "c2ln"}}},
                {"text": "ok"},
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            ]}},
            "stopReason": "tool_use",
            "usage": {"inputTokens": 9, "outputTokens": 4, "totalTokens": 16, "cacheReadInputTokens": 3},
            "metrics": {"latencyMs": 0},
        });
        let reply = DIALECT.decode(attempt, encoded, &head, answer.to_string().into()).unwrap();
        let written = CONVERSE_API.write(&call, &reply).unwrap().to_vec();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), answer);
    });
    let error = lockgate_core::Error::new(ErrorKind::NotFound, lockgate_core::Origin::Client, "No model.");
    let response = CONVERSE_API.error(&error);
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["x-amzn-errortype"], "ResourceNotFoundException");
    for body in [
        r#"{"messages":[{"role":"x","content":[]}]}"#,
        r#"{"messages":[{"role":"user","content":[{"y":1}]}]}"#,
        r#"{"messages":1}"#,
    ] {
        let call = sample::call(&CONVERSE_API, Operation::Chat, body).unwrap();
        assert_eq!(call.chat().err().unwrap().kind(), ErrorKind::BadRequest, "{body}");
    }
}

#[test]
fn documents_are_ranked_beside_the_models() {
    let body = r#"{"model":"m","query":"q","documents":["a",{"text":"b","t":1}],"top_n":1,"return_documents":true,"rank_fields":["text"],"own":1}"#;
    let refused = r#"{"model":"m","query":{"image":"x"},"documents":["a"]}"#;
    let target = target("amazon.rerank-v1:0");
    with_call(&target, &OPENAI, Operation::Rerank, body, |attempt, encoded| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
        let uri = encoded.request.uri().to_string();
        assert_eq!(uri, "https://bedrock-agent-runtime.eu-west-1.amazonaws.com/rerank");
        assert_eq!(encoded.request.extensions().get::<Scope>().unwrap().service, "bedrock");
        assert_eq!(encoded.notes.dropped, ["rank_fields"]);
        let sent = json(encoded);
        let ranking = &sent["rerankingConfiguration"]["bedrockRerankingConfiguration"];
        assert_eq!(
            ranking["modelConfiguration"],
            json!({
                "modelArn": "arn:aws:bedrock:eu-west-1::foundation-model/amazon.rerank-v1:0",
                "additionalModelRequestFields": {"own": 1},
            })
        );
        assert_eq!(
            sent["sources"][1]["inlineDocumentSource"],
            json!({"type": "JSON", "jsonDocument": {"text": "b", "t": 1}})
        );
        let head = sample::head(200, "application/json");
        let decode = |text: &'static str| DIALECT.decode(attempt, encoded, &head, text.into());
        let answer = r#"{"results":[{"index":1,"relevanceScore":0.50,"document":{"type":"TEXT","textDocument":{"text":"b"}}}]}"#;
        let Ok(Reply::Rerank(reply)) = decode(answer) else { panic!() };
        assert_eq!(reply.results[0].score.get(), "0.50");
        assert_eq!(reply.results[0].document.as_ref().unwrap().get(), r#"{"text":"b"}"#);
        assert_eq!(reply.usage.unwrap().measures.unwrap().queries, 1);
        for bad in ["{}", "null", "[", r#"{"results":null}"#] {
            assert_eq!(decode(bad).unwrap_err().kind(), ErrorKind::InvalidResponse, "{bad}");
        }
    });
    let call = sample::call(&OPENAI, Operation::Rerank, refused).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::BadRequest);
}

#[test]
fn pictures_are_asked_for_in_their_makers_words() {
    for (model, body, expected) in [
        (
            "amazon.nova-canvas-v1:0",
            r#"{"model":"m","prompt":"p","n":2,"size":"1280x720","quality":"hd","seed":7,"negativeText":"x","user":"u"}"#,
            json!({
                "taskType": "TEXT_IMAGE",
                "textToImageParams": {"text": "p", "negativeText": "x"},
                "imageGenerationConfig": {
                    "width": 1280, "height": 720, "quality": "premium", "numberOfImages": 2, "seed": 7,
                },
            }),
        ),
        (
            "stability.stable-diffusion-xl-v1",
            r#"{"model":"m","prompt":"p","steps":9,"n":1,"response_format":"b64_json"}"#,
            json!({"text_prompts": [{"text": "p", "weight": 1}], "steps": 9}),
        ),
        (
            "stability.sd3-5-large-v1:0",
            r#"{"model":"m","prompt":"p","aspect_ratio":"16:9","output_format":"png"}"#,
            json!({"prompt": "p", "output_format": "png", "aspect_ratio": "16:9"}),
        ),
    ] {
        with_call(&target(model), &OPENAI, Operation::ImageGeneration, body, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            assert_eq!(json(encoded), expected);
            let head = sample::head(200, "application/json");
            let decode = |text: &'static str| DIALECT.decode(attempt, encoded, &head, text.into());
            for good in
                [r#"{"images":["AA=="]}"#, r#"{"artifacts":[{"base64":"AA==","finishReason":"SUCCESS"}]}"#]
            {
                let Ok(Reply::Images(reply)) = decode(good) else { panic!("{good}") };
                assert_eq!(reply.images[0].base64.as_deref(), Some("AA=="));
                assert_eq!(reply.usage.unwrap().measures.unwrap().output_images, 1);
            }
            for held_back in [
                r#"{"images":[],"finish_reasons":["Filter reason: prompt"]}"#,
                r#"{"artifacts":[{"base64":"AA==","finishReason":"CONTENT_FILTERED"}]}"#,
                r#"{"images":[],"error":"Blocked by our content filters."}"#,
            ] {
                assert_eq!(decode(held_back).unwrap_err().kind(), ErrorKind::ContentPolicy, "{held_back}");
            }
            assert_eq!(decode("{}").unwrap_err().kind(), ErrorKind::InvalidResponse);
        });
    }
    let wanting = [
        ("stability.sd3-5-large-v1:0", r#"{"model":"m","prompt":"p","size":"1024x1024"}"#),
        ("amazon.nova-canvas-v1:0", r#"{"model":"m","prompt":"p","response_format":"url"}"#),
    ];
    for (model, body) in wanting {
        let call = sample::call(&OPENAI, Operation::ImageGeneration, body).unwrap();
        let target = target(model);
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::UnsupportedParams, "{model}");
    }
    let call = sample::call(&OPENAI, Operation::ImageGeneration, r#"{"model":"m","prompt":"p"}"#).unwrap();
    let target = target(NOVA);
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    assert_eq!(DIALECT.encode(&attempt).err().unwrap().kind(), ErrorKind::BadRequest);
}
