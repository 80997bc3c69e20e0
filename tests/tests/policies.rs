//! What rows, operators and callers want of a conversation and its tools holds for the clients of every surface, and for
//! upstreams that want it in yet another form.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use lockgate_core::{Attempt, Dialect, Media, Operation, ParamPolicy, Quirks, Surface, Target, json::raw};
use lockgate_registry::{dialects, surfaces};
use lockgate_testkit::sample;
use serde_json::{Value, json};

const ASKED: &str = r#"{"model":"m","max_tokens":9,"system":"Be brief.","messages":[{"role":"user","content":[
    {"type":"text","text":"one","cache_control":{"type":"ephemeral"}},{"type":"text","text":"two"}]}],
    "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}"#;

fn dialect(id: &str) -> &'static dyn Dialect {
    *dialects().iter().find(|dialect| dialect.id() == id).unwrap()
}

fn surface(id: &str) -> &'static dyn Surface {
    *surfaces().iter().find(|surface| surface.id() == id).unwrap()
}

/// A server like OpenAI's, asked in chats or, with `responses`, in its newer API.
fn target(mut quirks: Value, responses: bool) -> Target {
    if responses {
        quirks["responses_for"] = json!(["anthropic"]);
    }
    let mut provider = sample::provider(dialect("openai"));
    provider.quirks = serde_json::from_value::<Quirks>(quirks).unwrap();
    sample::target(provider, "m")
}

/// What such a server is sent for a client of Anthropic's Messages; `more` are members of its body.
fn sent(target: &Target, more: &str) -> Value {
    let call = sample::call(surface("anthropic"), Operation::Chat, &format!("{ASKED}{more}}}")).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    let encoded = attempt.dialect().encode(&attempt).unwrap();
    assert!(!encoded.relay);
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

fn both(quirks: &Value, more: &str) -> [Value; 2] {
    [false, true].map(|responses| sent(&target(quirks.clone(), responses), more))
}

#[test]
fn without_a_wish_all_of_it_arrives() {
    let [chat, responses] = both(&json!({}), "");
    assert_eq!(chat["messages"][0], json!({"role":"system","content":"Be brief."}));
    assert!(!chat.to_string().contains("cache_control"), "{chat}");
    assert_eq!(chat["messages"][1]["content"][1]["text"], "two");
    assert_eq!(chat["tools"][0]["function"]["name"], "f");
    assert_eq!(responses["instructions"], "Be brief.");
    assert_eq!(responses["input"][0]["content"][1]["text"], "two");
    assert_eq!(responses["tools"][0]["name"], "f");
}

#[test]
fn a_row_that_adds_to_the_conversation_keeps_it() {
    let [chat, responses] = both(&json!({"required_as_prompt":"Call a tool."}), "");
    let texts: Vec<&Value> = chat["messages"].as_array().unwrap().iter().map(|one| &one["content"]).collect();
    assert_eq!((texts.len(), texts[2]), (3, &json!("Call a tool.")), "{chat}");
    assert!(chat.get("tool_choice").is_none() && chat["tools"][0]["function"]["name"] == "f");
    assert_eq!(responses["input"].as_array().unwrap().len(), 2, "{responses}");
    assert_eq!(responses["tools"][0]["name"], "f");
}

#[test]
fn rows_change_what_they_name() {
    let [chat, _] = both(&json!({"flatten_content":true,"rename":{"tools":"functions_of_mine"}}), "");
    assert_eq!(chat["messages"][1]["content"], "onetwo", "{chat}");
    assert!(chat.get("tools").is_none());
    assert_eq!(chat["functions_of_mine"][0]["function"]["name"], "f");
    let [chat, responses] = both(&json!({"drop_in_tools":["description"],"drop_values":{"tools":[[]]}}), "");
    assert_eq!(chat["tools"][0]["function"], json!({"name":"f","parameters":{"type":"object"}}), "{chat}");
    assert!(responses["tools"][0].get("description").is_none() && responses["tools"][0]["name"] == "f");
    let [chat, responses] = both(&json!({"force":{"tools":[]}}), "");
    assert_eq!(chat["tools"], json!([]));
    assert!(responses.get("tools").is_none(), "{responses}");
}

#[test]
fn operators_and_callers_drop_and_replace() {
    for responses in [false, true] {
        let mut target = target(json!({}), responses);
        let names = ["tools".to_owned(), "messages[1].content[0]".to_owned()];
        target.policy =
            Arc::new(ParamPolicy { additional_drop_params: names.to_vec(), ..ParamPolicy::default() });
        let body = sent(&target, "");
        assert!(body.get("tools").is_none(), "{body}");
        assert!(body.to_string().contains("two") && !body.to_string().contains("one"), "{body}");
        target.policy = Arc::default();
        target.extra_body = Arc::from([("tools".to_owned(), raw("[]"))]);
        let body = sent(&target, "");
        assert!(body.get("tools").is_none_or(|tools| *tools == json!([])), "{body}");
        target.extra_body = Arc::from([]);
        target.defaults =
            Arc::from([("tools".to_owned(), raw(r#"[{"type":"function","function":{"name":"g"}}]"#))]);
        let body = sent(&target, "").to_string();
        assert!(body.contains(r#""name":"f""#) && !body.contains(r#""name":"g""#), "{body}");
    }
}
