//! Foundry's services that are no models of OpenAI's: where they are, what they are asked, what they answer.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use http::Request;
use lockgate_azure::{AzureAi, BING_GROUNDING};
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Media, Operation, Payload, Reply, Secret, Signer, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use serde_json::json;

static FOUNDRY: AzureAi = AzureAi;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target(dialect: &'static dyn Dialect, model: &str, base: &str) -> Target {
    Target { base: Arc::from(base), ..sample::target(sample::provider(dialect), model) }
}

fn with(target: &Target, operation: Operation, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let attempt = Attempt { call: &call, target, media: &Media::default() };
    test(&attempt, &target.provider.dialect.encode(&attempt).unwrap());
}

/// The signer of a deployment with these parameters, this key and this environment.
fn signer(
    dialect: &'static dyn Dialect,
    params: &[(&str, &str)],
    key: Option<&str>,
    env: &[(&str, &str)],
) -> lockgate_core::Result<Arc<dyn Signer>> {
    let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let (params, env) = (own(params), own(env));
    dialect.signer(&CloudSettings {
        provider: &sample::provider(dialect),
        params: &params,
        api_key: key.map(|key| Secret::new(key.to_owned())),
        env: &|name| env.get(name).cloned(),
        file: &|_| None,
    })
}

/// The headers that carry a key on a request.
fn credentials(encoded: &Encoded) -> Vec<String> {
    let mut request = Request::new(Payload::new());
    *request.extensions_mut() = encoded.request.extensions().clone();
    signer(&FOUNDRY, &[], Some("k"), &[]).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
    request.headers().keys().map(ToString::to_string).collect()
}

#[test]
fn cohere_reads_pictures_beside_the_other_models() {
    let body = r#"{"model":"m","document":{"type":"image_url","image_url":"data:image/png;base64,UE5H"}}"#;
    for (base, url) in [
        ("https://r.services.ai.azure.com", "https://r.services.ai.azure.com/providers/cohere/v2/parse"),
        (
            "https://r.services.ai.azure.com/models",
            "https://r.services.ai.azure.com/providers/cohere/v2/parse",
        ),
        (
            "https://x.services.ai.azure.com/providers/cohere/v2/parse",
            "https://x.services.ai.azure.com/providers/cohere/v2/parse",
        ),
        ("https://c.eastus.models.ai.azure.com", "https://c.eastus.models.ai.azure.com/v2/parse"),
    ] {
        with(&target(&FOUNDRY, "Cohere-parse-v5", base), Operation::Ocr, body, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), url);
            assert_eq!(credentials(encoded), ["authorization"]);
            let answer = r#"{"pages":[{"index":0,"type":"markdown","markdown":{"content":"Hi"}}]}"#;
            let head = sample::head(200, "application/json");
            let reply = FOUNDRY.decode(attempt, encoded, &head, answer.into()).unwrap();
            assert!(matches!(reply, Reply::Ocr(reply) if reply.pages[0].markdown == "Hi"));
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
}

const SEARCH: &str =
    r#"{"query":["a b","c"],"max_results":1,"country":"de","search_domain_filter":["x.org"]}"#;

fn grounding(params: &[(&str, &str)]) -> Target {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let base = "https://a.services.ai.azure.com/api/projects/p";
    Target { params: Arc::new(params.collect()), ..target(&BING_GROUNDING, "search", base) }
}

