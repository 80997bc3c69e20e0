//! Whole answers: what the client gets of what the provider said.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use lockgate_core::{
    Attempt, Dialect, Error, ErrorKind, Media, Operation, Quirks, Result, Retry, Usage, transcode,
};
use lockgate_openai::{OpenAi, OpenAiSurface};
use lockgate_testkit::sample;
use serde_json::{Value, json};

static DIALECT: OpenAi = OpenAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

const CALL: &str = r#"{"model":"alias","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}]}"#;

fn answer(
    quirks: &str,
    operation: Operation,
    model: &str,
    call: &str,
    body: &str,
) -> Result<(Value, Option<Usage>)> {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks = serde_json::from_str::<Quirks>(quirks).unwrap();
    if operation == Operation::Completion {
        provider.operations = vec![Operation::Chat];
    }
    let target = sample::target(provider, model);
    let call = sample::call(&SURFACE, operation, call).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = DIALECT.encode(&attempt)?;
    let head = sample::head(200, "application/json");
    let answer = transcode::answer(&attempt, &encoded, &head, Bytes::copy_from_slice(body.as_bytes()))?;
    Ok((serde_json::from_slice(&answer.body.to_vec()).unwrap(), answer.usage))
}

fn chat(quirks: &str, body: &str) -> Value {
    answer(quirks, Operation::Chat, "m", CALL, body).unwrap().0
}

fn failure(body: &str) -> Error {
    answer("{}", Operation::Chat, "m", CALL, body).err().unwrap()
}

fn reply(message: &str) -> String {
    format!(
        r#"{{"id":"c","object":"chat.completion","created":1,"model":"up-1","service_tier":"on_demand","choices":[{{"index":0,"message":{message},"logprobs":null,"finish_reason":"stop","x":1}}],"usage":{{"prompt_tokens":3,"completion_tokens":2,"total_tokens":9,"completion_tokens_details":{{"reasoning_tokens":4}}}},"x_new":[1.50]}}"#
    )
}

