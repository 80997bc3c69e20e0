//! What is said to each endpoint, and what comes back.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use lockgate_core::{Attempt, Dialect, Encoded, Media, Operation, Target, transcode};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use lockgate_voyage::Voyage;
use serde_json::{Value, json};

static DIALECT: Voyage = Voyage;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn with(base: &str, model: &str, input: &Value, test: impl FnOnce(&Attempt<'_>, &Encoded)) {
    let target = Target { base: Arc::from(base), ..sample::target(sample::provider(&DIALECT), model) };
    let body = json!({"model": "alias", "input": input, "input_type": "query"}).to_string();
    let call = sample::call(&SURFACE, Operation::Embedding, &body).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

#[test]
fn each_model_has_its_endpoint() {
    let image = "data:image/png;base64,AA==";
    for (base, model, input, path, inputs) in [
        ("http://u.test/v1", "voyage-3.5", json!("a"), "/v1/embeddings", None),
        (
            "http://u.test/v1",
            "voyage-context-3",
            json!([["a", "b"], ["c"]]),
            "/v1/contextualizedembeddings",
            Some(json!([["a", "b"], ["c"]])),
        ),
        (
            "http://u.test/v1/embeddings",
            "voyage-context-3",
            json!(["a", "b"]),
            "/v1/contextualizedembeddings",
            Some(json!([["a", "b"]])),
        ),
        (
            "http://u.test/v1/contextualizedembeddings",
            "voyage-context-3",
            json!("a"),
            "/v1/contextualizedembeddings",
            Some(json!([["a"]])),
        ),
        (
            "http://u.test/v1",
            "voyage-multimodal-3",
            json!(["a", image, {"content": [{"type": "text", "text": "b"}]}]),
            "/v1/multimodalembeddings",
            Some(json!([
                {"content": [{"type": "text", "text": "a"}]},
                {"content": [{"type": "image_base64", "image_base64": image}]},
                {"content": [{"type": "text", "text": "b"}]},
            ])),
        ),
    ] {
        with(base, model, &input, |attempt, encoded| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            assert_eq!(encoded.request.uri().path(), path);
            let body: Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
            assert_eq!((&body["model"], &body["input_type"]), (&json!(model), &json!("query")));
            assert_eq!(body.get("inputs"), inputs.as_ref());
        });
    }
}

#[test]
fn answers_come_as_they_are_with_their_usage() {
    with("http://u.test/v1", "voyage-context-3", &json!([["a"]]), |attempt, encoded| {
        let head = sample::head(200, "application/json");
        let body = r#"{"object":"list","data":[{"object":"list","data":[{"embedding":[1.50],"index":0}],"index":0}],"model":"voyage-context-3","usage":{"total_tokens":2}}"#;
        let answer = transcode::answer(attempt, encoded, &head, body.into()).unwrap();
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            text.contains(r#""data":[{"object":"list","data":[{"embedding":[1.50],"index":0}],"index":0}]"#)
        );
        assert!(text.contains(r#""model":"alias""#) && text.contains(r#""prompt_tokens":2"#), "{text}");
        assert_eq!(answer.usage.unwrap().input, 2);
        for bad in ["", "[]", r#"{"detail":"no"}"#] {
            assert!(transcode::answer(attempt, encoded, &head, bad.into()).is_err());
        }
    });
}
