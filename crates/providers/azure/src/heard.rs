//! The speech service's fast transcription: a form with a file and what is known about it.

use bytes::Bytes;
use http::{Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Measures, Memo, Notes, Operation, Reply, Result,
    TranscriptionReply, Usage,
    json::{self, raw, to_raw},
    params,
    wire::{FormWriter, PartHead, view},
};
use serde::Serialize;

use crate::{credentials::Place, voices};

/// Answers of the service.
pub(crate) const HEARD: Format = Format("azure.heard");

const VERSION: &str = "2024-11-15";

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        millis as "durationMilliseconds": Option<u64>,
        combined as "combinedPhrases": Option<Vec<Phrase>>,
        phrases: Option<Vec<Phrase>>,
    }
}

view! {
    /// A phrase, or a word of one.
    #[derive(Clone, Debug, Default)]
    struct Phrase {
        text: String,
        locale: Option<String>,
        offset as "offsetMilliseconds": Option<u64>,
        length as "durationMilliseconds": Option<u64>,
        words: Option<Vec<Phrase>>,
    }
}

#[derive(Serialize)]
struct Word {
    word: String,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct Segment {
    id: usize,
    text: String,
    start: f64,
    end: f64,
}

/// Whether the call is for the speech service.
pub(crate) fn hears(call: &lockgate_core::Call, target: &lockgate_core::Target) -> bool {
    call.operation == Operation::Transcription && voices::is_service(target)
}

/// Writes the request.
///
/// # Errors
/// There is no file, or subtitles are asked for.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (call, request) = (attempt.call, attempt.call.transcription()?);
    let file = call.file("file")?;
    if matches!(request.response_format.as_deref(), Some("srt" | "vtt")) {
        return Err(params::unsupported(attempt, &["response_format"]));
    }
    let mut definition = Extra::new();
    if let Some(language) = &request.language {
        definition.push("locales", to_raw(&[language]));
    }
    // What is no text is JSON in the service's own words.
    for (name, value) in request.extra.iter().filter(|(name, _)| !call.options.consumed.contains(name)) {
        let text = serde_json::from_str::<String>(value.get()).unwrap_or_default();
        let json = text.starts_with(['{', '[']) && serde_json::from_str::<lockgate_core::Raw>(&text).is_ok();
        definition.push(name, if json { raw(text) } else { value.to_owned() });
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&call.options.extra_body) {
        definition.remove(name);
        definition.push(name.as_str(), value.clone());
    }
    let boundary = call.upload.as_ref().map_or("", |upload| &upload.boundary);
    let mut form = FormWriter::new(boundary);
    form.file(&PartHead { name: "audio".to_owned(), ..file.head.clone() }, &file.content);
    form.field("definition", to_raw(&definition).get());
    let version = attempt.target.param("api_version").unwrap_or(VERSION);
    let url = format!(
        "{}/speechtotext/transcriptions:transcribe?api-version={version}",
        voices::root(&attempt.base())
    );
    let mut http = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, form.content_type())
        .body(form.finish())
        .map_err(|error| Error::bad_request(format!("The service's URL is not valid: {error}")))?;
    http.extensions_mut().insert(Place::Subscription);
    let (relay, withhold_usage) = (false, false);
    let (memo, notes) = (Memo::default(), Notes::default());
    Ok(Encoded { request: http, format: HEARD, relay, withhold_usage, memo, notes })
}

/// Reads what was said.
///
/// # Errors
/// The answer is none.
pub(crate) fn decode(body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let Some(combined) = answer.combined else {
        let lacking = Error::invalid_response("The provider's answer has no `combinedPhrases`.");
        return Err(lacking.with_body(body.clone()));
    };
    let phrases = answer.phrases.unwrap_or_default();
    let words = phrases.iter().flat_map(|phrase| phrase.words.iter().flatten());
    let words: Vec<Word> =
        words.map(|word| Word { word: word.text.clone(), start: word.start(), end: word.end() }).collect();
    let segment = |(id, phrase): (usize, &Phrase)| Segment {
        id,
        text: phrase.text.clone(),
        start: phrase.start(),
        end: phrase.end(),
    };
    let segments: Vec<Segment> = phrases.iter().enumerate().map(segment).collect();
    let measured = |input_millis| Usage::measured(Measures { input_millis, ..Measures::default() });
    Ok(Reply::Transcription(Box::new(TranscriptionReply {
        text: combined.into_iter().map(|phrase| phrase.text).collect::<Vec<_>>().join("\n"),
        task: Some("transcribe".to_owned()),
        language: phrases.iter().find_map(|phrase| phrase.locale.clone()),
        duration: answer.millis.map(|millis| raw((millis as f64 / 1000.0).to_string())),
        words: (!words.is_empty()).then(|| to_raw(&words)),
        segments: (!segments.is_empty()).then(|| to_raw(&segments)),
        usage: answer.millis.map(measured),
        ..TranscriptionReply::default()
    })))
}

impl Phrase {
    fn start(&self) -> f64 {
        self.offset.unwrap_or_default() as f64 / 1000.0
    }

    fn end(&self) -> f64 {
        self.offset.unwrap_or_default().saturating_add(self.length.unwrap_or_default()) as f64 / 1000.0
    }
}
