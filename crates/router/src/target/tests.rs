use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::Request;
use lockgate_core::{Payload, Secret, Usage};
use serde_json::json;

use super::*;
use crate::fixtures::{catalog, registry};

fn params(model: &str, more: Value) -> Params {
    let mut params = Params::new("public", model);
    params.params.extend(more.as_object().cloned().unwrap_or_default());
    params
}

fn built(model: &str, more: Value, env: &[(&str, &str)]) -> Result<Deployment, Vec<Issue>> {
    let env = |name: &str| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    build(registry(), catalog(), &params(model, more), &env)
}

/// The headers that a signer adds, as `name: value`.
fn signed(signer: &Arc<dyn lockgate_core::Signer>) -> Vec<String> {
    let mut request = Request::new(Payload::from(Bytes::new()));
    signer.sign(&mut request, SystemTime::UNIX_EPOCH).expect("a credential");
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}", value.to_str().unwrap_or_default())
    };
    request.headers().iter().map(line).collect()
}

#[test]
fn whose_model_it_is_and_where_it_goes() {
    let env =
        [("OPENAI_API_KEY", "sk-o"), ("GROQ_API_KEY", "gsk"), ("GROQ_API_BASE", "http://127.0.0.1:1/g/")];
    let table = [
        ("openai/gpt-4o", json!({}), "openai gpt-4o https://api.openai.com/v1"),
        ("gpt-4o", json!({}), "openai gpt-4o https://api.openai.com/v1"),
        (
            "claude-sonnet-4-5",
            json!({"api_key": "k"}),
            "anthropic claude-sonnet-4-5 https://api.anthropic.com",
        ),
        ("groq/openai/gpt-oss-120b", json!({}), "groq openai/gpt-oss-120b http://127.0.0.1:1/g"),
        ("groq/x", json!({"api_base": "http://127.0.0.1:2/v1"}), "groq x http://127.0.0.1:2/v1"),
        (
            "mine/large",
            json!({"custom_llm_provider": "openai", "api_base": "http://h/v1/chat/completions"}),
            "openai mine/large http://h/v1",
        ),
        ("openai/o3", json!({"custom_llm_provider": "openai"}), "openai o3 https://api.openai.com/v1"),
        (
            "meta-llama/llama",
            json!({"api_base": "https://api.groq.com/openai/v1"}),
            "groq meta-llama/llama https://api.groq.com/openai/v1",
        ),
        (
            "some-model",
            json!({"api_base": "https://api.deepseek.com/v1", "api_key": "k"}),
            "deepseek some-model https://api.deepseek.com/v1",
        ),
        (
            "some-model",
            json!({"api_base": "https://API.together.xyz/v1", "api_key": "k"}),
            "together_ai some-model https://api.together.xyz/v1",
        ),
        (
            "snowflake/x",
            json!({"account_id": "AAAA-BBBB", "api_key": "pat/k"}),
            "snowflake x https://aaaa-bbbb.snowflakecomputing.com",
        ),
        ("openai/x", json!({"api_base": "http://Me:P@HOST:1/V1"}), "openai x http://Me:P@host:1/V1"),
        ("anthropic/c", json!({"api_key": "k", "base_url": "http://h/v1/messages"}), "anthropic c http://h"),
    ];
    for (model, more, expected) in table {
        let found = built(model, more, &env).unwrap_or_else(|issues| panic!("{model}: {issues:?}"));
        let target = &found.target;
        assert_eq!(format!("{} {} {}", target.provider.id, target.model, target.base), expected, "{model}");
    }
}

#[test]
fn what_cannot_work_says_why() {
    let table = [
        ("klingon/x", json!({}), "litellm_params.model", "no provider `klingon`"),
        ("nobody-knows", json!({}), "litellm_params.model", "names no provider"),
        (
            "x",
            json!({"custom_llm_provider": "klingon"}),
            "litellm_params.custom_llm_provider",
            "no provider `klingon`",
        ),
        (
            "x",
            json!({"api_base": "https://api.groq.com.evil.example/openai/v1"}),
            "litellm_params.model",
            "names no provider",
        ),
        (
            "x",
            json!({"api_base": "https://api.groq.com/elsewhere"}),
            "litellm_params.model",
            "names no provider",
        ),
        ("hosted_vllm/x", json!({}), "litellm_params.api_base", "no address of its own"),
        (
            "openai/x",
            json!({"api_base": "localhost:8000"}),
            "litellm_params.api_base",
            "no http or https URL",
        ),
        ("openai/x", json!({"api_key": "line\nbreak"}), "litellm_params.api_key", "no HTTP header can carry"),
        (
            "openai/x",
            json!({"extra_headers": {"bad name": "x"}}),
            "litellm_params.extra_headers",
            "no HTTP header",
        ),
        ("", json!({}), "litellm_params.model", "No model is named"),
    ];
    for (model, more, key, message) in table {
        let issues = built(model, more, &[]).expect_err(model);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert_eq!(issues[0].key, key, "{model}");
        assert!(issues[0].message.contains(message), "{issues:?}");
        assert!(!issues[0].remedy.is_empty());
    }
}

