//! Addresses, credentials, Claude's words and laws of Databricks.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Request;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Media, Operation, Payload, Reply, Secret, Target,
};
use lockgate_databricks::Databricks;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: Databricks = Databricks;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target(model: &str, base: &str) -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks.also = ["reasoning_effort", "thinking"].map(str::to_owned).into();
    provider.quirks.flatten_reply = true;
    Target { base: Arc::from(base), ..sample::target(provider, model) }
}

fn with(target: &Target, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

fn body(encoded: &Encoded) -> serde_json::Value {
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

fn settings<T>(
    params: &[(&str, &str)],
    key: Option<&str>,
    env: &[(&str, &str)],
    test: impl FnOnce(&CloudSettings<'_>) -> T,
) -> T {
    let mut provider = sample::provider(&DIALECT);
    provider.base_env = vec!["DATABRICKS_HOST".to_owned()];
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    test(&CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &|_| None })
}

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low"}"#;

#[test]
fn a_workspace_s_bare_address_leads_to_its_endpoints() {
    for (base, expected) in [
        ("https://w.test", "https://w.test/serving-endpoints/chat/completions"),
        ("https://w.test/serving-endpoints", "https://w.test/serving-endpoints/chat/completions"),
        ("https://w.test/ai-gateway/v1", "https://w.test/ai-gateway/v1/chat/completions"),
    ] {
        with(&target("m", base), BODY, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), expected);
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
}

#[test]
fn claude_thinks_in_its_own_words() {
    let claude = target("databricks-claude-sonnet-4-5", "https://w.test");
    with(&claude, BODY, |_, encoded| {
        let body = body(encoded);
        assert_eq!(body["thinking"], serde_json::json!({"type": "enabled", "budget_tokens": 1024}));
        assert_eq!(body["max_tokens"], 5120);
        assert!(body.get("reasoning_effort").is_none());
    });
    let limited = BODY.replace("\"low\"", "\"low\",\"max_tokens\":9000");
    with(&claude, &limited, |_, encoded| assert_eq!(body(encoded)["max_tokens"], 9000));
    for other in [BODY.replace("\"low\"", "\"none\""), BODY.replace("\"low\"", "null")] {
        with(&claude, &other, |_, encoded| {
            assert!(
                body(encoded).get("thinking").is_none() && body(encoded).get("reasoning_effort").is_none()
            );
        });
    }
    let adaptive = target("databricks-claude-opus-4-6", "https://w.test");
    with(&adaptive, BODY, |_, encoded| {
        assert_eq!(body(encoded)["thinking"]["type"], "adaptive");
        assert_eq!(body(encoded)["output_config"]["effort"], "low");
    });
    with(&target("databricks-gpt-oss-120b", "https://w.test"), BODY, |_, encoded| {
        assert_eq!(body(encoded)["reasoning_effort"], "low");
    });
}

#[test]
fn answers_in_parts_are_text_and_thinking() {
    let answer = Bytes::from_static(br#"{"id":"1","object":"chat.completion","created":1,"model":"c","choices":[{"index":0,"message":{"role":"assistant","content":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm","signature":"sig"}]},{"type":"text","text":"Paris."}]},"finish_reason":"stop"}]}"#);
    with(&target("databricks-claude-sonnet-4-5", "https://w.test"), BODY, |attempt, encoded| {
        let head = sample::head(200, "application/json");
        let Reply::Chat(reply) = DIALECT.decode(attempt, encoded, &head, answer.clone()).unwrap() else {
            panic!()
        };
        let message = &reply.choices[0].message;
        assert_eq!(message.content.as_ref().unwrap().text(), "Paris.");
        assert_eq!(message.reasoning_content.as_deref(), Some("hm"));
    });
}

#[test]
fn streams_keep_the_laws() {
    const CHUNKS: &str = concat!(
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}]}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"Paris.\"}]},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );
    let streaming = BODY.replace("\"low\"", "\"low\",\"stream\":true");
    with(&target("databricks-claude-sonnet-4-5", "https://w.test"), &streaming, |attempt, encoded| {
        assert!(!encoded.relay);
        let decoders = || DIALECT.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let probes = || DIALECT.probe(encoded);
        let events = laws::any_chunking_gives_the_same_events(&decoders, CHUNKS.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, CHUNKS.as_bytes());
        laws::garbage_never_panics(&decoders, &probes, CHUNKS.as_bytes(), 500);
    });
}

#[test]
fn a_service_principal_s_secret_is_exchanged_at_its_workspace() {
    let principal =
        [("client_id", "id"), ("client_secret", "s&s"), ("api_base", "https://w.test/serving-endpoints")];
    settings(&principal, Some("dapi"), &[], |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let source = signer.token_source().unwrap();
        let now = SystemTime::UNIX_EPOCH;
        let request = source.request(now).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "https://w.test/oidc/v1/token")
        );
        assert_eq!(request.headers()["authorization"], "Basic aWQ6cyZz");
        assert!(request.headers()["authorization"].is_sensitive());
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        assert_eq!(form, "grant_type=client_credentials&scope=all-apis");
        let granted = Bytes::from_static(br#"{"access_token":"x","expires_in":60}"#);
        let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
        assert_eq!(
            (token.value.to_str().unwrap(), token.expires_at),
            ("Bearer x", now + Duration::from_secs(60))
        );
        let refused = Bytes::from_static(br#"{"error":"invalid_client"}"#);
        let error = source.read(&sample::head(401, "application/json"), &refused, now).unwrap_err();
        assert!(error.message().contains("invalid_client") && error.kind().status() == 401);
        assert!(!source.key().contains("s&s"));
        assert!(!DIALECT.settle(settings).contains_key("client_secret"));
    });
}

#[test]
fn a_token_of_one_s_own_comes_before_the_environment_s_principal() {
    let env = [
        ("DATABRICKS_CLIENT_ID", "id"),
        ("DATABRICKS_CLIENT_SECRET", "s"),
        ("DATABRICKS_HOST", "https://h.test"),
    ];
    settings(&[], Some("dapi"), &env, |settings| {
        let mut request = Request::new(Payload::new());
        DIALECT.signer(settings).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer dapi");
    });
    settings(&[], None, &env, |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri(), "https://h.test/oidc/v1/token");
    });
    let missing = settings(&[], None, &[], |settings| DIALECT.signer(settings).err().unwrap());
    assert!(missing.message().contains("DATABRICKS_CLIENT_ID"));
    let homeless = settings(&[], None, &env[..2], |settings| DIALECT.signer(settings).err().unwrap());
    assert!(homeless.message().contains("api_base"));
}
