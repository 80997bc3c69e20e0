//! What is asked for in the form before tools.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use lockgate_core::{Attempt, Dialect, ErrorKind, Media, Operation, Result};
use lockgate_gemini::{Gemini, Service};
use lockgate_openai::OpenAiSurface;
use lockgate_testkit::sample;
use serde_json::Value;

static DIALECT: Gemini = Gemini;
static SURFACE: OpenAiSurface = OpenAiSurface;

fn sent(service: Service, members: &str) -> Result<(Value, Vec<String>)> {
    let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{members}}}"#);
    let target = sample::target(sample::provider(&DIALECT), "gemini-2.5-flash");
    let call = sample::call(&SURFACE, Operation::Chat, &body).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let encoded = match service {
        Service::Studio => DIALECT.encode(&attempt)?,
        Service::Vertex => lockgate_gemini::encode(&attempt, service, &|verb| format!("https://h/m:{verb}"))?,
    };
    let body = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
    Ok((body, encoded.notes.rewritten))
}

#[test]
fn functions_are_declared() {
    let (body, rewritten) = sent(Service::Studio, r#""functions":[{"name":"f","description":"d"}]"#).unwrap();
    assert_eq!(
        body["tools"],
        serde_json::json!([{"function_declarations":[{"name":"f","description":"d"}]}])
    );
    assert_eq!(rewritten, ["functions"]);
    let error = sent(Service::Studio, r#""functions":[{"name":"f"}],"function_call":"auto""#).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedParams);
    assert!(error.message().contains("`function_call`") && !error.message().contains("`functions`"));
}

#[test]
fn any_model_may_speak_on_vertex() {
    let audio = r#""modalities":["audio"],"audio":{"voice":"Kore","format":"pcm16"}"#;
    let (body, _) = sent(Service::Vertex, audio).unwrap();
    let voice = &body["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"]["voiceName"];
    assert_eq!(voice, "Kore");
    assert!(sent(Service::Studio, audio).is_err());
}
