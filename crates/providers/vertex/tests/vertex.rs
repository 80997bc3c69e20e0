//! Addresses, credentials and laws of Vertex AI.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use lockgate_core::{Attempt, CloudSettings, Dialect, Encoded, Media, Operation, Reply, Target};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{jwt, laws, sample, steps};
use lockgate_vertex::Vertex;

static DIALECT: Vertex = Vertex;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target(model: &str, location: &str) -> Target {
    let params = [("vertex_project", "p"), ("vertex_location", location)];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Target {
        custom_base: false,
        params: Arc::new(BTreeMap::from(params)),
        ..sample::target(sample::provider(&DIALECT), model)
    }
}

fn with(target: &Target, body: &str, test: impl Fn(&Attempt<'_>, &Encoded)) {
    let call = sample::call(&SURFACE, Operation::Chat, body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target, media: &media };
    test(&attempt, &DIALECT.encode(&attempt).unwrap());
}

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9}"#;
const STREAM: &str =
    r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":9,"stream":true}"#;

#[test]
fn models_are_where_their_names_say() {
    let root = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1";
    for (model, body, rest) in [
        ("gemini-2.5-pro", BODY, "/publishers/google/models/gemini-2.5-pro:generateContent"),
        ("gemini-2.5-pro", STREAM, "/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"),
        ("123456", BODY, "/endpoints/123456:generateContent"),
        ("claude-opus-4-6", BODY, "/publishers/anthropic/models/claude-opus-4-6:rawPredict"),
        ("claude-opus-4-6", STREAM, "/publishers/anthropic/models/claude-opus-4-6:streamRawPredict?alt=sse"),
        ("mistral-large-2411@001", BODY, "/publishers/mistralai/models/mistral-large-2411@001:rawPredict"),
        ("meta/llama-4-maas", BODY, "/endpoints/openapi/chat/completions"),
        ("openai/987", BODY, "/endpoints/987/chat/completions"),
    ] {
        with(&target(model, "europe-west1"), body, |_, encoded| {
            assert_eq!(encoded.request.uri().to_string(), format!("{root}{rest}"), "{model}");
        });
    }
    with(&target("qwen/qwen3", "us-central1"), BODY, |_, encoded| {
        assert!(encoded.request.uri().to_string().starts_with(
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global/endpoints/openapi"
        ));
    });
}

#[test]
fn an_address_of_the_operator_s_own_gets_a_version_unless_it_has_one() {
    for (base, start) in [
        ("http://proxy.test", "http://proxy.test/v1/projects/p/"),
        ("http://proxy.test/x/v1beta1", "http://proxy.test/x/v1beta1/projects/p/"),
    ] {
        let own = Target { base: Arc::from(base), custom_base: true, ..target("gemini-2.5-pro", "global") };
        with(&own, BODY, |_, encoded| assert!(encoded.request.uri().to_string().starts_with(start)));
    }
}

#[test]
fn the_service_tier_is_a_header() {
    let body = BODY.replace("\"max_tokens\":9", "\"service_tier\":\"priority\"");
    with(&target("gemini-2.5-pro", "global"), &body, |_, encoded| {
        assert_eq!(encoded.request.headers()["x-vertex-ai-llm-shared-request-type"], "priority");
        assert!(encoded.notes.dropped.is_empty());
    });
}

#[test]
fn claude_gets_a_version_and_no_model() {
    with(&target("claude-sonnet-4-5@20250929", "global"), BODY, |attempt, encoded| {
        let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
        assert!(body.get("model").is_none());
        laws::encoding_is_deterministic(attempt);
    });
}

