//! AGT-1, AGT-2: what one provider has signed goes back to it byte by byte, to nobody else, and never gets lost in
//! silence.

use std::time::Duration;

use lockgate_testkit::upstream::{Answer, Request, Upstream};
use serde_json::{Value, json};

use crate::{
    gateway::{Gateway, config, model},
    upstreams::{self, good},
};

const DROPPED: &str = "x-lockgate-dropped-params";
/// As Anthropic's are: base64.
const SIGNATURE: &str = "EqQBCgIYAhIM/+==";

fn sent(upstream: &Upstream) -> String {
    upstream.requests().pop().unwrap().text()
}

/// A chat in which the model has thought and signed.
fn signed_chat(model: &str, signature: &str) -> Value {
    let block = json!({"type": "thinking", "thinking": "Hm.", "signature": signature});
    json!({"model": model, "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "reasoning_content": "Hm.", "thinking_blocks": [block]},
        {"role": "user", "content": "c"}]})
}

/// A conversation in the Responses API in which the model has thought and encrypted.
fn encrypted(model: &str, content: &str) -> Value {
    json!({"model": model, "store": false, "include": ["reasoning.encrypted_content"], "input": [{"role": "user", "content": "a"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content},
        {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]})
}

#[tokio::test]
async fn no_provider_gets_what_another_has_signed_and_the_client_is_told() {
    let (upstream, models) = upstreams::start(good, "").await;
    let chat = model("chat", "deepseek/deepseek-chat", &upstream.url(), "");
    let gateway = Gateway::start(&config(&(models + &chat), "")).await;
    let ours = json!([{"type": "thinking", "thinking": "Hm.", "signature": SIGNATURE}]).to_string();
    for (path, body, lost) in [
        ("/v1/responses", encrypted("claude", "gAAAABo_"), Some("gAAAABo_")),
        ("/v1/responses", encrypted("chat", "gAAAABo_"), Some("gAAAABo_")),
        ("/v1/responses", encrypted("chat", &ours), Some(SIGNATURE)),
        ("/v1/responses", encrypted("claude", &ours), None),
        ("/v1/chat/completions", signed_chat("claude", "openai-reasoning:rs_1:gAAA"), Some("gAAA")),
        ("/v1/chat/completions", signed_chat("claude", SIGNATURE), None),
        ("/v1/chat/completions", signed_chat("gpt", SIGNATURE), Some(SIGNATURE)),
    ] {
        let answer = gateway.post(path, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        let (told, sent) = (answer.header(DROPPED), sent(&upstream));
        match lost {
            Some(word) => assert!(told.contains("thinking_blocks") && !sent.contains(word), "{told}: {sent}"),
            None => assert!(!told.contains("thinking") && sent.contains(SIGNATURE), "{told}: {sent}"),
        }
    }
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.lines().any(|line| line.contains("dropped") && !line.starts_with('#')), "{metrics}");
}

/// The provider that keeps responses itself gets its own encrypted reasoning, and none of another's.
#[tokio::test]
async fn the_keeper_gets_its_own_back() {
    let native = |_: &Request| {
        Answer::json(200, r#"{"id":"resp_1","object":"response","status":"completed","output":[]}"#)
    };
    let (upstream, models) = upstreams::start(native, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let own = gateway.post("/v1/responses", &encrypted("openai", "gAAAABo_").to_string()).await;
    assert!(own.header(DROPPED).is_empty() && sent(&upstream).contains("gAAAABo_"));
    let ours = json!([{"type": "thinking", "thinking": "Hm.", "signature": SIGNATURE}]).to_string();
    let other = gateway.post("/v1/responses", &encrypted("openai", &ours).to_string()).await;
    assert!(other.header(DROPPED).contains("thinking_blocks") && !sent(&upstream).contains(SIGNATURE));
}

/// A conversation in the Messages API in which the model has thought and signed.
fn signed_messages(model: &str, signature: &str) -> Value {
    let thought = json!({"type": "thinking", "thinking": "Hm.", "signature": signature});
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "a"},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"}]})
}

/// One format, two makers of models: neither gets what the other has signed, and each its own as it came.
#[tokio::test]
async fn the_same_format_is_not_the_same_issuer() {
    const THEIRS: &str = "3f1d7f0e-9c1b-4a52-8a57-0d3b6f6f1c11";
    let upstream = Upstream::start(|_: &Request| Answer::json(200, upstreams::ANTHROPIC)).await.unwrap();
    let url = upstream.url();
    let models = model("claude", "anthropic/claude-sonnet-4-5", &url, "")
        + &model("deep", "deepseek/deepseek-reasoner", &url, "");
    let gateway = Gateway::start(&config(&models, "")).await;
    for (model, signature, kept) in [
        ("claude", SIGNATURE, true),
        ("claude", THEIRS, false),
        ("deep", THEIRS, true),
        ("deep", "", true),
        ("deep", SIGNATURE, false),
        ("deep", "openai-reasoning:rs_1:gAAA", false),
    ] {
        let body = signed_messages(model, signature);
        let answer = gateway.post("/v1/messages", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text());
        let (told, sent) = (answer.header(DROPPED), sent(&upstream));
        assert_eq!(told.contains("thinking"), !kept, "{body}: {told}");
        let sent: Value = serde_json::from_str(&sent).unwrap();
        let thought = body["messages"][1]["content"][0].clone();
        let said = sent["messages"][1]["content"].as_array().unwrap();
        assert_eq!(said.contains(&thought), kept, "{sent}");
    }
}

/// Two accounts of one provider: what one has encrypted goes back to it alone, in a group with both of them, too; the
/// other is not sent it, and the client is told.
#[tokio::test]
async fn encrypted_reasoning_goes_back_to_its_account() {
    let answer = |request: &Request| {
        let account = request.header("authorization").unwrap_or_default().contains("sk-up-one");
        let content = if account { "gAAAAone" } else { "gAAAAtwo" };
        let item = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content});
        let response = json!({"id": "resp_1", "object": "response", "status": "completed", "output": [item]});
        if !request.text().contains("\"stream\":true") {
            return Answer::json(200, &response.to_string());
        }
        let event = |kind: &str, member: &str, value: &Value| {
            format!("event: {kind}\ndata: {}\n\n", json!({"type": kind, "sequence_number": 1, member: value}))
        };
        let done = event("response.output_item.done", "item", &item);
        Answer::stream([done, event("response.completed", "response", &response)], Duration::ZERO)
    };
    let upstream = Upstream::start(answer).await.unwrap();
    let url = format!("{}/v1", upstream.url());
    let both = |key: &str| model("both", "openai/gpt-4o", &url, "").replace("sk-up-both", key);
    let models = both("sk-up-one") + &both("sk-up-two");
    let models = models + &model("two", "openai/gpt-4o", &url, "");
    let gateway = Gateway::start(&config(&models, "")).await;
    let user = json!({"role": "user", "content": "a"});
    for (round, stream) in [false, true].into_iter().cycle().take(12).enumerate() {
        let body = json!({"model": "both", "store": false, "input": [user], "stream": stream});
        let answer = gateway.post("/v1/responses", &body.to_string()).await;
        let text = answer.text();
        let items: Vec<Value> = if stream {
            let data = |line: &str| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok();
            text.lines()
                .filter_map(data)
                .filter(|event| event["item"].is_object())
                .map(|event| event["item"].clone())
                .collect()
        } else {
            answer.json()["output"].as_array().unwrap().clone()
        };
        let plain = if text.contains("gAAAAone") { "gAAAAone" } else { "gAAAAtwo" };
        let mut input = vec![user.clone()];
        input.extend(items);
        input.push(user.clone());
        for (model, kept) in [("both", true), ("two", plain == "gAAAAtwo")] {
            let next = json!({"model": model, "store": false, "input": input}).to_string();
            let next = gateway.post("/v1/responses", &next).await;
            assert_eq!(next.status, 200, "{}", next.text());
            let request = upstream.requests().pop().unwrap();
            let (sent, told) = (request.text(), next.header(DROPPED));
            assert_eq!(sent.contains(&format!("\"{plain}\"")), kept, "{round} {model}: {sent}");
            assert!(!sent.contains("lockgate-account"), "{sent}");
            assert_eq!(told.contains("thinking_blocks"), !kept, "{told}");
            let issuer = request.header("authorization").unwrap_or_default().contains(&plain[5..]);
            assert!(issuer || model == "two", "{round}: the other account was asked");
        }
    }
}

