//! The account, and what Copilot is told.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use lockgate_copilot::Copilot;
use lockgate_core::{Attempt, CloudSettings, Dialect, Media, Operation, Secret};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::{laws, sample};

static DIALECT: Copilot = Copilot;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn settings<T>(key: Option<&str>, env: &[(&str, &str)], test: impl FnOnce(&CloudSettings<'_>) -> T) -> T {
    let (provider, params) = (sample::provider(&DIALECT), BTreeMap::new());
    let env = |name: &str| env.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let file = |path: &str| (path == "/dir/access-token").then(|| "kept\n".to_owned());
    let api_key = key.map(|key| Secret::new(key.to_owned()));
    test(&CloudSettings { provider: &provider, params: &params, api_key, env: &env, file: &file })
}

#[test]
fn copilot_is_told_who_speaks() {
    for (messages, initiator, vision) in [
        (r#"[{"role":"user","content":"hi"}]"#, "user", false),
        (r#"[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]"#, "agent", false),
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://i.test/x.png"}}]}]"#,
            "user",
            true,
        ),
    ] {
        let body = format!(r#"{{"model":"m","messages":{messages}}}"#);
        let call = sample::call(&SURFACE, Operation::Chat, &body).unwrap();
        let (target, media) = (sample::target(sample::provider(&DIALECT), "gpt-4o"), Media::default());
        let attempt = Attempt { call: &call, target: &target, media: &media };
        let encoded = DIALECT.encode(&attempt).unwrap();
        assert_eq!(encoded.request.headers()["x-initiator"], initiator);
        assert_eq!(encoded.request.headers().contains_key("copilot-vision-request"), vision);
        assert!(encoded.relay);
        laws::encoding_is_deterministic(&attempt);
        laws::every_refusal_is_explained(&attempt, "the provider's very words");
    }
}

#[test]
fn the_account_s_token_is_exchanged() {
    let asked = |key: Option<&str>, env: &[(&str, &str)]| {
        settings(key, env, |settings| {
            let signer = DIALECT.signer(settings).unwrap();
            let request = signer.token_source().unwrap().request(SystemTime::UNIX_EPOCH).unwrap();
            assert!(request.headers()["authorization"].is_sensitive());
            assert!(request.headers().contains_key("editor-version"));
            let account = request.headers()["authorization"].to_str().unwrap().to_owned();
            format!("{} {} {account}", request.method(), request.uri())
        })
    };
    let home = "GET https://api.github.com/copilot_internal/v2/token token ";
    assert_eq!(asked(Some("ghu_1"), &[]), format!("{home}ghu_1"));
    assert_eq!(asked(None, &[("GITHUB_COPILOT_TOKEN_DIR", "/dir")]), format!("{home}kept"));
    assert_eq!(
        asked(Some("g"), &[("GITHUB_COPILOT_API_KEY_URL", "http://t.test/x")]),
        "GET http://t.test/x token g"
    );
    settings(Some("ghu_1"), &[], |settings| {
        let signer = DIALECT.signer(settings).unwrap();
        let source = signer.token_source().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let granted =
            Bytes::from_static(br#"{"token":"tid=1;exp=2","expires_at":1700001500,"refresh_in":1200}"#);
        let token = source.read(&sample::head(200, "application/json"), &granted, now).unwrap();
        assert_eq!(
            (token.value.to_str().unwrap(), token.expires_at),
            ("Bearer tid=1;exp=2", now + Duration::from_secs(1500))
        );
        let refused = Bytes::from_static(br#"{"message":"Bad credentials"}"#);
        let error = source.read(&sample::head(401, "application/json"), &refused, now).unwrap_err();
        assert!(error.message().contains("Bad credentials"));
        assert!(!source.key().contains("ghu_1"));
    });
    let missing = settings(None, &[], |settings| DIALECT.signer(settings).err().unwrap());
    assert!(missing.message().contains("GITHUB_COPILOT_TOKEN_DIR"));
}