#[test]
fn refusals_are_explained_in_everyone_s_words() {
    for model in ["gemini-2.5-pro", "claude-opus-4-6", "meta/llama-4-maas"] {
        with(&target(model, "global"), BODY, |attempt, _| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let google = Bytes::from_static(
                br#"[{"error":{"code":403,"message":"Not enabled.","status":"PERMISSION_DENIED"}}]"#,
            );
            let error = DIALECT.reject(attempt, &sample::head(403, "application/json"), &google);
            assert_eq!((error.message(), error.kind().status()), ("Not enabled.", 403));
        });
    }
}

#[test]
fn without_a_project_the_call_fails_with_advice() {
    let call = sample::call(&SURFACE, Operation::Chat, BODY).unwrap();
    let (bare, media) =
        (Target { params: Arc::default(), ..target("gemini-2.5-pro", "x") }, Media::default());
    let error = DIALECT.encode(&Attempt { call: &call, target: &bare, media: &media }).err().unwrap();
    assert!(error.message().contains("vertex_project"), "{error}");
}

fn settings<T>(
    params: &[(&str, &str)],
    env: &dyn Fn(&str) -> Option<String>,
    file: &dyn Fn(&str) -> Option<String>,
    test: impl FnOnce(&CloudSettings<'_>) -> T,
) -> T {
    let provider = sample::provider(&DIALECT);
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    test(&CloudSettings { provider: &provider, params: &params, api_key: None, env, file })
}

#[test]
fn a_service_account_signs_for_its_token_and_gives_its_project() {
    let none = |_: &str| None;
    let account = jwt::service_account("http://token.test/token", "k1");
    let files = |path: &str| (path == "/key.json").then(|| account.clone());
    let env = |name: &str| (name == "GOOGLE_APPLICATION_CREDENTIALS").then(|| "/key.json".to_owned());
    settings(&[], &env, &files, |settings| {
        let params = DIALECT.settle(settings);
        assert_eq!(params.get("vertex_project").map(String::as_str), Some("golden-project"));
        let signer = DIALECT.signer(settings).unwrap();
        let source = signer.token_source().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let request = source.request(now).unwrap();
        assert_eq!(request.uri(), "http://token.test/token");
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        let (_, assertion) = form.split_once("assertion=").unwrap();
        // Only what the account's key has signed is read.
        let (head, claims) = jwt::read(assertion).unwrap();
        assert_eq!(head, serde_json::json!({"typ": "JWT", "alg": "RS256", "kid": "k1"}));
        assert_eq!(claims["iss"], "golden@golden-project.iam.gserviceaccount.com");
        assert_eq!((&claims["iat"], &claims["exp"]), (&1_700_000_000.into(), &1_700_003_600.into()));
        assert!(!source.key().contains("PRIVATE"));

        let granted = Bytes::from_static(br#"{"access_token":"ya29.x","expires_in":3599}"#);
        let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
        assert_eq!(token.value, "Bearer ya29.x");
        assert_eq!(token.expires_at, now + Duration::from_secs(3599));
        assert!(!format!("{token:?}").contains("ya29"));
        let refused =
            Bytes::from_static(br#"{"error":"invalid_grant","error_description":"Invalid JWT Signature."}"#);
        let error = source.read(&sample::head(400, "application/json"), &refused, now).unwrap_err();
        assert_eq!(error.kind().status(), 401);
        assert!(error.message().contains("Invalid JWT Signature."));
    });
    // The credentials themselves are for the signer alone.
    settings(&[("vertex_credentials", &account)], &none, &none, |settings| {
        assert!(!DIALECT.settle(settings).contains_key("vertex_credentials"));
    });
}

#[test]
fn users_machines_and_mistakes() {
    let none = |_: &str| None;
    let user = r#"{"type":"authorized_user","client_id":"i d","client_secret":"s","refresh_token":"r"}"#;
    settings(&[("vertex_credentials", user)], &none, &none, |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        let form = String::from_utf8(request.body().to_vec()).unwrap();
        assert_eq!(form, "grant_type=refresh_token&client_id=i%20d&client_secret=s&refresh_token=r");
    });
    settings(&[], &none, &none, |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri().host(), Some("metadata.google.internal"));
    });
    for (wrong, expected) in [
        ("/missing.json", "cannot be read"),
        ("{", "no JSON"),
        (r#"{"type":"external_account"}"#, "external_account"),
        (r#"{"type":"service_account","client_email":"e","private_key":"secret-text"}"#, "PEM"),
    ] {
        settings(&[("vertex_credentials", wrong)], &none, &none, |settings| {
            let error = DIALECT.signer(settings).err().unwrap();
            assert!(error.message().contains(expected), "{wrong}: {error}");
            assert!(!error.message().contains("secret-text"));
        });
    }
}

#[test]
fn sound_goes_to_its_own_services() {
    let heard = sample::form(
        &SURFACE,
        Operation::Transcription,
        r#"{"model":"m","language":"de-DE","timestamp_granularities":["word"]}"#,
        &[("file", "a.wav", "RIFF")],
    );
    let answer = r#"{"results":[{"alternatives":[{"transcript":"Guten Tag","words":[{"word":"Guten","startOffset":"0.100s","endOffset":"0.400s"}]}],"languageCode":"de-de"}],"metadata":{"totalBilledDuration":"3s"}}"#;
    let (sent, reply) = steps::walked(&target("chirp_3", ""), &heard.unwrap(), &[answer.as_bytes()]);
    let url = "https://us-speech.googleapis.com/v2/projects/p/locations/us/recognizers/_:recognize";
    assert!(sent[0].starts_with(&format!("POST {url} ")), "{}", sent[0]);
    let features = r#""features":{"enableAutomaticPunctuation":true,"enableWordTimeOffsets":true}},"content":"UklGRg=="}"#;
    assert!(
        sent[0].contains(r#""languageCodes":["de-DE"],"model":"chirp_3""#) && sent[0].ends_with(features),
        "{}",
        sent[0]
    );
    let Ok(Reply::Transcription(reply)) = reply else { panic!("{reply:?}") };
    assert_eq!((reply.text.as_str(), reply.language.as_deref()), ("Guten Tag", Some("de-de")));
    assert_eq!(reply.words.unwrap().get(), r#"[{"word":"Guten","start":0.1,"end":0.4}]"#);
    assert_eq!(reply.usage.unwrap().measures.unwrap().input_millis, 3000);

    let speech =
        sample::call(&SURFACE, Operation::Speech, r#"{"model":"m","input":"a waltz","voice":"x","seed":4}"#);
    let speech = speech.unwrap();
    let music = r#"{"predictions":[{"bytesBase64Encoded":"UklGRg==","mimeType":"audio/wav"}]}"#;
    let (sent, reply) = steps::walked(&target("lyria-002", "us-central1"), &speech, &[music.as_bytes()]);
    let body = r#"{"instances":[{"prompt":"a waltz","seed":4}],"parameters":{}}"#;
    assert!(sent[0].ends_with(&format!("/publishers/google/models/lyria-002:predict {body}")), "{}", sent[0]);
    assert!(matches!(reply, Ok(Reply::Audio(audio)) if audio.mime == "audio/wav" && audio.bytes == "RIFF"));

    let sound = r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"audio/wav","data":"UklGRg=="}}]}}]}"#;
    let (sent, reply) =
        steps::walked(&target("gemini-2.5-flash-tts", "us-central1"), &speech, &[sound.as_bytes()]);
    assert!(sent[0].contains("/models/gemini-2.5-flash-tts:generateContent "), "{}", sent[0]);
    assert!(matches!(reply, Ok(Reply::Audio(audio)) if audio.bytes == "RIFF"));
    for (model, call) in [("lyria-002", &speech), ("gemini-2.5-flash-tts", &speech)] {
        let (_, reply) = steps::walked(&target(model, "us-central1"), call, &[b"{}"]);
        assert!(reply.is_err(), "{model}");
    }
}
