//! What Polly is asked, and the laws.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeMap, sync::Arc};

use lockgate_aws::Scope;
use lockgate_core::{Attempt, Dialect, ErrorKind, Media, Operation, Target};
use lockgate_openai::OpenAiSurface;
use lockgate_polly::Polly;
use lockgate_testkit::{laws, sample};

static DIALECT: Polly = Polly;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn target() -> Target {
    let params = BTreeMap::from([("aws_region_name".to_owned(), "eu-west-1".to_owned())]);
    let target = sample::target(sample::provider(&DIALECT), "neural");
    Target { custom_base: false, params: Arc::new(params), ..target }
}

fn asked(body: &str) -> lockgate_core::Result<(String, String, Option<Scope>)> {
    let (target, call) = (target(), sample::call(&SURFACE, Operation::Speech, body).unwrap());
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    let request = DIALECT.encode(&attempt)?.request;
    let text = String::from_utf8(request.body().to_vec()).unwrap();
    Ok((request.uri().to_string(), text, request.extensions().get().cloned()))
}

#[test]
fn texts_are_spoken() {
    let (url, body, scope) = asked(r#"{"model":"m","input":"hi","voice":"alloy"}"#).unwrap();
    assert_eq!(url, "https://polly.eu-west-1.amazonaws.com/v1/speech");
    let expected =
        r#"{"Engine":"neural","OutputFormat":"mp3","Text":"hi","TextType":"text","VoiceId":"Joanna"}"#;
    assert_eq!(body, expected);
    assert_eq!(scope.unwrap(), Scope { service: "polly", region: "eu-west-1".to_owned() });
    let ssml = r#"{"model":"m","input":"<speak>hi</speak>","voice":"Vicki","response_format":"pcm","language_code":"de-DE"}"#;
    let (_, body, _) = asked(ssml).unwrap();
    assert!(body.contains(r#""TextType":"ssml","VoiceId":"Vicki","LanguageCode":"de-DE""#), "{body}");
    let refused = asked(r#"{"model":"m","input":"hi","voice":"x","response_format":"flac"}"#).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnsupportedParams);
}

#[test]
fn the_laws_hold() {
    let call =
        sample::call(&SURFACE, Operation::Speech, r#"{"model":"m","input":"hi","voice":"alloy"}"#).unwrap();
    let target = target();
    let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
    laws::encoding_is_deterministic(&attempt);
    laws::every_refusal_is_explained(&attempt, "the provider's very words");
}
