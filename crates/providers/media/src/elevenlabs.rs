//! ElevenLabs: text to speech, whose answer is sound, and speech to text.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Operation, Raw, Reply, Result, TranscriptionReply,
    json::{self, to_raw},
    wire::{FormWriter, view},
};

use crate::{
    api::{Api, Asked, Members, foreign_fields, lacking},
    word::Word,
};

pub(crate) struct ElevenLabs;

/// Voices of ElevenLabs by the names that clients of OpenAI's API know. All other names are voices' ids.
const VOICES: [(&str, &str); 10] = [
    ("alloy", "21m00Tcm4TlvDq8ikWAM"),
    ("amber", "5Q0t7uMcjvnagumLfvZi"),
    ("ash", "AZnzlk1XvdvUeBnXmlld"),
    ("august", "D38z5RcWu1voky8WS1ja"),
    ("blue", "2EiwWnXFnvU5JabPnv8n"),
    ("coral", "9BWtsMINqrJLrRacOk9x"),
    ("lily", "EXAVITQu4vr4xnSDxMaL"),
    ("onyx", "29vD33N1CtxCmqQRPOHJ"),
    ("sage", "CwhRBWXzGAHq8TQ4Fs17"),
    ("verse", "CYw3kZ02Hs0563khs1Fj"),
];

/// Formats by the names that clients of OpenAI's API know.
const FORMATS: [(&str, &str); 3] =
    [("mp3", "mp3_44100_128"), ("pcm", "pcm_44100"), ("opus", "opus_48000_128")];

view! {
    #[derive(Clone, Debug, Default)]
    struct Settings {
        speed: Option<serde_json::Number>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        text: Option<String>,
        language_code: Option<String>,
        words: Vec<Heard>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Heard {
        text: Option<String>,
        start: Option<Raw>,
        end: Option<Raw>,
        kind as "type": Option<String>,
    }
}

impl Api for ElevenLabs {
    fn id(&self) -> &'static str {
        "elevenlabs"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        match attempt.call.operation {
            Operation::Speech => speak(attempt),
            _ => listen(attempt),
        }
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let text = answer.text.ok_or_else(|| lacking("text", &body))?;
        let words =
            answer.words.into_iter().filter(|heard| heard.kind.as_deref().unwrap_or("word") == "word");
        let words: Vec<Word<Raw>> = words
            .map(|heard| Word { word: heard.text.unwrap_or_default(), start: heard.start, end: heard.end })
            .collect();
        Ok(Reply::Transcription(Box::new(TranscriptionReply {
            text,
            task: Some("transcribe".to_owned()),
            language: answer.language_code,
            words: Some(to_raw(&words)),
            ..TranscriptionReply::default()
        })))
    }
}

fn speak(attempt: &Attempt<'_>) -> Result<Asked> {
    let request = attempt.call.speech()?;
    let named = request.voice_name().unwrap_or_default();
    let voice = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, id)| id);
    let format = request.response_format.as_deref();
    let format =
        format.map(|format| FORMATS.iter().find(|(name, _)| *name == format).map_or(format, |(_, own)| own));
    let query = format.map(|format| format!("?output_format={format}")).unwrap_or_default();
    let mut body = Members::default();
    body.put("text", &request.input);
    body.put("model_id", &*attempt.target.model);
    if let Some(speed) = &request.speed {
        body.put("voice_settings", &Settings { speed: Some(speed.clone()), ..Settings::default() });
    }
    body.extra(attempt, &request.extra);
    let url = format!("{}/v1/text-to-speech/{voice}{query}", attempt.base());
    Ok(Asked { relay: true, ..Asked::json(attempt, url, &body)? })
}

fn listen(attempt: &Attempt<'_>) -> Result<Asked> {
    let (request, file) = (attempt.call.transcription()?, attempt.call.file("file")?);
    let boundary = attempt.call.upload.as_ref().map_or("", |upload| &upload.boundary);
    let mut form = FormWriter::new(boundary);
    form.field("model_id", &attempt.target.model);
    if let Some(language) = &request.language {
        form.field("language_code", language);
    }
    if let Some(temperature) = &request.temperature {
        form.field("temperature", temperature.get().trim_matches('"'));
    }
    foreign_fields(attempt, &request.extra, &mut form);
    form.file(&file.head, &file.content);
    Ok(Asked::form(format!("{}/v1/speech-to-text", attempt.base()), form))
}
