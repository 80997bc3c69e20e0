//! Cloud Text-to-Speech: the sound comes in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, AudioReply, Encoded, Error, Extra, Memo, Notes, Payload, Reply, Result,
    json::{raw, to_raw},
    wire::{quote, view},
};

use crate::{MUSIC, SPEECH, claude::uri, place};

/// Where it is: not where the models are.
const HOME: &str = "https://texttospeech.googleapis.com/v1/text:synthesize";
/// The voice of those who name none.
const VOICE: &str = r#"{"languageCode":"en-US","name":"en-US-Studio-O"}"#;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        sound as "audioContent": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Composed {
        predictions: Option<Vec<Piece>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Piece {
        sound as "bytesBase64Encoded": Option<String>,
        other as "audioContent": Option<String>,
        mime as "mimeType": Option<String>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (target, request) = (attempt.target, attempt.call.speech()?);
    let kind = if request.input.contains("<speak>") { "ssml" } else { "text" };
    let voice = match (&request.voice, request.voice_name()) {
        (_, Some(name)) => {
            let language: Vec<&str> = name.splitn(3, '-').take(2).collect();
            format!("{{\"languageCode\":{},\"name\":{}}}", quote(&language.join("-")), quote(&name))
        }
        (Some(voice), None) => voice.get().to_owned(),
        (None, None) => VOICE.to_owned(),
    };
    let speed = request.speed.as_ref().map_or_else(|| "1".to_owned(), ToString::to_string);
    let mut body = Extra::new();
    body.push("input", raw(format!("{{\"{kind}\":{}}}", quote(&request.input))));
    body.push("voice", raw(voice));
    let encoding = encoding(attempt);
    body.push(
        "audioConfig",
        raw(format!("{{\"audioEncoding\":\"{encoding}\",\"speakingRate\":{}}}", quote(&speed))),
    );
    for (name, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.remove(name);
        body.push(name.as_str(), value.clone());
    }
    let url = if target.custom_base { &*target.base } else { HOME };
    Ok(Encoded {
        request: post(attempt, url, &body)?,
        format: SPEECH,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

/// A request to one of Google's services beside Vertex AI, which want to know who pays.
pub(crate) fn post(attempt: &Attempt<'_>, url: &str, body: &Extra) -> Result<Request<Payload>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(uri(url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(body).get().to_owned()))
        .map_err(|error| Error::internal(format!("The upstream's request cannot be made: {error}")))?;
    if let Some(project) = attempt.target.param("vertex_project")
        && let Ok(project) = HeaderValue::from_str(project)
    {
        request.headers_mut().insert("x-goog-user-project", project);
    }
    request.headers_mut().insert("charset", HeaderValue::from_static("UTF-8"));
    Ok(request)
}

fn encoding(attempt: &Attempt<'_>) -> &'static str {
    match attempt.call.body.str("response_format").as_deref() {
        Some("mp3") => "MP3",
        Some("opus") => "OGG_OPUS",
        _ => "LINEAR16",
    }
}

/// Music, which a model predicts from a description.
pub(crate) fn compose(attempt: &Attempt<'_>) -> Result<Encoded> {
    let request = attempt.call.speech()?;
    let (mut instance, mut body) = (Extra::new(), Extra::new());
    instance.push("prompt", to_raw(&request.input));
    let consumed = &attempt.call.options.consumed;
    for (name, value) in request.extra.iter().filter(|(name, _)| !consumed.contains(name)) {
        instance.push(name, value.to_owned());
    }
    body.push("instances", to_raw(&[instance]));
    body.push("parameters", raw("{}"));
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.remove(name);
        body.push(name.as_str(), value.clone());
    }
    let mut request = post(attempt, &format!("{}:predict", place::gemini(attempt)?), &body)?;
    request.headers_mut().remove("charset");
    Ok(Encoded {
        request,
        format: MUSIC,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

pub(crate) fn composed(body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Composed = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let first = answer.predictions.and_then(|predictions| predictions.into_iter().next());
    let Piece { sound, other, mime, .. } = first.unwrap_or_default();
    let sound = sound.or(other).and_then(|sound| STANDARD.decode(sound).ok());
    let sound = sound.ok_or_else(|| malformed("The provider's answer has no sound.".to_owned()))?;
    let mime = mime.unwrap_or_else(|| "audio/wav".to_owned());
    Ok(Reply::Audio(Box::new(AudioReply { bytes: sound.into(), mime, usage: None })))
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let sound = answer.sound.and_then(|sound| STANDARD.decode(sound).ok());
    let Some(sound) = sound else {
        return Err(malformed("The provider's answer has no `audioContent`.".to_owned()));
    };
    let mime = match (encoding(attempt), sound.starts_with(b"RIFF")) {
        ("OGG_OPUS", _) => "audio/ogg",
        (_, true) => "audio/wav",
        _ => "audio/mpeg",
    };
    Ok(Reply::Audio(Box::new(AudioReply { bytes: sound.into(), mime: mime.to_owned(), usage: None })))
}