/// Of a group's deployments those of the issuer are taken; when they fail the others answer, and the client is told.
#[tokio::test]
async fn a_signed_conversation_stays_with_its_issuer() {
    let answer =
        |request: &Request| match request.text().contains("\"c down\"") && upstreams::is_anthropic(request) {
            true => Answer::json(500, r#"{"type":"error","error":{"type":"api_error","message":"down"}}"#),
            false => good(request),
        };
    let upstream = Upstream::start(answer).await.unwrap();
    let url = upstream.url();
    let models = model("any", "hosted_vllm/gpt-4o", &format!("{url}/v1"), "")
        + &model("any", "anthropic/claude-sonnet-4-5", &url, "");
    let config = format!(
        "model_list:\n{models}router_settings: {{num_retries: 1, retry_after: 0}}\ngeneral_settings: {{master_key: {}}}\n",
        crate::gateway::KEY
    );
    let gateway = Gateway::start(&config).await;
    for _ in 0..12 {
        let answer = gateway.post("/v1/chat/completions", &signed_chat("any", SIGNATURE).to_string()).await;
        assert_eq!((answer.status, answer.header(DROPPED)), (200, ""));
        assert!(sent(&upstream).contains(SIGNATURE));
    }
    let mut body = signed_chat("any", SIGNATURE);
    body["messages"][2]["content"] = json!("c down");
    let answer = gateway.post("/v1/chat/completions", &body.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header(DROPPED).contains("thinking_blocks") && !sent(&upstream).contains(SIGNATURE));
}

const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm.","thought":true},{"text":"Hello.","thoughtSignature":"c2ln/+=="}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}"#;

/// Gemini signs texts, too: in the Responses API the signature travels in `encrypted_content`, also out of a stream.
#[tokio::test]
async fn signatures_of_texts_come_back_to_gemini() {
    let answer = |request: &Request| match request.target.contains("streamGenerateContent") {
        true => Answer::stream([format!("data: {GEMINI}\n\n")], Duration::ZERO),
        false => Answer::json(200, GEMINI),
    };
    let upstream = Upstream::start(answer).await.unwrap();
    let gateway =
        Gateway::start(&config(&model("gem", "gemini/gemini-2.5-flash", &upstream.url(), ""), "")).await;
    for stream in [false, true] {
        let said = json!({"role": "user", "content": "hi"});
        let body = json!({"model": "gem", "input": [said], "stream": stream, "store": false,
            "include": ["reasoning.encrypted_content"]});
        let answer = gateway.post("/v1/responses", &body.to_string()).await;
        let response = if stream {
            let text = answer.text();
            let last = text
                .lines()
                .rfind(|line| line.contains("response.completed") && line.starts_with("data"))
                .unwrap();
            serde_json::from_str::<Value>(&last[6..]).unwrap()["response"].clone()
        } else {
            answer.json()
        };
        let mut input = vec![said.clone()];
        input.extend(response["output"].as_array().unwrap().iter().cloned());
        input.push(said);
        assert!(response["output"].to_string().contains("c2ln/+=="), "{response}");
        let next = json!({"model": "gem", "input": input, "store": false});
        let next = gateway.post("/v1/responses", &next.to_string()).await;
        assert_eq!(next.status, 200, "{}", next.text());
        let sent = sent(&upstream);
        assert!(sent.contains("c2ln/+=="), "stream {stream}: {sent}");
        assert!(!next.header(DROPPED).contains("thinking_blocks"), "{sent}");
    }
}

/// Clients that keep blocks of thinking and nothing else get such a signature in one, and Gemini gets it back; Claude does
/// not.
#[tokio::test]
async fn signatures_of_texts_travel_in_blocks() {
    let answer = |request: &Request| match &*request.target {
        _ if upstreams::is_anthropic(request) => Answer::json(200, upstreams::ANTHROPIC),
        target if target.contains("streamGenerateContent") => {
            Answer::stream([format!("data: {GEMINI}\n\n")], Duration::ZERO)
        }
        _ => Answer::json(200, GEMINI),
    };
    let upstream = Upstream::start(answer).await.unwrap();
    let models = model("gem", "gemini/gemini-2.5-flash", &upstream.url(), "")
        + &model("claude", "anthropic/claude-sonnet-4-5", &upstream.url(), "");
    let gateway = Gateway::start(&config(&models, "")).await;
    let user = json!({"role": "user", "content": "hi"});
    let user_of_converse = json!({"role": "user", "content": [{"text": "hi"}]});
    let ask = |model: &str, messages: Value, stream: bool| {
        json!({"model": model, "max_tokens": 9, "messages": messages, "stream": stream}).to_string()
    };
    for stream in [false, true] {
        let answer = gateway.post("/v1/messages", &ask("gem", json!([user]), stream)).await;
        let blocks: Vec<Value> = if stream {
            let text = answer.text();
            let data = |line: &str| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok();
            let mut blocks: Vec<Value> =
                text.lines().filter_map(data).map(|event| event["content_block"].clone()).collect();
            blocks.retain(|block| block["type"] == "redacted_thinking");
            blocks.push(json!({"type": "text", "text": "Hello."}));
            blocks
        } else {
            answer.json()["content"].as_array().unwrap().clone()
        };
        assert!(
            blocks.iter().any(|block| block["type"] == "redacted_thinking"),
            "{stream}: {}",
            answer.text()
        );
        let told = json!([user, {"role": "assistant", "content": blocks}, user]);
        for (model, kept) in [("gem", true), ("claude", false)] {
            let next = gateway.post("/v1/messages", &ask(model, told.clone(), false)).await;
            assert_eq!(next.status, 200, "{}", next.text());
            let sent = sent(&upstream);
            assert_eq!(sent.contains("c2ln/+=="), kept, "{sent}");
            assert!(!sent.contains("redacted") && sent.contains("Hello."), "{sent}");
            assert_eq!(next.header(DROPPED).contains("thinking"), !kept, "{}", next.header(DROPPED));
        }
    }
    let body = json!({"messages": [user_of_converse]}).to_string();
    let answer = gateway.post("/model/gem/converse", &body).await.json();
    let message = &answer["output"]["message"];
    assert!(message.to_string().contains("redactedContent"), "{answer}");
    let next = json!({"messages": [user_of_converse, message, user_of_converse]}).to_string();
    assert_eq!(gateway.post("/model/gem/converse", &next).await.status, 200);
    assert!(sent(&upstream).contains("c2ln/+=="), "{}", sent(&upstream));
}
