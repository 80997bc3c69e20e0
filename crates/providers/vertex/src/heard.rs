//! Cloud Speech-to-Text: Chirp.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Measures, Memo, Notes, Raw, Reply, Result, TranscriptionReply, Usage,
    json::{raw, to_raw},
    params,
    wire::{quote, view},
};
use serde::Serialize;

use crate::{HEARD, speech};

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        results: Option<Vec<Heard>>,
        metadata: Option<Metadata>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metadata {
        billed as "totalBilledDuration": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Heard {
        alternatives: Option<Vec<Alternative>>,
        language as "languageCode": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Alternative {
        transcript: Option<String>,
        words: Option<Vec<Timed>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Timed {
        word: Option<String>,
        start as "startOffset": Option<String>,
        end as "endOffset": Option<String>,
    }
}

#[derive(Serialize)]
struct Word {
    word: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<f64>,
}

/// Whether the model is one of this service.
pub(crate) fn hears(model: &str) -> bool {
    ["chirp", "latest_", "telephony", "short", "long"].iter().any(|start| model.starts_with(start))
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (target, request) = (attempt.target, attempt.call.transcription()?);
    let file = attempt.call.file("file")?;
    if matches!(request.response_format.as_deref(), Some("srt" | "vtt")) {
        return Err(params::unsupported(attempt, &["response_format"]));
    }
    let Some(project) = target.param("vertex_project") else {
        return Err(Error::bad_request(
            "Transcription needs a project: `vertex_project`, or VERTEXAI_PROJECT.",
        ));
    };
    let words = request.timestamp_granularities.iter().flatten().any(|unit| unit == "word");
    let mut features = Extra::new();
    features.push("enableAutomaticPunctuation", raw("true"));
    if words {
        features.push("enableWordTimeOffsets", raw("true"));
    }
    let mut config = Extra::new();
    config.push("autoDecodingConfig", raw("{}"));
    config.push("languageCodes", to_raw(&[request.language.as_deref().unwrap_or("auto")]));
    config.push("model", to_raw(&*target.model));
    config.push("features", to_raw(&features));
    let mut body = Extra::new();
    body.push("config", to_raw(&config));
    body.push("content", raw(quote(&STANDARD.encode(file.bytes()))));
    for (name, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.remove(name);
        body.push(name.as_str(), value.clone());
    }
    let location = location(attempt);
    let root = match location {
        _ if target.custom_base => target.base.trim_end_matches('/').to_owned(),
        "global" => "https://speech.googleapis.com".to_owned(),
        region => format!("https://{region}-speech.googleapis.com"),
    };
    let url = format!("{root}/v2/projects/{project}/locations/{location}/recognizers/_:recognize");
    Ok(Encoded {
        request: speech::post(attempt, &url, &body)?,
        format: HEARD,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

/// The newest model is in the multi-regions only.
fn location<'a>(attempt: &Attempt<'a>) -> &'a str {
    let own = attempt.target.param("vertex_location").filter(|location| !location.is_empty());
    own.unwrap_or(if attempt.target.model.starts_with("chirp_3") { "us" } else { "us-central1" })
}

pub(crate) fn decode(body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    // Where nothing was said, there are no results, but there is what it costs.
    if answer.results.is_none() && answer.metadata.is_none() {
        return Err(malformed("The provider's answer has no `results`.".to_owned()));
    }
    let results = answer.results.unwrap_or_default();
    let language = results.iter().find_map(|result| result.language.clone());
    let first = results.into_iter().filter_map(|result| result.alternatives?.into_iter().next());
    let (mut texts, mut words) = (Vec::new(), Vec::new());
    for alternative in first {
        texts.extend(alternative.transcript.map(|text| text.trim().to_owned()));
        words.extend(alternative.words.into_iter().flatten().map(|timed| Word {
            word: timed.word.unwrap_or_default(),
            start: timed.start.as_deref().and_then(seconds),
            end: timed.end.as_deref().and_then(seconds),
        }));
    }
    let length = answer.metadata.and_then(|metadata| seconds(&metadata.billed?));
    let millis = length.map(|seconds| (seconds * 1000.0).round() as u64);
    let words: Option<Raw> = (!words.is_empty()).then(|| to_raw(&words));
    Ok(Reply::Transcription(Box::new(TranscriptionReply {
        text: texts.join(" "),
        task: Some("transcribe".to_owned()),
        language,
        duration: length.map(|length| raw(length.to_string())),
        words,
        usage: millis.map(|input_millis| Usage::measured(Measures { input_millis, ..Measures::default() })),
        ..TranscriptionReply::default()
    })))
}

/// `1.240s`.
fn seconds(text: &str) -> Option<f64> {
    text.strip_suffix('s')?.parse().ok().filter(|seconds: &f64| seconds.is_finite())
}
