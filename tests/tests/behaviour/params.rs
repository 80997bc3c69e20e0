//! PRM-1, PRM-2, SCH-3, AGT-3, AGT-5: parameters, unknown fields and headers.

use serde_json::Value;

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config},
    upstreams::{self, good},
};

fn sent(request: &lockgate_testkit::upstream::Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

/// PRM-1: unknown models and parameters reach a provider that speaks the client's format.
#[tokio::test]
async fn unknown_models_and_parameters_are_forwarded() {
    let (upstream, models) = upstreams::start(good, "").await;
    let models = models.replace("hosted_vllm/gpt-4o", "hosted_vllm/nobody-knows-this-model");
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = ask("gpt", false).replace("\"max_tokens\"", "\"brand_new\":{\"x\":[1]},\"max_tokens\"");
    let answer = gateway.post(SURFACES[0], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = sent(&upstream.requests()[0]);
    assert_eq!(body["model"], "nobody-knows-this-model");
    assert_eq!(body["brand_new"], serde_json::json!({"x": [1]}));
}

/// PRM-2: what is dropped is named in a header.
#[tokio::test]
async fn dropped_parameters_are_listed() {
    let (upstream, models) = upstreams::start(good, "drop_params: true").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = ask("claude", false).replace("\"max_tokens\"", "\"logit_bias\":{\"1\":2},\"max_tokens\"");
    let answer = gateway.post(SURFACES[0], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.header("x-lockgate-dropped-params").contains("logit_bias"), "{:?}", answer.headers);
    assert!(sent(&upstream.requests()[0]).get("logit_bias").is_none());
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("dropped"), "dropped parameters are not counted:\n{metrics}");
}

/// Without the operator's leave nothing is dropped in silence: the client is told which parameter it is.
#[tokio::test]
async fn unsupported_parameters_are_named() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = ask("claude", false).replace("\"max_tokens\"", "\"logit_bias\":{\"1\":2},\"max_tokens\"");
    let answer = gateway.post(SURFACES[0], &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("logit_bias"), "{}", answer.text());
    assert!(upstream.requests().is_empty());
}

/// SCH-3: no null goes upstream that the client did not write.
#[tokio::test]
async fn nothing_unset_is_sent_as_null() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for model in upstreams::MODELS {
        for path in SURFACES {
            for stream in [false, true] {
                let answer = gateway.open(path, ask(model, stream)).await.whole().await;
                assert_eq!(answer.status, 200, "{model} at {path}: {}", answer.text());
            }
        }
    }
    for request in upstream.requests() {
        assert!(!request.text().contains("null"), "{}: {}", request.target, request.text());
    }
}

/// AGT-3: unknown beta headers and fields pass where the format is the client's, and are reported where not.
#[tokio::test]
async fn unknown_betas_and_fields_pass_or_are_reported() {
    let (upstream, models) = upstreams::start(good, "drop_params: true").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let body = |model: &str| ask(model, false).replace("\"max_tokens\"", "\"brand_new\":1,\"max_tokens\"");
    let beta = [("anthropic-beta", "future-feature-2030-01-01"), ("anthropic-version", "2023-06-01")];
    let same = gateway.open_with("/v1/messages", body("claude"), &beta).await.whole().await;
    assert_eq!(same.status, 200, "{}", same.text());
    let request = upstream.requests().remove(0);
    assert!(
        request.header("anthropic-beta").unwrap_or("").contains("future-feature-2030-01-01"),
        "{:?}",
        request.headers
    );
    assert_eq!(sent(&request)["brand_new"], 1);
    let other = gateway.open_with("/v1/messages", body("gpt"), &beta).await.whole().await;
    assert_eq!(other.status, 200, "{}", other.text());
    let dropped = other.header("x-lockgate-dropped-params");
    let forwarded = sent(&upstream.requests()[1]).get("brand_new").is_some();
    assert!(forwarded || dropped.contains("brand_new"), "{:?}", other.headers);
}

