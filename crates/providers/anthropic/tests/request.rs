//! Requests in the hub's words, as Anthropic gets them: what the golden cases leave out.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;

use common::{encode, target};
use lockgate_core::{ErrorKind, ModelFacts, ParamPolicy, Target};
use serde_json::{Value, json};

fn ask(target: &Target, extra: Value) -> Value {
    encode(target, &body(extra)).unwrap().0
}

fn body(extra: Value) -> String {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in extra.as_object().unwrap() {
        body[key] = value.clone();
    }
    body.to_string()
}

fn modifying() -> Target {
    let policy = ParamPolicy { modify_params: true, ..ParamPolicy::default() };
    Target { policy: Arc::new(policy), ..target("claude-sonnet-4-5") }
}

#[test]
fn what_anthropic_would_refuse_beside_thinking_is_left_out_and_told() {
    let target = target("claude-sonnet-4-5");
    let request = body(json!({
        "reasoning_effort": "high", "max_tokens": 3000, "temperature": 0.5, "top_k": 5, "top_p": 0.97,
        "tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"
    }));
    let (sent, encoded) = encode(&target, &request).unwrap();
    assert_eq!(sent["thinking"], json!({"type": "enabled", "budget_tokens": 2999}));
    assert_eq!(
        (&sent["temperature"], &sent["top_k"], &sent["top_p"]),
        (&Value::Null, &Value::Null, &json!(0.97))
    );
    assert_eq!(sent["tool_choice"], json!({"type": "auto"}));
    assert_eq!(encoded.notes.dropped, ["temperature", "top_k"]);
    assert_eq!(encoded.notes.rewritten, ["tool_choice"]);
}

#[test]
fn a_limit_too_small_for_thought_switches_it_off() {
    let (sent, encoded) =
        encode(&target("claude-sonnet-4-5"), &body(json!({"reasoning_effort": "low", "max_tokens": 500})))
            .unwrap();
    assert_eq!((&sent["thinking"], &sent["max_tokens"]), (&Value::Null, &json!(500)));
    assert_eq!(encoded.notes.dropped, ["thinking"]);
}

#[test]
fn stop_sequences_of_white_space_are_left_out() {
    let (sent, encoded) =
        encode(&target("claude-sonnet-4-5"), &body(json!({"stop": ["\n\n", "END"]}))).unwrap();
    assert_eq!(sent["stop_sequences"], json!(["END"]));
    assert_eq!(encoded.notes.dropped, ["stop"]);
}

