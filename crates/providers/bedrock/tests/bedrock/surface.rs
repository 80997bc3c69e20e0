//! The Converse API as clients speak it.

use super::*;

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

/// AGT-2: what Claude has signed goes to Claude alone, and what others have signed never goes there.
#[test]
fn signatures_go_to_their_issuers_model_only() {
    for (model, signature, relayed) in [
        (CLAUDE, "EqQBCgIY", true),
        (NOVA, "EqQBCgIY", false),
        (NOVA, "c2ln", true),
        (CLAUDE, "openai-reasoning:rs_1:gAAA", false),
        (CLAUDE, "0123456789abcdef0123456789abcdef", false),
    ] {
        let body = NATIVE.replace("c2ln", signature);
        with_call(&target(model), &CONVERSE_API, Operation::Chat, &body, |attempt, encoded| {
            let sent = encoded.request.body().to_vec();
            let sent = String::from_utf8(sent).unwrap();
            assert_eq!((encoded.relay, sent.contains(signature)), (relayed, relayed), "{model}: {sent}");
            let encoded =
                lockgate_core::transcode::prepare(attempt, std::time::SystemTime::UNIX_EPOCH).unwrap();
            assert_eq!(encoded.notes.dropped.contains(&"thinking_blocks".to_owned()), !relayed);
        });
    }
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
