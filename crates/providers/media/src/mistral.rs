//! Mistral's speech: OpenAI's path, the sound in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{Attempt, AudioReply, Reply, Result, json, wire::view};

use crate::api::{Api, Asked, Members, lacking};

pub(crate) struct MistralSpeech;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        audio_data: Option<String>,
    }
}

impl Api for MistralSpeech {
    fn id(&self) -> &'static str {
        "mistral_speech"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.speech()?;
        let mut body = Members::default();
        body.put("model", &*attempt.target.model);
        body.put("input", &request.input);
        body.maybe("voice_id", request.voice_name().as_ref());
        body.maybe("response_format", request.response_format.as_ref());
        body.put("stream", &false);
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{}/audio/speech", attempt.base()), &body)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let sound = answer.audio_data.and_then(|sound| STANDARD.decode(sound).ok());
        let bytes = sound.ok_or_else(|| lacking("sound", &body))?.into();
        let format = attempt.call.speech()?.response_format.as_deref();
        let mime = match format.unwrap_or("mp3") {
            "wav" => "audio/wav",
            "flac" => "audio/flac",
            "opus" => "audio/ogg",
            "pcm" => "audio/pcm",
            _ => "audio/mpeg",
        };
        Ok(Reply::Audio(Box::new(AudioReply { bytes, mime: mime.to_owned(), usage: None })))
    }
}