#[test]
fn answers_in_json_where_the_model_cannot_be_held_to_a_schema() {
    let old = target("claude-3-haiku-20240307");
    let schema = json!({"type": "object", "properties": {}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
    let (sent, encoded) = encode(&old, &body(json!({"response_format": format}))).unwrap();
    assert_eq!(sent["tools"], json!([{"name": "json_tool_call", "input_schema": schema}]));
    assert_eq!(sent["tool_choice"], json!({"type": "tool", "name": "json_tool_call"}));
    assert_eq!(encoded.memo.json_tool.as_deref(), Some("json_tool_call"));

    let sent = ask(&old, json!({"response_format": {"type": "json_object"}}));
    assert!(sent["system"][0]["text"].as_str().unwrap().contains("JSON"));
    assert_eq!(sent["tools"], Value::Null);
}

#[test]
fn unsupported_parameters_are_refused_dropped_or_forwarded() {
    let strict = target("claude-sonnet-4-5");
    let error = encode(&strict, &body(json!({"n": 2, "seed": 1}))).err().unwrap();
    assert_eq!((error.kind(), error.param()), (ErrorKind::UnsupportedParams, Some("n")));
    assert!(error.message().contains("`n`, `seed`"), "{error}");

    let request = body(json!({"n": 2, "seed": 1, "drop_params": true}));
    let (sent, encoded) = encode(&strict, &request).unwrap();
    assert_eq!((&sent["n"], &sent["seed"], &sent["drop_params"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(encoded.notes.dropped, ["n", "seed"]);

    let sent = ask(&strict, json!({"seed": 1, "allowed_openai_params": ["seed"], "n": 1, "logprobs": false}));
    assert_eq!((&sent["seed"], &sent["n"]), (&json!(1), &Value::Null));

    let sent =
        ask(&strict, json!({"x_new": {"a": 1}, "additional_drop_params": ["temperature"], "temperature": 1}));
    assert_eq!((&sent["x_new"], &sent["temperature"]), (&json!({"a": 1}), &Value::Null));
}

#[test]
fn the_operators_defaults_apply_where_the_client_is_silent() {
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.to_owned()).unwrap();
    let defaults = [("max_tokens".to_owned(), raw("77")), ("temperature".to_owned(), raw("0.25"))];
    let extra_body = [("inference_geo".to_owned(), raw(r#""eu""#))];
    let target = Target {
        defaults: Arc::from(defaults),
        extra_body: Arc::from(extra_body),
        ..target("claude-sonnet-4-5")
    };
    let sent = ask(&target, json!({}));
    assert_eq!((&sent["max_tokens"], &sent["temperature"]), (&json!(77), &json!(0.25)));
    assert_eq!(sent["inference_geo"], "eu");
    let sent = ask(&target, json!({"max_completion_tokens": 5, "temperature": 1}));
    assert_eq!((&sent["max_tokens"], &sent["temperature"]), (&json!(5), &json!(1)));
}

#[test]
fn efforts_follow_what_is_known_of_the_model() {
    let facts = |flags: &[&str], lacks: &[&str]| ModelFacts {
        supports: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        lacks: lacks.iter().map(|flag| (*flag).to_owned()).collect(),
        known: true,
        ..ModelFacts::default()
    };
    let model = |facts: ModelFacts| Target { facts: Arc::new(facts), ..target("claude-next") };
    let adaptive = model(facts(&["reasoning", "adaptive_thinking"], &["sampling_params"]));
    let sent = ask(&adaptive, json!({"reasoning_effort": "minimal"}));
    assert_eq!(sent["output_config"], json!({"effort": "low"}));
    let error = encode(&adaptive, &body(json!({"reasoning_effort": "xhigh"}))).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::BadRequest);
    let error = encode(&adaptive, &body(json!({"temperature": 0.3}))).err().unwrap();
    assert_eq!((error.kind(), error.param()), (ErrorKind::UnsupportedParams, Some("temperature")));
    // What is not known is never a reason to refuse.
    let unknown = target("claude-next");
    let sent = ask(&unknown, json!({"reasoning_effort": "low", "temperature": 1}));
    assert_eq!(sent["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
}

#[test]
fn conversations_are_repaired_if_the_operator_wants() {
    let request = json!({"messages": [
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": [
            {"id": "a:1", "type": "function", "function": {"name": "f.g", "arguments": "{}"}},
            {"id": "b", "type": "function", "function": {"name": "h", "arguments": "[1]"}}]},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "ok", "cache_control": {"type": "ephemeral"}}]},
        {"role": "tool", "tool_call_id": "gone", "content": "orphan"}]});
    let (sent, encoded) = encode(&modifying(), &body(request)).unwrap();
    let turns = sent["messages"].as_array().unwrap();
    let roles: Vec<_> = turns.iter().map(|turn| turn["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(
        turns[3]["content"],
        json!([{"type": "tool_use", "id": "a_1", "name": "f_g", "input": {}},
               {"type": "tool_use", "id": "b", "name": "h", "input": {"value": [1]}}])
    );
    assert_eq!(encoded.memo.tool_names.get("f_g").map(String::as_str), Some("f.g"));
    let results = turns[4]["content"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["cache_control"], json!({"type": "ephemeral"}));
    assert_eq!(results[0]["content"], json!([{"type": "text", "text": "ok"}]));
    assert_eq!(results[1]["tool_use_id"], "a_1");
    assert_eq!(sent["tools"][0]["name"], "dummy_tool");
}

#[test]
fn hosted_tools_and_their_history() {
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"encrypted_content": "E+/"}]});
    let sent = ask(
        &target("claude-sonnet-4-5"),
        json!({"messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "Paris", "provider_specific_fields": {"web_search_results": [result]},
             "tool_calls": [{"id": "srvtoolu_1", "type": "function", "function": {"name": "web_search", "arguments": "{\"query\":\"q\"}"}}]},
            {"role": "user", "content": "sure?"}],
        "tools": [{"type": "mcp", "server_label": "s", "server_url": "https://x", "headers": {"Authorization": "Bearer t"}},
                  {"type": "web_search", "user_location": {"type": "approximate", "city": "Rome"}}]}),
    );
    let blocks = sent["messages"][1]["content"].as_array().unwrap();
    assert_eq!(
        blocks[1],
        json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}})
    );
    assert_eq!(blocks[2], result);
    assert_eq!(
        sent["mcp_servers"],
        json!([{"type": "url", "url": "https://x", "name": "s", "authorization_token": "t"}])
    );
    assert_eq!(sent["tools"][0]["user_location"], json!({"type": "approximate", "city": "Rome"}));
}

#[test]
fn betas_are_a_set_of_the_clients_the_operators_and_what_the_request_needs() {
    let headers = [("anthropic-beta".parse().unwrap(), "context-1m-2025-08-07,x-1".parse().unwrap())];
    let target = Target { headers: Arc::from(headers), ..target("claude-sonnet-4-5") };
    let request = body(json!({
        "extra_headers": {"Anthropic-Beta": "x-1,y"}, "context_management": {"edits": []}
    }));
    let (_, encoded) = encode(&target, &request).unwrap();
    let beta = encoded.request.headers()["anthropic-beta"].to_str().unwrap();
    assert_eq!(beta, "context-1m-2025-08-07,x-1,y,context-management-2025-06-27");
    assert_eq!(encoded.request.headers()["anthropic-version"], "2023-06-01");
    assert_eq!(encoded.request.uri(), "http://upstream.test/v1/messages");
}

#[test]
fn relayed_bodies_lose_only_what_is_never_wanted() {
    let policy = ParamPolicy {
        additional_drop_params: vec!["top_k".to_owned(), "tools[*].strict".to_owned(), "gone.x".to_owned()],
        ..ParamPolicy::default()
    };
    let target = Target { policy: Arc::new(policy), ..target("claude-sonnet-4-5") };
    let body =
        r#"{"model":"claude-sonnet-4-5", "top_k":5,"tools":[{"strict":true,"name":"a"}],"messages":[ ]}"#;
    common::with(&target, &common::messages(body), |_, encoded| {
        let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
        assert_eq!(sent, r#"{"model":"claude-sonnet-4-5","tools":[{"name":"a"}],"messages":[ ]}"#);
        assert_eq!(encoded.notes.dropped, ["top_k", "tools[*].strict"]);
    });
}
