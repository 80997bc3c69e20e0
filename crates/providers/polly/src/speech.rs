//! A request to speak, in Polly's words.

use bytes::Bytes;
use lockgate_core::{Attempt, Error, Reply, Result, params};
use lockgate_media::api::{Api, Asked, Members};

/// Voices by the names that clients of OpenAI's API know. All other names are Polly's own.
const VOICES: [(&str, &str); 6] = [
    ("alloy", "Joanna"),
    ("echo", "Matthew"),
    ("fable", "Amy"),
    ("onyx", "Brian"),
    ("nova", "Ivy"),
    ("shimmer", "Kendra"),
];
/// What Polly makes, by the names of formats.
const FORMATS: [(&str, &str); 5] = [
    ("mp3", "mp3"),
    ("opus", "ogg_opus"),
    ("ogg_opus", "ogg_opus"),
    ("ogg_vorbis", "ogg_vorbis"),
    ("pcm", "pcm"),
];
/// Members that clients may name as LiteLLM does.
const NAMES: [(&str, &str); 3] =
    [("language_code", "LanguageCode"), ("sample_rate", "SampleRate"), ("lexicon_names", "LexiconNames")];

pub(crate) struct Speech;

impl Api for Speech {
    fn id(&self) -> &'static str {
        "aws_polly"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.speech()?;
        let mut unsupported = Vec::new();
        let asked = request.response_format.as_deref().unwrap_or("mp3");
        let format = FORMATS.iter().find(|(name, _)| *name == asked).map(|(_, own)| *own);
        if format.is_none() {
            unsupported.push("response_format");
        }
        if request.speed.as_ref().and_then(|speed| speed.as_f64()).is_some_and(|speed| speed != 1.0) {
            unsupported.push("speed");
        }
        if !unsupported.is_empty() && !attempt.policy().drop_params {
            return Err(params::unsupported(attempt, &unsupported));
        }
        let named = request.voice_name().unwrap_or_else(|| "alloy".to_owned());
        let voice = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, own)| own);
        let mut body = Members::default();
        body.put("Engine", &*attempt.target.model);
        body.put("OutputFormat", format.unwrap_or("mp3"));
        body.put("Text", &request.input);
        body.put("TextType", if request.input.contains("<speak") { "ssml" } else { "text" });
        body.put("VoiceId", voice);
        let consumed = &attempt.call.options.consumed;
        for (name, value) in request.extra.iter().filter(|(name, _)| !consumed.contains(name)) {
            let own = NAMES.iter().find(|(openai, _)| *openai == name).map_or(name, |(_, own)| own);
            body.set(own, value.get());
        }
        Ok(Asked { relay: true, ..Asked::json(attempt, url(attempt), &body)? })
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        Err(Error::internal("Sound is passed on, not read.").with_body(body))
    }
}

fn url(attempt: &Attempt<'_>) -> String {
    if attempt.target.custom_base {
        return format!("{}/v1/speech", attempt.base().trim_end_matches('/'));
    }
    let region = lockgate_aws::region(attempt.target);
    format!("https://polly.{region}.{}/v1/speech", lockgate_aws::domain(region))
}
