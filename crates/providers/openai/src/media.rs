//! Answers that are not about texts alone, as clients of OpenAI's endpoints expect them.

use http::HeaderValue;
use lockgate_core::{Call, Image, ImagesReply, Payload, Raw, Reply, RerankReply, TranscriptionReply, Usage};

use crate::{
    json::{Json, list},
    surface::answer_time,
};

/// The type of an answer that is not JSON.
pub(crate) fn content_type(call: &Call, reply: &Reply) -> Option<HeaderValue> {
    match reply {
        Reply::Audio(reply) => HeaderValue::try_from(&reply.mime).ok(),
        Reply::Transcription(_) => plain_type(call).map(HeaderValue::from_static),
        _ => None,
    }
}

/// The type of the plain texts in which a transcription may be wanted.
fn plain_type(call: &Call) -> Option<&'static str> {
    match call.body.str("response_format").as_deref() {
        Some("text" | "srt") => Some("text/plain; charset=utf-8"),
        Some("vtt") => Some("text/vtt; charset=utf-8"),
        _ => None,
    }
}

pub(crate) fn rerank(call: &Call, reply: &RerankReply) -> String {
    let id = if reply.id.is_empty() { call.id.as_str() } else { reply.id.as_str() };
    let results = reply.results.iter().map(|result| {
        let json =
            Json::new().raw("index", &result.index.to_string()).raw("relevance_score", result.score.get());
        maybe(json, "document", result.document.as_ref()).into_text()
    });
    let json = Json::new().text("id", id).raw("results", &list(results));
    maybe(json, "meta", reply.meta.as_ref()).extra(&reply.extra).into_text()
}

pub(crate) fn images(call: &Call, reply: &ImagesReply) -> String {
    let json = Json::new()
        .raw("created", &answer_time(call, reply.created).to_string())
        .raw("data", &list(reply.images.iter().map(image)))
        .extra(&reply.extra);
    let counted = reply.usage.as_ref().filter(|usage| usage.total() > 0);
    match counted {
        Some(usage) => json.raw("usage", &image_usage(usage)).into_text(),
        None => json.into_text(),
    }
}

fn image(image: &Image) -> String {
    Json::new()
        .maybe("url", image.url.as_deref())
        .maybe("b64_json", image.base64.as_deref())
        .maybe("revised_prompt", image.revised_prompt.as_deref())
        .extra(&image.extra)
        .into_text()
}

fn image_usage(usage: &Usage) -> String {
    let pictures = usage.image_input.unwrap_or(0);
    let details = Json::new()
        .raw("text_tokens", &usage.input.saturating_sub(pictures).to_string())
        .raw("image_tokens", &pictures.to_string())
        .into_text();
    let json = Json::new()
        .raw("input_tokens", &usage.input.to_string())
        .raw("input_tokens_details", &details)
        .raw("output_tokens", &usage.output.to_string());
    let json = match usage.image_output {
        Some(pictures) => {
            let texts = usage.output.saturating_sub(pictures);
            let details = Json::new()
                .raw("image_tokens", &pictures.to_string())
                .raw("text_tokens", &texts.to_string())
                .into_text();
            json.raw("output_tokens_details", &details)
        }
        None => json,
    };
    json.raw("total_tokens", &usage.total().to_string()).into_text()
}

pub(crate) fn transcription(call: &Call, reply: &TranscriptionReply) -> Payload {
    if plain_type(call).is_some() {
        return Payload::from(reply.text.clone());
    }
    let json = Json::new()
        .text("text", &reply.text)
        .maybe("task", reply.task.as_deref())
        .maybe("language", reply.language.as_deref());
    let json = maybe(json, "duration", reply.duration.as_ref());
    let json = maybe(json, "words", reply.words.as_ref());
    let json = maybe(json, "segments", reply.segments.as_ref()).extra(&reply.extra);
    Payload::from(json.into_text())
}

fn maybe(json: Json, key: &str, value: Option<&Raw>) -> Json {
    match value {
        Some(value) => json.raw(key, value.get()),
        None => json,
    }
}
