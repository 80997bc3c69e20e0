//! What a call consumes besides tokens, as far as the call itself tells.

use lockgate_core::{Call, Operation, Usage};

/// The usage, with what the provider left unsaid and the call tells: characters, lengths of recordings, sizes of
/// pictures, queries.
pub fn complete_usage(call: &Call, usage: Option<Usage>) -> Option<Usage> {
    match call.operation {
        Operation::Speech => Some(speech(call, usage.unwrap_or_default())),
        Operation::Transcription | Operation::Translation => Some(recording(call, usage.unwrap_or_default())),
        Operation::ImageGeneration | Operation::ImageEdit | Operation::ImageVariation => {
            usage.map(|usage| pictures(call, usage))
        }
        Operation::Rerank => Some(queries(usage.unwrap_or_default())),
        _ => usage,
    }
}

/// Speech is sold by the characters of its text, if not by tokens. Blanks are not counted, as LiteLLM does not.
fn speech(call: &Call, mut usage: Usage) -> Usage {
    if usage.input_characters.is_none() {
        let text = call.body.str("input").unwrap_or_default();
        usage.input_characters = Some(text.chars().filter(|char| !char.is_whitespace()).count() as u64);
    }
    usage
}

/// How long the recording is, by its own headers.
fn recording(call: &Call, mut usage: Usage) -> Usage {
    let measures = usage.measures.get_or_insert_default();
    let Some(file) = call.upload.as_ref().and_then(|upload| upload.file("file")) else { return usage };
    if measures.input_millis > 0 {
        return usage;
    }
    let held = file.content.len() as u64;
    let whole = call.upload.as_ref().is_some_and(|upload| !upload.open);
    let declared = call.headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let total = if whole { held } else { declared.unwrap_or(held) };
    measures.input_millis = crate::audio_millis(&file.content, total).unwrap_or(0);
    usage
}

/// Size and quality as they were asked for, where the answer does not tell them.
fn pictures(call: &Call, mut usage: Usage) -> Usage {
    let measures = usage.measures.get_or_insert_default();
    let asked = |name: &str| call.body.str(name).filter(|text| text != "auto").map(|text| text.into_owned());
    measures.image_size = measures.image_size.take().or_else(|| asked("size"));
    measures.image_quality = measures.image_quality.take().or_else(|| asked("quality"));
    usage
}

/// A query, if the provider does not count otherwise.
fn queries(mut usage: Usage) -> Usage {
    let measures = usage.measures.get_or_insert_default();
    if measures.queries == 0 {
        measures.queries = 1;
    }
    usage
}
