//! Speech, spoken and written down, by Gemini's own models: both are contents that are generated.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Attempt, AudioReply, Encoded, Notes, Operation, Reply, Result, TranscriptionReply, Usage, json, params,
    whole::lacking, wire::quote,
};

use crate::{
    GENERATE, error,
    pictures::{inline, own},
    request::post,
    usage,
    wire::{AnswerView, Body, PartView},
};

/// Voices of Gemini by the names that clients of OpenAI's API know. All other names are Gemini's own.
const VOICES: [(&str, &str); 6] = [
    ("alloy", "Kore"),
    ("echo", "Charon"),
    ("fable", "Aoede"),
    ("onyx", "Orus"),
    ("nova", "Leda"),
    ("shimmer", "Zephyr"),
];
/// Samples in a second, where the answer does not say.
const USUAL_RATE: u32 = 24_000;

/// Writes the request to speak.
///
/// # Errors
/// The call cannot be read.
pub(crate) fn speak(attempt: &Attempt<'_>, locate: &dyn Fn(&str) -> String) -> Result<Encoded> {
    let request = attempt.call.speech()?;
    let text = match &request.instructions {
        Some(instructions) => format!("{instructions}\n\n{}", request.input),
        None => request.input.clone(),
    };
    let speech = match (&request.voice, request.voice_name()) {
        // More than a name: a configuration of Gemini's own.
        (Some(voice), None) => voice.get().to_owned(),
        (_, named) => {
            let named = named.unwrap_or_else(|| "alloy".to_owned());
            let voice = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, own)| own);
            format!("{{\"voiceConfig\":{{\"prebuiltVoiceConfig\":{{\"voiceName\":{}}}}}}}", quote(voice))
        }
    };
    let mut config = Body::default();
    config.raw("responseModalities", r#"["AUDIO"]"#);
    config.raw("speechConfig", speech);
    let mut body = Body::default();
    body.raw("contents", format!("[{{\"role\":\"user\",\"parts\":[{{\"text\":{}}}]}}]", quote(&text)));
    body.raw("generationConfig", config.into_json());
    for (name, value) in request.extra.iter().filter(|(name, _)| !own(attempt, name)) {
        body.set(name.to_owned(), value);
    }
    finish(attempt, body, locate)
}

/// Writes the request to write speech down.
///
/// # Errors
/// There is no file, or subtitles are asked for, whose times the model does not know.
pub(crate) fn listen(attempt: &Attempt<'_>, locate: &dyn Fn(&str) -> String) -> Result<Encoded> {
    let (request, file) = (attempt.call.transcription()?, attempt.call.file("file")?);
    if matches!(request.response_format.as_deref(), Some("srt" | "vtt")) {
        return Err(params::unsupported(attempt, &["response_format"]));
    }
    let mut wish = match attempt.call.operation {
        Operation::Translation => "Translate what is said in this recording into English.".to_owned(),
        _ => "Write down what is said in this recording, word by word.".to_owned(),
    };
    if let Some(language) = &request.language {
        wish.push_str(&format!(" The language that is spoken is `{language}`."));
    }
    if let Some(prompt) = request.prompt.as_deref().filter(|prompt| !prompt.is_empty()) {
        wish.push_str(&format!(" What is known about it: {prompt}"));
    }
    wish.push_str(" Answer with the text alone.");
    let (wish, file) = (quote(&wish), inline(file));
    let mut body = Body::default();
    body.raw("contents", format!("[{{\"role\":\"user\",\"parts\":[{{\"text\":{wish}}},{file}]}}]"));
    // The fields of a form are texts.
    if let Some(warmth) =
        request.temperature.as_ref().and_then(|raw| raw.get().trim_matches('"').parse().ok())
    {
        let warmth: f64 = warmth;
        body.raw("generationConfig", format!("{{\"temperature\":{warmth}}}"));
    }
    finish(attempt, body, locate)
}

fn finish(attempt: &Attempt<'_>, mut body: Body, locate: &dyn Fn(&str) -> String) -> Result<Encoded> {
    let options = &attempt.call.options;
    for (name, value) in attempt.target.extra_body.iter().chain(&options.extra_body) {
        body.set(name.clone(), value);
    }
    post(&locate("generateContent"), body, GENERATE, Notes::default())
}

/// Reads the sound: samples, which clients that want them get as they are, and all others as a WAV file.
///
/// # Errors
/// There is none.
pub(crate) fn spoken(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let (parts, usage) = parts(body)?;
    let blob = parts.into_iter().find_map(|part| part.inline_data);
    let blob = blob.ok_or_else(|| lacking("sound", body))?;
    let sound =
        blob.data.and_then(|data| STANDARD.decode(data).ok()).ok_or_else(|| lacking("sound", body))?;
    let mime = blob.mime_type.unwrap_or_default();
    let samples = mime.starts_with("audio/L16") || mime.starts_with("audio/pcm");
    let wanted = attempt.call.speech()?.response_format.as_deref();
    let (bytes, mime) = match (samples, wanted) {
        (false, _) => (sound.into(), mime),
        (true, Some("pcm")) => (sound.into(), "audio/pcm".to_owned()),
        (true, _) => (wav(&sound, rate(&mime)), "audio/wav".to_owned()),
    };
    Ok(Reply::Audio(Box::new(AudioReply { bytes, mime, usage })))
}

/// Reads the text.
///
/// # Errors
/// There is none.
pub(crate) fn heard(body: &Bytes) -> Result<Reply> {
    let (parts, usage) = parts(body)?;
    if parts.is_empty() {
        return Err(lacking("text", body));
    }
    let said = parts.into_iter().filter(|part| part.thought != Some(true));
    let text: String = said.filter_map(|part| part.text).collect();
    let text = text.trim().to_owned();
    Ok(Reply::Transcription(Box::new(TranscriptionReply { text, usage, ..TranscriptionReply::default() })))
}

fn parts(body: &Bytes) -> Result<(Vec<PartView>, Option<Usage>)> {
    let answer: AnswerView = json::answer(body)?;
    error::check(answer.error.as_ref(), body)?;
    let usage = answer.usage.as_deref().and_then(usage::hub);
    let first = answer.candidates.unwrap_or_default().into_iter().next();
    let parts = first.and_then(|candidate| candidate.content?.parts);
    Ok((parts.unwrap_or_default(), usage))
}

/// The `rate` of `audio/L16;codec=pcm;rate=24000`.
fn rate(mime: &str) -> u32 {
    let rate = mime.split(';').find_map(|part| part.trim().strip_prefix("rate="));
    rate.and_then(|rate| rate.parse().ok()).unwrap_or(USUAL_RATE)
}

/// A WAV file of one channel of samples of two bytes.
fn wav(samples: &[u8], rate: u32) -> Bytes {
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(samples.len() + 44);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&length.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&rate.saturating_mul(2).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(samples);
    file.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_a_file() {
        let file = wav(&[1, 2, 3, 4], rate("audio/L16;codec=pcm;rate=16000"));
        assert_eq!(file.len(), 48);
        assert_eq!(&file[..4], b"RIFF");
        assert_eq!(file[4..8], 40_u32.to_le_bytes());
        assert_eq!(file[24..28], 16_000_u32.to_le_bytes());
        assert_eq!(file[40..48], [4, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(rate("audio/L16"), USUAL_RATE);
    }
}
