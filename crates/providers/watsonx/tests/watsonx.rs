//! Addresses, credentials, text generation, embeddings and laws of watsonx.ai.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::Request;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, ErrorKind, Event, FinishReason, Media, Operation, Payload,
    Reply, Secret, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};
use lockgate_watsonx::Watsonx;

static CHAT: Watsonx = Watsonx::Chat;
static TEXT: Watsonx = Watsonx::Text;
static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
const EVENTS: &str = concat!(
    "id: 1\nevent: message\ndata: {\"model_id\":\"m\",\"results\":[{\"generated_text\":\"\",\"generated_token_count\":0,\"input_token_count\":3,\"stop_reason\":\"not_finished\"}]}\n\n",
    "id: 2\nevent: message\ndata: {\"results\":[{\"generated_text\":\" Pa\",\"generated_token_count\":1,\"input_token_count\":0,\"stop_reason\":\"not_finished\"}],\"x\":1}\n\n",
    "id: 3\nevent: message\ndata: {\"results\":[{\"generated_text\":\"ris\",\"generated_token_count\":2,\"input_token_count\":0,\"stop_reason\":\"max_tokens\"}]}\n\n",
);

fn target(dialect: &'static Watsonx, model: &str, params: &[(&str, &str)]) -> Target {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Target {
        base: Arc::from("https://wx.test"),
        params: Arc::new(params.collect()),
        ..sample::target(sample::provider(dialect), model)
    }
}

fn with(operation: Operation, target: &Target, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, operation, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &target.provider.dialect.encode(&attempt).unwrap());
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
    let provider = sample::provider(&CHAT);
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    test(&CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &|_| None })
}

#[test]
fn models_and_deployments_are_where_their_names_say() {
    let stream = BODY.replace("\"max_tokens\":9", "\"stream\":true");
    for (model, request, path) in [
        ("ibm/granite", BODY, "/ml/v1/text/chat?version=2024-03-13"),
        ("ibm/granite", stream.as_str(), "/ml/v1/text/chat_stream?version=2024-03-13"),
        ("deployment/d/1", BODY, "/ml/v1/deployments/d%2F1/text/chat?version=2024-03-13"),
    ] {
        with(Operation::Chat, &target(&CHAT, model, &[("project_id", "p")]), request, |attempt, encoded| {
            assert_eq!(encoded.request.uri().to_string(), format!("https://wx.test{path}"));
            let body = body(encoded);
            let named = !model.starts_with("deployment");
            assert_eq!(body.get("model_id").is_some(), named);
            assert_eq!(body.get("project_id").is_some(), named);
            laws::encoding_is_deterministic(attempt);
        });
    }
    let space = target(&CHAT, "m", &[("space_id", "s"), ("api_version", "2025-01-01")]);
    with(Operation::Chat, &space, BODY, |_, encoded| {
        assert_eq!(encoded.request.uri().query(), Some("version=2025-01-01"));
        assert_eq!(body(encoded)["space_id"], "s");
    });
    let call = sample::call(&SURFACE, Operation::Chat, BODY).unwrap();
    let (homeless, media) = (target(&CHAT, "m", &[]), Media::default());
    let error = CHAT.encode(&Attempt { call: &call, target: &homeless, media: &media }).err().unwrap();
    assert!(error.message().contains("WATSONX_PROJECT_ID"));
}

#[test]
fn a_tool_s_choice_in_a_word_has_its_own_member() {
    let own = target(&CHAT, "m", &[("project_id", "p")]);
    let asked = |choice: &str| BODY.replace("\"max_tokens\":9", &format!("\"tool_choice\":{choice}"));
    with(Operation::Chat, &own, &asked("\"required\""), |_, encoded| {
        assert_eq!(body(encoded)["tool_choice_option"], "required");
        assert!(body(encoded).get("tool_choice").is_none());
    });
    let named = r#"{"type":"function","function":{"name":"f"}}"#;
    with(Operation::Chat, &own, &asked(named), |_, encoded| {
        assert_eq!(body(encoded)["tool_choice"]["function"]["name"], "f");
    });
}

#[test]
fn refusals_are_explained() {
    for dialect in [&CHAT, &TEXT] {
        with(Operation::Chat, &target(dialect, "m", &[("project_id", "p")]), BODY, |attempt, _| {
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let said = Bytes::from_static(
                br#"{"errors":[{"code":"token_quota_reached","message":"Slow down"}],"trace":"t","status_code":429}"#,
            );
            let error = dialect.reject(attempt, &sample::head(429, "application/json"), &said);
            assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimit, "Slow down"));
            assert_eq!((error.code(), error.body()), (Some("token_quota_reached"), Some(&said)));
        });
    }
}

#[test]
fn conversations_become_prompts() {
    let own = target(&TEXT, "m", &[("project_id", "p")]);
    let asked = r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}],"max_tokens":9,"temperature":0.5,"stop":"E","seed":1,"top_k":5,"decoding_method":"sample"}"#;
    with(Operation::Chat, &own, asked, |attempt, encoded| {
        assert_eq!(encoded.request.uri().path(), "/ml/v1/text/generation");
        let body = body(encoded);
        assert_eq!(body["input"], "s u");
        let parameters = serde_json::json!({"temperature": 0.5, "random_seed": 1, "max_new_tokens": 9,
            "stop_sequences": ["E"], "top_k": 5, "decoding_method": "sample"});
        assert_eq!(body["parameters"], parameters);
        laws::encoding_is_deterministic(attempt);
    });
    with(Operation::Chat, &own, BODY, |attempt, encoded| {
        assert_eq!(body(encoded)["input"], "hi");
        let answer = Bytes::from_static(br#"{"model_id":"m","created_at":"2025-01-01T00:00:00.000Z","results":[{"generated_text":" Paris.","generated_token_count":3,"input_token_count":10,"stop_reason":"eos_token"}]}"#);
        let head = sample::head(200, "application/json");
        let Reply::Chat(reply) = TEXT.decode(attempt, encoded, &head, answer).unwrap() else { panic!() };
        let usage = reply.usage.as_ref().unwrap();
        assert_eq!((usage.input, usage.output), (10, 3));
        assert_eq!(reply.choices[0].finish, Some(FinishReason::Stop));
        for bad in ["{}", "{\"results\":[]}", "<html>"] {
            assert!(TEXT.decode(attempt, encoded, &head, Bytes::from_static(bad.as_bytes())).is_err());
        }
    });
    let continued = r#"{"model":"m","prompt":"Once","max_tokens":3}"#;
    with(Operation::Completion, &own, continued, |_, encoded| assert_eq!(body(encoded)["input"], "Once"));
}