#[test]
fn a_relayed_answer_keeps_its_bytes_but_for_declared_edits() {
    let (body, usage) = answer("{}", Operation::Chat, "m", CALL, &reply(r#"{"content":"a","x":1}"#)).unwrap();
    let mut expected: Value = serde_json::from_str(&reply(r#"{"content":"a","x":1}"#)).unwrap();
    expected["model"] = json!("alias");
    assert_eq!(body, expected);
    assert_eq!(usage.unwrap().total, Some(9));
    let body = chat(r#"{"reply_values":{"service_tier":{"on_demand":"auto"}}}"#, &reply("{}"));
    assert_eq!(body["service_tier"], "auto");
}

#[test]
fn reasoning_under_another_name() {
    let body =
        chat(r#"{"reasoning_at":"reasoning"}"#, &reply(r#"{"content":"a","reasoning":"hm","details":[1]}"#));
    assert_eq!(
        body["choices"][0]["message"],
        json!({"role":"assistant","content":"a","reasoning_content":"hm",
               "provider_specific_fields":{"reasoning":"hm","details":[1]}})
    );
    assert_eq!((&body["x_new"], &body["choices"][0]["x"]), (&json!([1.5]), &json!(1)));
}

#[test]
fn content_as_a_list() {
    let list = r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]}"#;
    let message = &chat(r#"{"flatten_reply":true}"#, &reply(list))["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("a"), &json!("hm")));
    assert_eq!(message["thinking_blocks"], json!([{"type":"thinking","thinking":"hm"}]));
}

#[test]
fn usage_in_other_ways() {
    let body = chat(r#"{"usage_adds_reasoning":true}"#, &reply("{}"));
    assert_eq!(body["usage"]["completion_tokens"], 6);
    let elsewhere = r#"{"id":"c","choices":[],"meta":{"usage":{"prompt_tokens":7,"completion_tokens":1}}}"#;
    let (_, usage) = answer(r#"{"usage_at":"/meta/usage"}"#, Operation::Chat, "m", CALL, elsewhere).unwrap();
    assert_eq!(usage.unwrap().input, 7);
}

#[test]
fn a_tool_call_in_the_text() {
    let text = r#"{"content":"{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"a\":1}}"}"#;
    let message = &chat(r#"{"tool_call_in_content":true}"#, &reply(text))["choices"][0]["message"];
    assert_eq!(message["tool_calls"][0]["function"], json!({"name":"f","arguments":"{\"a\":1}"}));
    assert_eq!(message["content"], Value::Null);
    let other = r#"{"content":"{\"name\":\"not mine\"}"}"#;
    let message = &chat(r#"{"tool_call_in_content":true}"#, &reply(other))["choices"][0]["message"];
    assert!(message.get("tool_calls").is_none());
}

#[test]
fn text_completions_of_a_chat_provider() {
    let call = r#"{"model":"alias","prompt":"Say a","max_tokens":3}"#;
    let (body, _) = answer("{}", Operation::Completion, "m", call, &reply(r#"{"content":"a"}"#)).unwrap();
    assert_eq!((&body["object"], &body["model"]), (&json!("text_completion"), &json!("alias")));
    assert_eq!(body["choices"][0]["text"], "a");
    let many = r#"{"model":"alias","prompt":["a","b"]}"#;
    assert!(answer("{}", Operation::Completion, "m", many, "{}").is_err());
}

#[test]
fn answers_that_are_none() {
    for body in ["", "{\"id\": \"c\", \"choices\": [ ", "<html><title>Oops</title></html>", "[]"] {
        let error = failure(body);
        assert_eq!((error.kind(), error.retry()), (ErrorKind::InvalidResponse, Retry::Same), "{body}");
    }
    let error = failure(r#"{"error":{"message":"Provider is busy","code":503}}"#);
    assert_eq!((error.kind(), error.message()), (ErrorKind::ServiceUnavailable, "Provider is busy"));
    assert!(answer("{}", Operation::Chat, "m", CALL, r#"{"error":null,"choices":[]}"#).is_ok());
}

#[test]
fn the_responses_api_behind_a_chat() {
    let call = r#"{"model":"alias","messages":[{"role":"system","content":"S."},{"role":"user","content":"U"},
        {"role":"assistant","content":"A","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"T"}],"max_tokens":9,"verbosity":"low",
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"tool_choice":"auto"}"#;
    let mut provider = sample::provider(&DIALECT);
    provider.quirks.openai_families = true;
    let target = sample::target(provider, "responses/gpt-5");
    let call = sample::call(&SURFACE, Operation::Chat, call).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = DIALECT.encode(&attempt).unwrap();
    assert!(!encoded.relay && encoded.request.uri().path().ends_with("/responses"));
    assert_eq!(
        serde_json::from_slice::<Value>(&encoded.request.body().to_vec()).unwrap(),
        json!({"model":"gpt-5","instructions":"S.","max_output_tokens":9,"tool_choice":"auto","input":[
            {"type":"message","role":"user","content":[{"type":"input_text","text":"U"}]},
            {"type":"message","role":"assistant","content":[{"type":"output_text","text":"A"}]},
            {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
            {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"T"}]}],
            "text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"}})
    );
    let body = r#"{"id":"r","created_at":7,"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},
        "output":[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"e"},
        {"type":"message","content":[{"type":"output_text","text":"a","annotations":[]}]},{"type":"new_kind"}],
        "usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5,"output_tokens_details":{"reasoning_tokens":1}}}"#;
    let head = sample::head(200, "application/json");
    let answer = transcode::answer(&attempt, &encoded, &head, Bytes::from_static(body.as_bytes())).unwrap();
    let body: Value = serde_json::from_slice(&answer.body.to_vec()).unwrap();
    assert_eq!(
        body["choices"][0],
        json!({"index":0,"finish_reason":"length","message":{"role":"assistant","content":"a","reasoning_content":"hm",
            "reasoning_items":[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"e"}]}})
    );
    assert_eq!(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 1);
}

#[test]
fn what_the_responses_api_has_no_word_for_is_told() {
    let body =
        r#"{"model":"m","messages":[],"n":2,"seed":1,"functions":[{"name":"f"}],"function_call":"auto"}"#;
    let mut provider = sample::provider(&DIALECT);
    provider.quirks.openai_families = true;
    let target = sample::target(provider, "responses/gpt-5");
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let media = Media::default();
    let encoded = DIALECT.encode(&Attempt { call: &call, target: &target, media: &media }).unwrap();
    assert_eq!(encoded.notes.dropped, ["n", "seed"]);
    assert_eq!(encoded.notes.rewritten, ["functions"]);
    let sent: Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    assert_eq!(sent["tools"], json!([{"type":"function","name":"f"}]));
    assert_eq!(sent["tool_choice"], "auto");
}
