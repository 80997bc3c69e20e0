//! Soniox: a file is kept, a job writes down what is said in it, and both are removed when that is read.

use bytes::Bytes;
use http::Method;
use lockgate_core::{
    Attempt, Exchange, Measures, Raw, Reply, Result, Step, TranscriptionReply, Usage,
    json::{self, raw, to_raw},
    wire::{FormWriter, view},
};

use crate::{
    api::{Api, Asked, Members, lacking},
    jobs::{Asking, Job, Next, bare, failed, is_id, post},
    pictures,
    word::Word,
};

pub(crate) struct Soniox;

view! {
    #[derive(Clone, Debug, Default)]
    struct Kept {
        id: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Progress {
        id: Option<String>,
        status: Option<String>,
        error_message: Option<String>,
        audio_duration_ms: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Transcript {
        text: Option<String>,
        tokens: Vec<Token>,
        audio_duration_ms: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Token {
        text: String,
        start_ms: Option<u64>,
        end_ms: Option<u64>,
        language: Option<String>,
    }
}

impl Api for Soniox {
    fn id(&self) -> &'static str {
        "soniox"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let file = attempt.call.file("file")?;
        let mut form = FormWriter::new(pictures::boundary(attempt));
        form.file(&file.head, &file.content);
        Ok(Asked::form(format!("{}/v1/files", root(&attempt.base())), form))
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let wishes = wishes(attempt).ok()?;
        let base = root(&attempt.base()).to_owned();
        Some(Box::new(Asking::new(Writing { base, wishes, at: At::Uploaded, file: String::new() })))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let transcript: Transcript = json::answer(&body)?;
        let text = transcript.text.ok_or_else(|| lacking("text", &body))?;
        let millis = transcript.audio_duration_ms;
        let seconds = |millis: u64| millis as f64 / 1000.0;
        let language = transcript.tokens.iter().find_map(|token| token.language.clone());
        let words = words(transcript.tokens);
        Ok(Reply::Transcription(Box::new(TranscriptionReply {
            text,
            task: Some("transcribe".to_owned()),
            language,
            duration: millis.map(|millis| raw(seconds(millis).to_string())),
            words: (!words.is_empty()).then(|| to_raw(&words)),
            usage: millis
                .map(|input_millis| Usage::measured(Measures { input_millis, ..Measures::default() })),
            ..TranscriptionReply::default()
        })))
    }
}

/// What the job is to do, but for its file.
fn wishes(attempt: &Attempt<'_>) -> Result<Members> {
    let request = attempt.call.transcription()?;
    let mut body = Members::default();
    body.put("model", &*attempt.target.model);
    if let Some(language) = &request.language {
        body.put("language_hints", &[language]);
    }
    if let Some(prompt) = &request.prompt {
        body.set("context", &format!("{{\"text\":{}}}", to_raw(prompt).get()));
    }
    // The fields of a form are texts; what is no text in them is JSON here.
    for (name, value) in crate::api::foreign(attempt, &request.extra) {
        let text = crate::api::plain(value);
        let json = serde_json::from_str::<Raw>(&text).is_ok_and(|json| !json.get().starts_with('"'));
        body.set(name, if json { &text } else { value });
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.set(name, value.get());
    }
    Ok(body)
}

/// Tokens are parts of words; a word begins with a blank.
fn words(tokens: Vec<Token>) -> Vec<Word<f64>> {
    let seconds = |millis: Option<u64>| millis.map(|millis| millis as f64 / 1000.0);
    let mut words: Vec<Word<f64>> = Vec::new();
    for token in tokens {
        match words.last_mut().filter(|_| !token.text.starts_with(' ')) {
            Some(word) => {
                word.word.push_str(&token.text);
                word.end = seconds(token.end_ms).or(word.end);
            }
            None => words.push(Word {
                word: token.text.trim_start().to_owned(),
                start: seconds(token.start_ms),
                end: seconds(token.end_ms),
            }),
        }
    }
    words
}

fn root(base: &str) -> &str {
    base.strip_suffix("/v1").unwrap_or(base)
}

/// How far the work is.
enum At {
    /// The file is there.
    Uploaded,
    /// The job is running.
    Running,
    /// The transcript is on its way.
    Reading { job: String, millis: Option<u64> },
    /// The transcript is here, the job is being removed, then the file.
    Removing { job: bool, transcript: Bytes },
}

struct Writing {
    base: String,
    wishes: Members,
    file: String,
    at: At,
}

impl Job for Writing {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        match std::mem::replace(&mut self.at, At::Running) {
            At::Uploaded => {
                self.file = id(json::answer::<Kept>(body)?.id, body)?;
                self.wishes.put("file_id", &self.file);
                Ok(Next::Ask(post(&format!("{}/v1/transcriptions", self.base), self.wishes.text())?))
            }
            At::Running => self.watch(body),
            At::Reading { job, millis } => {
                let transcript = timed(body, millis);
                self.at = At::Removing { job: true, transcript };
                self.remove(&format!("transcriptions/{job}"))
            }
            At::Removing { job: true, transcript } => {
                self.at = At::Removing { job: false, transcript };
                self.remove(&format!("files/{}", self.file))
            }
            At::Removing { job: false, transcript } => Ok(Next::Step(Step::Answer(transcript))),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.at, At::Removing { .. })
    }
}

impl Writing {
    fn watch(&mut self, body: &Bytes) -> Result<Next> {
        let progress: Progress = json::answer(body)?;
        let job = id(progress.id, body)?;
        let url = format!("{}/v1/transcriptions/{job}", self.base);
        match progress.status.as_deref() {
            Some("error") => {
                Err(failed(progress.error_message.as_deref().unwrap_or_default()).with_body(body.clone()))
            }
            Some("completed") => {
                self.at = At::Reading { job, millis: progress.audio_duration_ms };
                self.step(Method::GET, &format!("{url}/transcript"))
            }
            _ => Ok(Next::Ask(bare(Method::GET, &url)?)),
        }
    }

    fn remove(&self, path: &str) -> Result<Next> {
        self.step(Method::DELETE, &format!("{}/v1/{path}", self.base))
    }

    fn step(&self, method: Method, url: &str) -> Result<Next> {
        Ok(Next::Step(Step::Send { request: bare(method, url)?, after: std::time::Duration::ZERO }))
    }
}

fn id(id: Option<String>, body: &Bytes) -> Result<String> {
    id.filter(|id| is_id(id)).ok_or_else(|| lacking("id", body))
}

/// The transcript with the length of what was heard, which only the job knows.
fn timed(body: &Bytes, millis: Option<u64>) -> Bytes {
    let Ok(mut transcript) = json::answer::<Transcript>(body) else { return body.clone() };
    transcript.audio_duration_ms = transcript.audio_duration_ms.or(millis);
    to_raw(&transcript).get().to_owned().into()
}
