//! The speech service: a text with markup in, sound out.

use http::{Method, Request, header};
use lockgate_core::{Attempt, Encoded, Error, Memo, Notes, Payload, Result, Target};
use lockgate_openai::SPEECH;

use crate::credentials::Place;

/// Before the names of models that the service itself speaks with.
const ROUTE: &str = "speech/";
/// Voices by the names that clients of OpenAI's API know. All other names are the service's own.
const VOICES: [(&str, &str); 6] = [
    ("alloy", "en-US-JennyNeural"),
    ("echo", "en-US-GuyNeural"),
    ("fable", "en-GB-RyanNeural"),
    ("onyx", "en-US-DavisNeural"),
    ("nova", "en-US-AmberNeural"),
    ("shimmer", "en-US-AriaNeural"),
];

/// Ends of the hosts of a region's services, and of the one that speaks.
const SERVICES: &str = ".api.cognitive.microsoft.com";
const SPEAKS: &str = ".tts.speech.microsoft.com";

/// Whether the call is for the speech service.
pub(crate) fn speaks(attempt: &Attempt<'_>) -> bool {
    attempt.call.operation == lockgate_core::Operation::Speech && is_service(attempt.target)
}

/// Whether a model is the speech service itself.
pub(crate) fn is_service(target: &Target) -> bool {
    target.model.starts_with(ROUTE) || target.provider.quirks.model_prefix.as_deref() == Some(ROUTE)
}

/// The service's address without what operators copy along with it.
pub(crate) fn root(base: &str) -> &str {
    let base = base.trim_end_matches('/');
    base.strip_suffix("/cognitiveservices/v1").unwrap_or(base)
}

/// Writes the request.
///
/// # Errors
/// The call cannot be read.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let request = attempt.call.speech()?;
    let named = request.voice_name().unwrap_or_else(|| "alloy".to_owned());
    let voice = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, own)| own);
    let text = in_markup(&request.input);
    let text = match request.speed.as_ref().and_then(serde_json::Number::as_f64).filter(|speed| *speed != 1.0)
    {
        Some(speed) => format!("<prosody rate='{:+.0}%'>{text}</prosody>", (speed - 1.0) * 100.0),
        None => text,
    };
    let language: Vec<&str> = voice.splitn(3, '-').take(2).collect();
    let language = if language.len() == 2 { language.join("-") } else { "en-US".to_owned() };
    let ssml = format!(
        "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='{}'>\n    \
         <voice name='{}'>\n        {text}\n    </voice>\n</speak>",
        in_markup(&language),
        in_markup(voice)
    );
    let body = if request.input.contains("<speak") { request.input.clone() } else { ssml };
    let mut http = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/cognitiveservices/v1", root(&attempt.base()).replacen(SERVICES, SPEAKS, 1)))
        .header(header::CONTENT_TYPE, "application/ssml+xml")
        .header("x-microsoft-outputformat", format(request.response_format.as_deref()))
        .body(Payload::from(body))
        .map_err(|error| Error::bad_request(format!("The service's URL is not valid: {error}")))?;
    http.extensions_mut().insert(Place::Subscription);
    Ok(Encoded {
        request: http,
        format: SPEECH,
        relay: true,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

fn format(asked: Option<&str>) -> &str {
    match asked.unwrap_or("mp3") {
        "mp3" => "audio-24khz-48kbitrate-mono-mp3",
        "opus" => "ogg-48khz-16bit-mono-opus",
        "wav" => "riff-24khz-16bit-mono-pcm",
        "pcm" => "raw-24khz-16bit-mono-pcm",
        own => own,
    }
}

/// A text between tags or in an attribute.
fn in_markup(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('\'', "&apos;").replace('"', "&quot;")
}
