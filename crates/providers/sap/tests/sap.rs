//! Credentials, envelopes and laws of SAP's generative AI hub.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use http::Request;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Event, Media, Operation, Payload, Reply, Secret, Target,
};
use lockgate_openai::OpenAiSurface;
use lockgate_sap::Sap;
use lockgate_testkit::{laws, sample, steps};

static DIALECT: Sap = Sap;
static SURFACE: OpenAiSurface = OpenAiSurface;

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi {{?x}}"}],"temperature":0.5,"tools":[{"type":"function","function":{"name":"f"}}],"masking":{"providers":[]},"placeholder_values":{"x":"y"}}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
const ANSWER: &str = r#"{"request_id":"r","final_result":{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}}"#;
const FOUND: &str = r#"{"count":2,"resources":[{"id":"d1","status":"RUNNING","createdAt":"2025-01-01"},{"id":"d2","status":"RUNNING","createdAt":"2025-02-01"}]}"#;
const EVENTS: &str = concat!(
    "data: {\"request_id\":\"r\",\"intermediate_results\":{\"templating\":[]},\"final_result\":{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[]}}\n\n",
    "data: {\"final_result\":{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hello\"}}]}}\n\n",
    "data: {\"final_result\":{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}}\n\n",
    "data: [DONE]\n\n",
);

fn target(params: &[(&str, &str)]) -> Target {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Target { params: Arc::new(params.collect()), ..sample::target(sample::provider(&DIALECT), "gpt-4o") }
}

fn settings<T>(
    params: &[(&str, &str)],
    key: Option<&str>,
    env: &[(&str, &str)],
    test: impl FnOnce(&CloudSettings<'_>) -> T,
) -> T {
    let provider = sample::provider(&DIALECT);
    let params: BTreeMap<_, _> =
        params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    test(&CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &|_| None })
}

#[test]
fn chats_go_into_the_envelope_of_the_newest_deployment() {
    let call = sample::call(&SURFACE, Operation::Chat, CHAT).unwrap();
    let (sent, reply) = steps::walked(&target(&[]), &call, &[FOUND.as_bytes(), ANSWER.as_bytes()]);
    assert_eq!(sent[0], "GET /lm/deployments?scenarioId=orchestration&status=RUNNING");
    let expected = concat!(
        r#"POST /inference/deployments/d2/v2/completion {"config":{"modules":{"prompt_templating":{"prompt":{"#,
        r#""template":[{"role":"user","content":"hi {{?x}}"}],"tools":[{"type":"function","function":{"name":"f"}}]},"#,
        r#""model":{"name":"gpt-4o","params":{"temperature":0.5},"version":"latest"}},"masking":{"providers":[]}}},"#,
        r#""placeholder_values":{"x":"y"}}"#
    );
    assert_eq!(sent[1], expected);
    let Ok(Reply::Chat(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!(reply.usage.unwrap().input, 3);
    let (sent, _) = steps::walked(&target(&[("deployment_id", "d9")]), &call, &[ANSWER.as_bytes()]);
    assert!(sent[0].starts_with("POST /inference/deployments/d9/v2/completion "), "{}", sent[0]);
    let (_, reply) = steps::walked(&target(&[]), &call, &[br#"{"resources":[]}"#]);
    assert!(reply.unwrap_err().message().contains("No deployment"));
    let filtered =
        br#"{"error":{"request_id":"r","code":400,"message":"Content filtered","location":"Input Filter"}}"#;
    let (_, reply) = steps::walked(&target(&[("deployment_id", "d9")]), &call, &[filtered]);
    assert_eq!(reply.unwrap_err().message(), "Content filtered");
}

#[test]
fn embeddings() {
    let body = r#"{"model":"m","input":["a","b"],"dimensions":4}"#;
    let call = sample::call(&SURFACE, Operation::Embedding, body).unwrap();
    let answer = br#"{"final_result":{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e","usage":{"prompt_tokens":2,"total_tokens":2}}}"#;
    let (sent, reply) = steps::walked(&target(&[("deployment_id", "d9")]), &call, &[answer]);
    let expected = r#"{"config":{"modules":{"embeddings":{"model":{"name":"gpt-4o","params":{"dimensions":4},"version":"latest"}}}},"input":{"text":["a","b"]}}"#;
    assert_eq!(sent, [format!("POST /inference/deployments/d9/v2/embeddings {expected}")]);
    assert!(matches!(reply, Ok(Reply::Embedding(reply)) if reply.vectors.len() == 1));
}

#[test]
fn the_laws_hold() {
    let target = target(&[("deployment_id", "d9")]);
    for body in [CHAT, STREAM] {
        let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        laws::encoding_is_deterministic(&attempt);
        laws::every_refusal_is_explained(&attempt, "the provider's very words");
    }
    let call = sample::call(&SURFACE, Operation::Chat, STREAM).unwrap();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let encoded = DIALECT.encode(&attempt).unwrap();
    let sent = String::from_utf8(encoded.request.body().to_vec()).unwrap();
    assert!(sent.contains(r#""stream":{"enabled":true}"#), "{sent}");
    let head = sample::head(200, "text/event-stream");
    let make = || DIALECT.stream(&attempt, &encoded, &head);
    let events = laws::any_chunking_gives_the_same_events(&make, EVENTS.as_bytes());
    laws::a_good_stream_is_well_formed(&events);
    laws::a_cut_off_stream_is_an_error(&make, EVENTS.as_bytes());
    assert!(events.iter().any(|event| matches!(event, Event::Text { text, .. } if text == "Hello")));
    let failing = "data: {\"error\":{\"code\":429,\"message\":\"slow down\"}}\n\n";
    assert!(laws::decode(make(), [failing.as_bytes()]).is_err());
}

#[test]
fn credentials_come_whole_or_in_parts() {
    let key = r#"{"credentials":{"clientid":"i","clientsecret":"s","url":"https://auth.example","serviceurls":{"AI_API_URL":"https://api.example"}}}"#;
    settings(&[], Some(key), &[], |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri().to_string(), "https://auth.example/oauth/token");
        assert_eq!(request.body().to_vec(), b"grant_type=client_credentials&client_id=i&client_secret=s");
        let params = DIALECT.settle(settings);
        assert_eq!(
            (params["base_url"].as_str(), params["resource_group"].as_str()),
            ("https://api.example/v2", "default")
        );
    });
    let env = [
        ("AICORE_CLIENT_ID", "i"),
        ("AICORE_CLIENT_SECRET", "s"),
        ("AICORE_AUTH_URL", "https://auth.example/oauth/token"),
        ("AICORE_BASE_URL", "https://api.example/v2"),
        ("AICORE_RESOURCE_GROUP", "g"),
    ];
    settings(&[], None, &env, |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri().to_string(), "https://auth.example/oauth/token");
        assert_eq!(DIALECT.settle(settings)["resource_group"], "g");
    });
    settings(&[], Some("token"), &[], |settings| {
        let mut request = Request::new(Payload::new());
        DIALECT.signer(settings).unwrap().sign(&mut request, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.headers()["authorization"], "Bearer token");
    });
    settings(&[], Some("{\"clientid\":\"i\"}"), &[], |settings| assert!(DIALECT.signer(settings).is_err()));
    settings(&[], None, &[], |settings| assert!(DIALECT.signer(settings).is_err()));
}
