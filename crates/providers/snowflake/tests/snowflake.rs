//! Addresses, tokens, embeddings and laws of Snowflake Cortex.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::Request;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Media, Operation, Payload, Reply, Secret, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_snowflake::Snowflake;
use lockgate_testkit::{laws, sample};

static DIALECT: Snowflake = Snowflake;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn with(operation: Operation, base: &str, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let target = Target { base: Arc::from(base), ..sample::target(sample::provider(&DIALECT), "m") };
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

fn signed(key: Option<&str>) -> Result<Request<Payload>, lockgate_core::Error> {
    let (provider, params) = (sample::provider(&DIALECT), BTreeMap::new());
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    let settings =
        CloudSettings { provider: &provider, params: &params, api_key, env: &|_| None, file: &|_| None };
    let mut request = Request::new(Payload::new());
    DIALECT.signer(&settings)?.sign(&mut request, SystemTime::UNIX_EPOCH)?;
    Ok(request)
}

#[test]
fn chats_are_openai_s() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    with(Operation::Chat, "https://a.snowflakecomputing.com/api/v2", body, |attempt, encoded| {
        let url = "https://a.snowflakecomputing.com/api/v2/cortex/v1/chat/completions";
        assert_eq!(encoded.request.uri().to_string(), url);
        assert!(encoded.relay);
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
}

#[test]
fn embeddings_are_snowflake_s() {
    with(
        Operation::Embedding,
        "https://a.snowflakecomputing.com",
        r#"{"model":"m","input":"a"}"#,
        |attempt, encoded| {
            let url = "https://a.snowflakecomputing.com/api/v2/cortex/inference:embed";
            assert_eq!(encoded.request.uri().to_string(), url);
            assert_eq!(encoded.request.body().to_vec(), br#"{"text":["a"],"model":"m"}"#);
            let head = sample::head(200, "application/json");
            for (answer, expected) in [
                (
                    r#"{"data":[{"index":1,"embedding":[[2]]},{"index":0,"embedding":[[1,0.5]]}],"usage":{"total_tokens":5}}"#,
                    "[1,0.5]",
                ),
                (r#"{"data":[{"embedding":[3]}],"model":null,"usage":{"prompt_tokens":5}}"#, "[3]"),
            ] {
                let answer = Bytes::from_static(answer.as_bytes());
                let Reply::Embedding(reply) = DIALECT.decode(attempt, encoded, &head, answer).unwrap() else {
                    panic!()
                };
                assert_eq!(reply.vectors[0].get(), expected);
                assert_eq!(reply.usage.as_ref().unwrap().input, 5);
            }
            assert!(DIALECT.decode(attempt, encoded, &head, Bytes::from_static(b"{}")).is_err());
        },
    );
}

#[test]
fn snowflake_is_told_of_which_kind_a_token_is() {
    for (key, token, kind) in
        [("pat/t", "Bearer t", "PROGRAMMATIC_ACCESS_TOKEN"), ("jwt", "Bearer jwt", "KEYPAIR_JWT")]
    {
        let request = signed(Some(key)).unwrap();
        assert_eq!(request.headers()["authorization"], token);
        assert!(request.headers()["authorization"].is_sensitive());
        assert_eq!(request.headers()["x-snowflake-authorization-token-type"], kind);
    }
    assert!(signed(None).unwrap_err().message().contains("api_key"));
    assert!(signed(Some("a\nb")).is_err());
}