/// AGT-5: tokens are counted for every model that `/v1/messages` serves.
#[tokio::test]
async fn tokens_are_counted_for_every_model() {
    let handler =
        |request: &lockgate_testkit::upstream::Request| match request.target.contains("count_tokens") {
            true => lockgate_testkit::upstream::Answer::json(200, "{\"input_tokens\":17}"),
            false => good(request),
        };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for (model, exact) in [("claude", true), ("gpt", false)] {
        let body = format!(
            "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello there\"}}]}}"
        );
        let answer = gateway.post("/v1/messages/count_tokens", &body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let count = answer.json()["input_tokens"].as_u64().unwrap();
        assert!(if exact { count == 17 } else { count > 0 }, "{model}: {count}");
    }
}

/// A gap is filled by models that can, also in a stream; of others the client is told that they were not asked for it.
#[tokio::test]
async fn gaps_are_filled_where_they_can_be() {
    let (upstream, models) = upstreams::start(good, "").await;
    let fim = crate::gateway::model("fim", "mistral/codestral-latest", &format!("{}/v1", upstream.url()), "");
    let gateway = Gateway::start(&config(&(models + &fim), "")).await;
    for stream in [false, true] {
        let ask =
            |model: &str| format!(r#"{{"model":"{model}","prompt":"a","suffix":"c","stream":{stream}}}"#);
        let filled = gateway.post("/v1/completions", &ask("fim")).await;
        let sent = upstream.requests().pop().unwrap();
        assert_eq!((filled.status, sent.target.as_str()), (200, "/v1/fim/completions"), "{}", filled.text());
        assert!(
            sent.text().contains(r#""suffix":"c""#) && filled.header("x-lockgate-dropped-params").is_empty()
        );
        let pieces: Vec<String> = filled
            .text()
            .split("\"text\":\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        assert_eq!(pieces.concat(), "Hello.", "{}", filled.text());
        let told = gateway.post("/v1/completions", &ask("claude")).await;
        assert_eq!(
            (told.status, told.header("x-lockgate-dropped-params")),
            (200, "suffix"),
            "{}",
            told.text()
        );
    }
}

/// PRM-2: the demonstration model, too, says what it does not heed.
#[tokio::test]
async fn the_demonstration_says_what_it_leaves_out() {
    let models = "  - model_name: demo\n    litellm_params: {model: demo/echo}\n";
    let gateway = Gateway::start(&config(models, "")).await;
    let body = r#"{"model":"demo","prompt":"a","suffix":"c","echo":true}"#;
    let answer = gateway.post("/v1/completions", body).await;
    assert_eq!((answer.status, answer.header("x-lockgate-dropped-params")), (200, "echo,suffix"));
    let plain = gateway.post("/v1/completions", r#"{"model":"demo","prompt":"a"}"#).await;
    assert_eq!((plain.status, plain.header("x-lockgate-dropped-params")), (200, ""));
}

/// Clients of the first form of function calls get a call in that form, from a model that knows tools.
#[tokio::test]
async fn functions_are_called_in_the_form_that_was_asked_for() {
    let models = "  - model_name: demo\n    litellm_params: {model: demo/echo}\n";
    let gateway = Gateway::start(&config(models, "")).await;
    for (form, expected) in [
        (r#""functions":[{"name":"f"}]"#, r#""function_call":{"name":"f""#),
        (r#""tools":[{"type":"function","function":{"name":"f"}}]"#, r#""tool_calls":[{"#),
        (r#""tools":null,"functions":[{"name":"f"}]"#, r#""function_call":{"name":"f""#),
    ] {
        let body = format!(r#"{{"model":"demo","messages":[{{"role":"user","content":"a"}}],{form}}}"#);
        let answer = gateway.post("/v1/chat/completions", &body).await.text();
        assert!(answer.contains(expected), "{form}: {answer}");
        assert_eq!(answer.contains("tool_calls"), expected.contains("tool_calls"), "{form}: {answer}");
    }
}
