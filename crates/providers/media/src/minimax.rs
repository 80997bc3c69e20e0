//! MiniMax: text to speech in JSON, the sound in hexadecimal digits.

use bytes::Bytes;
use lockgate_core::{
    Attempt, AudioReply, Error, ErrorKind, Origin, Reply, Result, json, json::raw, wire::view,
};
use serde_json::Number;

use crate::api::{Api, Asked, Members, lacking};

pub(crate) struct Minimax;

/// Voices of MiniMax by the names that clients of OpenAI's API know. All other names are voices' ids.
const VOICES: [(&str, &str); 6] = [
    ("alloy", "male-qn-qingse"),
    ("echo", "male-qn-jingying"),
    ("fable", "female-shaonv"),
    ("onyx", "male-qn-badao"),
    ("nova", "female-yujie"),
    ("shimmer", "female-tianmei"),
];

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        data: Sound,
        base_resp: Verdict,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Sound {
        audio: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Verdict {
        status_code: i64,
        status_msg: String,
    }
}

impl Api for Minimax {
    fn id(&self) -> &'static str {
        "minimax_speech"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.speech()?;
        let named = request.voice_name().unwrap_or_else(|| "alloy".to_owned());
        let voice = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, id)| id);
        let base = attempt.base();
        let base = base.strip_suffix("/v1").unwrap_or(&base);
        let speed = request.speed.clone().unwrap_or_else(|| Number::from(1));
        let voice = serde_json::to_string(voice).unwrap_or_default();
        let mut body = Members::default();
        body.put("model", &*attempt.target.model);
        body.put("text", &request.input);
        body.put("stream", &false);
        body.put("output_format", "hex");
        body.set(
            "voice_setting",
            raw(format!("{{\"voice_id\":{voice},\"speed\":{speed},\"vol\":1.0,\"pitch\":0}}")).get(),
        );
        let format = serde_json::to_string(format(attempt)).unwrap_or_default();
        body.set(
            "audio_setting",
            &format!("{{\"sample_rate\":32000,\"bitrate\":128000,\"format\":{format},\"channel\":1}}"),
        );
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{base}/v1/t2a_v2"), &body)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        if answer.base_resp.status_code != 0 {
            return Err(refused(&answer.base_resp).with_body(body));
        }
        let bytes = answer.data.audio.as_deref().and_then(unhex).ok_or_else(|| lacking("sound", &body))?;
        let mime = match format(attempt) {
            "wav" => "audio/wav",
            "flac" => "audio/flac",
            "pcm" => "audio/pcm",
            _ => "audio/mpeg",
        };
        Ok(Reply::Audio(Box::new(AudioReply { bytes, mime: mime.to_owned(), usage: None })))
    }
}

fn format<'a>(attempt: &Attempt<'a>) -> &'a str {
    let asked = attempt.call.speech().ok().and_then(|request| request.response_format.as_deref());
    asked.unwrap_or("mp3")
}

/// MiniMax refuses with status 200 and a number.
fn refused(verdict: &Verdict) -> Error {
    let kind = match verdict.status_code {
        1004 | 2049 => ErrorKind::Authentication,
        1002 | 1039 => ErrorKind::RateLimit,
        1008 => ErrorKind::PaymentRequired,
        1026 | 1027 => ErrorKind::ContentPolicy,
        2013 => ErrorKind::BadRequest,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, Origin::Upstream, verdict.status_msg.clone()).with_code(verdict.status_code.to_string())
}

fn unhex(text: &str) -> Option<Bytes> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().map(Bytes::from)
}
