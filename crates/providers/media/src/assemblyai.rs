//! AssemblyAI: a file is kept, and a job writes down what is said in it.

use bytes::Bytes;
use http::Method;
use lockgate_core::{
    Attempt, Exchange, Measures, Raw, Reply, Result, Step, TranscriptionReply, Usage, json, json::to_raw,
    wire::view,
};

use crate::{
    api::{Api, Asked, Members, foreign, lacking, plain},
    jobs::{Asking, Job, Next, bare, failed, is_id, post},
    word::Word,
};

pub(crate) struct AssemblyAi;

view! {
    #[derive(Clone, Debug, Default)]
    struct Kept {
        upload_url: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Transcript {
        id: Option<String>,
        status: Option<String>,
        error: Option<String>,
        text: Option<String>,
        language_code: Option<String>,
        audio_duration: Option<Raw>,
        words: Option<Vec<Heard>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Heard {
        text: String,
        start: Option<u64>,
        end: Option<u64>,
    }
}

impl Api for AssemblyAi {
    fn id(&self) -> &'static str {
        "assemblyai"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        attempt.call.transcription()?;
        let file = attempt.call.file("file")?;
        let url = format!("{}/v2/upload", root(&attempt.base()));
        Ok(Asked::post(url, "application/octet-stream".to_owned(), file.content.clone()))
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let wishes = wishes(attempt).ok()?;
        Some(Box::new(Asking::new(Writing { base: root(&attempt.base()), wishes: Some(wishes) })))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let transcript: Transcript = json::answer(&body)?;
        let text = transcript.text.ok_or_else(|| lacking("text", &body))?;
        let seconds = |millis: u64| millis as f64 / 1000.0;
        let words: Option<Vec<Word<f64>>> = transcript.words.map(|words| {
            let word = |heard: Heard| Word {
                word: heard.text,
                start: heard.start.map(seconds),
                end: heard.end.map(seconds),
            };
            words.into_iter().map(word).collect()
        });
        let length = transcript.audio_duration.filter(|length| length.get() != "null");
        let millis = length.as_ref().and_then(|length| length.get().parse::<f64>().ok());
        let measured = |seconds: f64| {
            let input_millis = (seconds * 1000.0).round() as u64;
            Usage::measured(Measures { input_millis, ..Measures::default() })
        };
        Ok(Reply::Transcription(Box::new(TranscriptionReply {
            text,
            task: Some("transcribe".to_owned()),
            language: transcript.language_code,
            duration: length,
            words: words.map(|words| to_raw(&words)),
            usage: millis.map(measured),
            ..TranscriptionReply::default()
        })))
    }
}

/// What the job is to do, but for its file.
fn wishes(attempt: &Attempt<'_>) -> Result<Members> {
    let request = attempt.call.transcription()?;
    let mut body = Members::default();
    body.put("speech_model", &*attempt.target.model);
    match &request.language {
        Some(language) => body.put("language_code", language),
        None => body.put("language_detection", &true),
    }
    body.maybe("prompt", request.prompt.as_ref().filter(|prompt| !prompt.is_empty()));
    // The fields of a form are texts; what is no text in them is JSON here.
    for (name, value) in foreign(attempt, &request.extra) {
        let text = plain(value);
        let json = serde_json::from_str::<Raw>(&text).is_ok_and(|json| !json.get().starts_with('"'));
        body.set(name, if json { &text } else { value });
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.set(name, value.get());
    }
    Ok(body)
}

/// Beside the host of chats.
fn root(base: &str) -> String {
    let base = base.strip_suffix("/v1").or_else(|| base.strip_suffix("/v2")).unwrap_or(base);
    base.replacen("//llm-gateway.", "//api.", 1)
}

struct Writing {
    base: String,
    wishes: Option<Members>,
}

impl Job for Writing {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        if let Some(mut wishes) = self.wishes.take() {
            let url = json::answer::<Kept>(body)?.upload_url.ok_or_else(|| lacking("upload_url", body))?;
            wishes.put("audio_url", &url);
            return Ok(Next::Ask(post(&format!("{}/v2/transcript", self.base), wishes.text())?));
        }
        let transcript: Transcript = json::answer(body)?;
        match transcript.status.as_deref() {
            Some("completed") => Ok(Next::Step(Step::Done)),
            Some("error") => {
                Err(failed(transcript.error.as_deref().unwrap_or_default()).with_body(body.clone()))
            }
            _ => {
                let id = transcript.id.filter(|id| is_id(id)).ok_or_else(|| lacking("id", body))?;
                Ok(Next::Ask(bare(Method::GET, &format!("{}/v2/transcript/{id}", self.base))?))
            }
        }
    }
}
