//! Names, addresses, embeddings and laws of Hugging Face.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bytes::Bytes;
use lockgate_core::{Attempt, Dialect, Encoded, ErrorKind, Media, Operation, Reply, Target};
use lockgate_huggingface::HuggingFace;
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: HuggingFace = HuggingFace;
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
const ROUTER: &str = "https://router.test/v1";

fn target(model: &str, base: &str, custom_base: bool) -> Target {
    let mut provider = sample::provider(&DIALECT);
    provider.quirks.base_suffix = Some("/v1".to_owned());
    Target { base: Arc::from(base), custom_base, ..sample::target(provider, model) }
}

fn with(operation: Operation, target: &Target, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

fn body(encoded: &Encoded) -> serde_json::Value {
    serde_json::from_slice(&encoded.request.body().to_vec()).unwrap()
}

#[test]
fn the_router_is_told_who_serves_a_model() {
    for (model, base, custom, expected, url) in [
        ("together/org/m", ROUTER, false, "org/m:together", "https://router.test/v1/chat/completions"),
        ("org/m", ROUTER, false, "org/m", "https://router.test/v1/chat/completions"),
        ("org/m:fastest", ROUTER, false, "org/m:fastest", "https://router.test/v1/chat/completions"),
        ("together/org/m", "http://own.test", true, "together/org/m", "http://own.test/v1/chat/completions"),
        ("tgi", "http://own.test/v1", true, "tgi", "http://own.test/v1/chat/completions"),
    ] {
        with(Operation::Chat, &target(model, base, custom), BODY, |attempt, encoded| {
            assert_eq!(body(encoded)["model"], expected);
            assert_eq!(encoded.request.uri().to_string(), url);
            assert!(encoded.relay);
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
        });
    }
}

#[test]
fn tgi_s_refusals_are_understood() {
    with(Operation::Chat, &target("tgi", "http://own.test", true), BODY, |attempt, _| {
        let said = Bytes::from_static(
            br#"{"error":"Input validation error: `max_new_tokens` must be <= 512","error_type":"validation"}"#,
        );
        let error = DIALECT.reject(attempt, &sample::head(422, "application/json"), &said);
        assert_eq!(error.kind(), ErrorKind::Unprocessable);
        assert!(error.message().starts_with("Input validation error"));
    });
}

#[test]
fn embeddings_go_where_the_server_has_them() {
    let asked = r#"{"model":"m","input":"a","normalize":true}"#;
    let features = "https://router.test/hf-inference/models/org/m/pipeline/feature-extraction";
    for (base, custom, url) in [(ROUTER, false, features), ("http://own.test", true, "http://own.test/")] {
        with(Operation::Embedding, &target("org/m", base, custom), asked, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), url);
            assert_eq!(body(encoded), serde_json::json!({"inputs": ["a"], "normalize": true}));
            let mut head = sample::head(200, "application/json");
            head.headers.insert("x-compute-tokens", http::HeaderValue::from_static("4"));
            let answer = Bytes::from_static(b"[[0.5,1]]");
            let Reply::Embedding(reply) = DIALECT.decode(attempt, encoded, &head, answer).unwrap() else {
                panic!()
            };
            assert_eq!((reply.vectors[0].get(), reply.usage.as_ref().unwrap().input), ("[0.5,1]", 4));
            assert!(DIALECT.decode(attempt, encoded, &head, Bytes::from_static(b"{}")).is_err());
        });
    }
    with(Operation::Embedding, &target("org/m", "http://own.test/v1", true), asked, |_, encoded| {
        assert_eq!(encoded.request.uri().to_string(), "http://own.test/v1/embeddings");
        assert_eq!(body(encoded)["input"], "a");
    });
}