#[test]
fn laws_of_streams() {
    let streaming = BODY.replace("\"max_tokens\":9", "\"stream\":true");
    with(Operation::Chat, &target(&TEXT, "m", &[("project_id", "p")]), &streaming, |attempt, encoded| {
        assert_eq!(encoded.request.uri().path(), "/ml/v1/text/generation_stream");
        let decoders = || TEXT.stream(attempt, encoded, &sample::head(200, "text/event-stream"));
        let probes = || TEXT.probe(encoded);
        let events = laws::any_chunking_gives_the_same_events(&decoders, EVENTS.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        laws::a_cut_off_stream_is_an_error(&decoders, EVENTS.as_bytes());
        laws::garbage_never_panics(&decoders, &probes, EVENTS.as_bytes(), 500);
        let counted =
            |event: &Event| matches!(event, Event::Usage(usage) if (usage.input, usage.output) == (3, 2));
        assert!(events.iter().any(counted));
        let failed = b"event: error\ndata: {\"errors\":[{\"code\":\"x\",\"message\":\"broken\"}]}\n\n";
        assert_eq!(laws::decode(decoders(), [failed.as_slice()]).unwrap_err().message(), "broken");
    });
}

#[test]
fn embeddings() {
    let own = target(&CHAT, "ibm/slate", &[("project_id", "p")]);
    let asked = r#"{"model":"m","input":["a","b"],"truncate_input_tokens":5}"#;
    with(Operation::Embedding, &own, asked, |attempt, encoded| {
        assert_eq!(encoded.request.uri().path(), "/ml/v1/text/embeddings");
        assert_eq!(body(encoded)["inputs"], serde_json::json!(["a", "b"]));
        assert_eq!(body(encoded)["parameters"]["truncate_input_tokens"], 5);
        let answer = Bytes::from_static(
            br#"{"model_id":"ibm/slate","results":[{"embedding":[0.5]},{"embedding":[1]}],"input_token_count":10}"#,
        );
        let head = sample::head(200, "application/json");
        let Reply::Embedding(reply) = CHAT.decode(attempt, encoded, &head, answer).unwrap() else { panic!() };
        assert_eq!((reply.vectors.len(), reply.usage.as_ref().unwrap().input), (2, 10));
        assert!(CHAT.decode(attempt, encoded, &head, Bytes::from_static(b"{}")).is_err());
    });
}

#[test]
fn keys_are_exchanged_and_tokens_sent() {
    let env = [("WATSONX_IAM_URL", "https://iam.test/token")];
    settings(&[], Some("k&y"), &env, |settings| {
        let signer = CHAT.signer(settings).unwrap();
        let source = signer.token_source().unwrap();
        let request = source.request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "https://iam.test/token")
        );
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        assert_eq!(form, "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=k%26y");
        assert!(!source.key().contains("k&y"));
        let granted = Bytes::from_static(br#"{"access_token":"x","expires_in":3600,"expiration":1}"#);
        let now = SystemTime::UNIX_EPOCH;
        let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
        assert_eq!(token.expires_at, now + Duration::from_secs(3600));
    });
    let header = |params: &[(&str, &str)], key: Option<&str>, env: &[(&str, &str)]| {
        settings(params, key, env, |settings| {
            let mut request = Request::new(Payload::new());
            CHAT.signer(settings).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
            assert!(!CHAT.settle(settings).contains_key("token"));
            request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned())
        })
    };
    assert_eq!(header(&[("token", "t")], Some("k"), &[]).as_deref(), Some("Bearer t"));
    assert_eq!(header(&[("zen_api_key", "z")], Some("k"), &[]).as_deref(), Some("ZenApiKey z"));
    assert_eq!(header(&[], None, &[("WATSONX_TOKEN", "e")]).as_deref(), Some("Bearer e"));
    let missing = settings(&[], None, &[], |settings| CHAT.signer(settings).err().unwrap());
    assert!(missing.message().contains("WATSONX_TOKEN"));
}

#[test]
fn a_project_of_one_s_own_is_not_mixed_with_a_space_from_around() {
    let env = [("WATSONX_PROJECT_ID", "p"), ("WATSONX_SPACE_ID", "s")];
    let own = settings(&[("space_id", "mine")], None, &env, |settings| CHAT.settle(settings));
    assert_eq!((own.get("space_id").map(String::as_str), own.get("project_id")), (Some("mine"), None));
    let around = settings(&[], None, &env, |settings| CHAT.settle(settings));
    assert_eq!((around.get("project_id").map(String::as_str), around.get("space_id")), (Some("p"), None));
    let space = settings(&[], None, &env[1..], |settings| CHAT.settle(settings));
    assert_eq!(space.get("space_id").map(String::as_str), Some("s"));
}