#[test]
fn a_model_of_a_project_searches() {
    let own = grounding(&[("bing_grounding_model", "gpt-4o")]);
    with(&own, Operation::Search, SEARCH, |attempt, encoded| {
        let place = "https://a.services.ai.azure.com/api/projects/p/openai/v1/responses";
        assert_eq!(encoded.request.uri().to_string(), place);
        let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert_eq!((&body["model"], &body["input"]), (&json!("gpt-4o"), &json!("a b c")));
        let location = json!({"type": "approximate", "country": "DE"});
        assert_eq!(body["tools"], json!([{"type": "web_search", "user_location": location}]));
        assert_eq!(body["tool_choice"], "required");
        assert_eq!(encoded.notes.dropped, ["search_domain_filter"]);
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
    let connected = grounding(&[("bing_grounding_model", "m"), ("bing_grounding_connection_id", "/c/1")]);
    with(&connected, Operation::Search, SEARCH, |_, encoded| {
        let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        let search = json!({"search_configurations": [{"project_connection_id": "/c/1", "count": 1}]});
        assert_eq!(body["tools"], json!([{"type": "bing_grounding", "bing_grounding": search}]));
        assert_eq!(encoded.notes.dropped, ["search_domain_filter", "country"]);
    });
    let call = sample::call(&SURFACE, Operation::Search, SEARCH).unwrap();
    let (target, media) = (grounding(&[]), Media::default());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let error = BING_GROUNDING.encode(&attempt).err().unwrap();
    assert!(error.message().contains("BING_GROUNDING_MODEL"), "{error}");
}

#[test]
fn what_the_model_cites_was_found() {
    let cited = |url: &str, start: usize| json!({"type": "url_citation", "url": url, "title": "T", "start_index": start, "end_index": start + 3});
    let annotations =
        json!([cited("https://u", 9), cited("https://u", 9), cited("https://v", 26), {"type": "new"}]);
    let text = "Grüße: S [1]\n\nAnother page. [2]";
    let part = json!({"type": "output_text", "text": text, "annotations": annotations});
    let answer = json!({"id": "resp_1", "status": "completed", "error": null, "output": [
        {"type": "web_search_call", "status": "completed", "action": {"type": "search"}},
        {"type": "message", "role": "assistant", "content": [part]},
    ]});
    let read = |params: &[(&str, &str)], body: &str, answer: &str| {
        let target = grounding(params);
        let call = sample::call(&SURFACE, Operation::Search, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let encoded = BING_GROUNDING.encode(&attempt).unwrap();
        let head = sample::head(200, "application/json");
        BING_GROUNDING.decode(&attempt, &encoded, &head, answer.to_owned().into()).map(|reply| match reply {
            Reply::Search(reply) => *reply,
            other => panic!("{other:?}"),
        })
    };
    let own = [("bing_grounding_model", "m")];
    let reply = read(&own, r#"{"query":"q"}"#, &answer.to_string()).unwrap();
    let found: Vec<_> = reply.results.iter().map(|one| (one.url.as_str(), one.snippet.as_str())).collect();
    assert_eq!(found, [("https://u", "Grüße: S [1]"), ("https://v", "Another page. [2]")]);
    assert_eq!(reply.usage.unwrap().measures.unwrap().queries, 0);
    let connected = [("bing_grounding_model", "m"), ("bing_grounding_connection_id", "/c/1")];
    let reply = read(&connected, SEARCH, &answer.to_string()).unwrap();
    assert_eq!((reply.results.len(), reply.usage.unwrap().measures.unwrap().queries), (1, 1));
    for (answer, said) in [
        (r#"{"status":"failed","error":{"code":"server_error","message":"Why."},"output":[]}"#, "Why."),
        (r#"{"status":"incomplete","output":[]}"#, "The search was incomplete."),
        ("{}", "no results"),
        ("not json", "not valid JSON"),
    ] {
        let error = read(&own, SEARCH, answer).unwrap_err();
        assert!(error.message().contains(said), "{answer}: {error}");
    }
    assert!(read(&own, SEARCH, r#"{"status":"completed","output":[]}"#).unwrap().results.is_empty());
}

#[test]
fn searches_take_a_key_a_token_or_an_account() {
    let signed = |key, env: &[(&str, &str)]| {
        let mut request = Request::new(Payload::new());
        let signer = signer(&BING_GROUNDING, &[], key, env).unwrap();
        signer.sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
        let headers = request.headers().iter();
        let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        (headers.collect::<Vec<_>>(), signer.token_source().is_some())
    };
    let env = [("BING_GROUNDING_TOKEN", "jwt")];
    assert_eq!(signed(Some("k"), &env), (vec!["api-key: k".to_owned()], false));
    assert_eq!(signed(None, &env), (vec!["authorization: Bearer jwt".to_owned()], false));
    let account = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"].map(|name| (name, "x"));
    assert_eq!(signed(None, &account), (Vec::new(), true));
    assert!(signer(&BING_GROUNDING, &[], None, &[]).is_err());
}