#[test]
fn credentials_by_parameter_then_environment_in_the_providers_own_header() {
    let env = [("OPENAI_API_KEY", " sk-env "), ("ANTHROPIC_API_KEY", "sk-ant")];
    let table = [
        ("openai/x", json!({"api_key": "sk-own"}), "authorization: Bearer sk-own"),
        ("openai/x", json!({}), "authorization: Bearer sk-env"),
        ("anthropic/x", json!({}), "x-api-key: sk-ant"),
    ];
    for (model, more, expected) in table {
        let found = built(model, more, &env).expect(model);
        assert_eq!(signed(&found.target.signer), [expected]);
        assert!(!format!("{found:?}").contains("sk-"));
    }
    let local = |model: &str| {
        let found = built(model, json!({"api_base": "http://127.0.0.1:1/v1"}), &[]).expect("no key needed");
        signed(&found.target.signer)
    };
    assert!(local("xinference/x").is_empty());
    assert_eq!(local("hosted_vllm/x"), ["authorization: Bearer fake-api-key"]);
    let keyless = built("openai/x", json!({}), &[]).expect("it starts all the same");
    let mut request = Request::new(Payload::from(Bytes::new()));
    let error = keyless.target.signer.sign(&mut request, SystemTime::UNIX_EPOCH).expect_err("no credential");
    assert!(error.message().contains("OPENAI_API_KEY"), "{error}");
    assert_eq!(error.kind(), lockgate_core::ErrorKind::Authentication);
}

#[test]
fn parameters_find_their_place() {
    let more = json!({
        "api_key": "sk-secret", "organization": "org-1", "extra_headers": {"X-Team": "a"}, "temperature": 0.1, "top_k": 3,
        "thinking": {"type": "enabled"}, "seed": null, "extra_body": {"b": [1]}, "aws_region_name": "eu", "rpm": "60",
        "drop_params": "true", "additional_drop_params": ["user"], "max_retries": 4, "tags": "one", "cooldown_time": 30,
        "input_cost_per_token": 1e-6, "weight": 2, "aws_secret_access_key": "hush", "mock_response": "hello",
    });
    let found = built("openai/gpt-4o", more, &[]).expect("right");
    let raws =
        |list: &[(String, Raw)]| list.iter().map(|(name, raw)| format!("{name}={raw}")).collect::<Vec<_>>();
    assert_eq!(
        raws(&found.target.defaults),
        ["temperature=0.1", r#"thinking={"type":"enabled"}"#, "top_k=3"]
    );
    assert_eq!(raws(&found.target.extra_body), ["b=[1]"]);
    let headers: Vec<&str> = found.target.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers, ["x-team", "openai-organization"]);
    assert_eq!(found.target.param("aws_region_name"), Some("eu"));
    assert!(found.target.policy.drop_params && found.target.policy.additional_drop_params == ["user"]);
    assert_eq!((found.rpm, found.num_retries, found.weight), (Some(60), Some(4), Some(2.0)));
    assert_eq!(
        (found.tags.as_slice(), found.cooldown.map(|time| time.as_secs())),
        (&["one".to_owned()][..], Some(30))
    );
    assert_eq!(found.mock_response.as_deref(), Some("hello"));
    let shown = found.params_public.to_string();
    assert!(!shown.contains("sk-secret") && !shown.contains("hush") && shown.contains("top_k"), "{shown}");
    assert!(found.price.is_some_and(|price| price.overridden));
    assert!(found.target.facts.known);
}

#[test]
fn ids_are_stable_and_differ_by_credential() {
    let id = |key: &str| built("openai/gpt-4o", json!({"api_key": key}), &[]).expect("right").id;
    assert_eq!(id("a"), id("a"));
    assert_ne!(id("a"), id("b"));
    assert_eq!(id("a").len(), 32);
    assert_eq!(Secret::new("x").to_string(), "[secret]");
}

#[test]
fn facts_and_prices_of_the_base_model_with_the_operators_own_on_top() {
    let mut params = params("openai/my-deployment", json!({}));
    params.info = json!({"base_model": "gpt-4o", "supports_vision": false, "supports_magic": true, "max_output_tokens": 7})
        .as_object()
        .cloned()
        .unwrap_or_default();
    let found = build(registry(), catalog(), &params, &|_| None).expect("right");
    let facts = &found.target.facts;
    assert!(
        facts.known && facts.supports("magic") && !facts.supports("vision") && facts.lacks.contains("vision")
    );
    assert_eq!(facts.max_output, Some(7));
    assert_eq!(found.price, catalog().entry("openai", "gpt-4o").map(|entry| Arc::new(entry.price)));
    let unknown = built("openai/nobody-knows", json!({}), &[]).expect("right");
    assert!(unknown.price.is_none() && !unknown.target.facts.known);
    let priced = built("openai/nobody-knows", json!({"output_cost_per_token": 0.5}), &[]).expect("right");
    assert!(priced.price.is_some());
}

#[test]
fn a_free_name_is_priced_by_the_model_that_the_answer_names() {
    let more = json!({"api_base": "http://h", "api_key": "k"});
    let found = built("azure/free", more.clone(), &[]).expect("right");
    let usage = |model: Option<&str>| Usage { model: model.map(str::to_owned), ..Usage::default() };
    let named = found.price_of_answer(catalog(), &usage(Some("gpt-4o-2024-08-06"))).expect("priced");
    assert_eq!(
        Some(&*named),
        catalog().entry("azure", "gpt-4o-2024-08-06").map(|entry| entry.price).as_ref()
    );
    assert!(found.price_of_answer(catalog(), &usage(None)).is_none());
    assert!(found.price_of_answer(catalog(), &usage(Some("nobody-knows"))).is_none());
    assert!(found.target.param("base_model").is_none());

    let mut more = more.as_object().cloned().unwrap_or_default();
    more.insert("base_model".to_owned(), json!("azure/gpt-5"));
    let found = built("azure/free", Value::Object(more), &[]).expect("right");
    assert_eq!(found.target.param("base_model"), Some("azure/gpt-5"));
    let own = found.price_of_answer(catalog(), &usage(Some("gpt-4o-2024-08-06"))).expect("priced");
    assert_eq!(Some(&*own), found.price.as_deref(), "what the operator says comes first");
}
