//! Runway: pictures and speech are tasks, whose results have addresses.

use bytes::Bytes;
use http::{HeaderValue, Method};
use lockgate_core::{
    Attempt, AudioReply, Error, Exchange, Operation, Raw, Reply, Result, Step,
    json::{self, raw},
    wire::{quote, view},
};

use crate::{
    api::{Api, Asked, Members, lacking},
    jobs::{Asking, Job, Next, bare, failed, is_id},
    pictures,
};

/// The version of the API that is spoken here.
const VERSION: (&str, &str) = ("x-runway-version", "2024-11-06");
/// Voices by the names that clients of OpenAI's API know. All other names are Runway's own.
const VOICES: [(&str, &str); 6] = [
    ("alloy", "Maya"),
    ("echo", "James"),
    ("fable", "Bernard"),
    ("onyx", "Vincent"),
    ("nova", "Serene"),
    ("shimmer", "Ella"),
];
/// Sizes that OpenAI's models make and Runway's do not, and what is closest to them.
const RATIOS: [(&str, &str); 4] = [
    ("1792x1024", "1360:768"),
    ("1024x1792", "1080:1920"),
    ("1536x1024", "1440:1080"),
    ("1024x1536", "1080:1440"),
];
const USUAL_RATIO: &str = "1920:1080";

pub(crate) struct Runway;

view! {
    #[derive(Clone, Debug, Default)]
    struct Task {
        id: Option<String>,
        status: Option<String>,
        output: Option<Vec<String>>,
        failure: Option<String>,
        code as "failureCode": Option<Raw>,
    }
}

impl Api for Runway {
    fn id(&self) -> &'static str {
        "runwayml"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let mut body = Members::default();
        body.put("model", &*attempt.target.model);
        let verb = match attempt.call.operation {
            Operation::Speech => {
                let request = attempt.call.speech()?;
                body.put("promptText", &request.input);
                body.set("voice", &voice(attempt)?);
                body.extra(attempt, &request.extra);
                "text_to_speech"
            }
            _ => {
                let request = attempt.call.image()?;
                pictures::only_one(attempt, request)?;
                body.maybe("promptText", request.prompt.as_ref());
                body.put("ratio", &ratio(request.size.as_deref()));
                body.extra(attempt, &request.extra);
                "text_to_image"
            }
        };
        let asked = Asked::json(attempt, format!("{}/v1/{verb}", root(&attempt.base())), &body)?;
        Ok(asked.with(VERSION.0, VERSION.1))
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let speech = attempt.call.operation == Operation::Speech;
        let base = root(&attempt.base()).to_owned();
        let content = speech || pictures::wants_content(attempt);
        Some(Box::new(Asking::new(Running { base, speech, content, fetched: false })))
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        if attempt.call.operation != Operation::Speech {
            return pictures::decode(&body);
        }
        if body.is_empty() || body.starts_with(b"{") || std::str::from_utf8(&body).is_ok() {
            return Err(lacking("sound", &body));
        }
        let mime = if body.starts_with(b"RIFF") { "audio/wav" } else { "audio/mpeg" };
        Ok(Reply::Audio(Box::new(AudioReply { bytes: body, mime: mime.to_owned(), usage: None })))
    }
}

/// A voice's name, or what the client says about it in Runway's own words.
fn voice(attempt: &Attempt<'_>) -> Result<String> {
    let request = attempt.call.speech()?;
    if let (Some(own), None) = (&request.voice, request.voice_name()) {
        return Ok(own.get().to_owned());
    }
    let named = request.voice_name().unwrap_or_else(|| "alloy".to_owned());
    let own = VOICES.iter().find(|(name, _)| *name == named).map_or(named.as_str(), |(_, own)| own);
    Ok(raw(format!("{{\"type\":\"runway-preset\",\"presetId\":{}}}", quote(own))).get().to_owned())
}

fn ratio(size: Option<&str>) -> String {
    let Some(size) = size.filter(|size| *size != "auto") else { return USUAL_RATIO.to_owned() };
    let known = RATIOS.iter().find(|(openai, _)| *openai == size);
    known.map_or_else(|| size.replacen('x', ":", 1), |(_, own)| (*own).to_owned())
}

fn root(base: &str) -> &str {
    base.strip_suffix("/v1").unwrap_or(base)
}

/// A task that was started.
struct Running {
    base: String,
    speech: bool,
    content: bool,
    fetched: bool,
}

impl Job for Running {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        if self.fetched {
            let answer = if self.speech { body.clone() } else { pictures::whole(body) };
            return Ok(Next::Step(Step::Answer(answer)));
        }
        let task: Task = json::answer(body)?;
        match task.status.as_deref() {
            Some("SUCCEEDED") => self.succeeded(task.output.unwrap_or_default(), body).map(Next::Step),
            Some("FAILED" | "CANCELLED" | "CANCELED") => Err(refused(&task).with_body(body.clone())),
            _ => {
                let id = task.id.filter(|id| is_id(id)).ok_or_else(|| lacking("id", body))?;
                let mut request = bare(Method::GET, &format!("{}/v1/tasks/{id}", self.base))?;
                request.headers_mut().insert(VERSION.0, HeaderValue::from_static(VERSION.1));
                Ok(Next::Ask(request))
            }
        }
    }
}

impl Running {
    fn succeeded(&mut self, output: Vec<String>, body: &Bytes) -> Result<Step> {
        if !self.content {
            return Ok(Step::Answer(pictures::listed(&output)));
        }
        self.fetched = true;
        output.into_iter().next().map(Step::File).ok_or_else(|| lacking("output", body))
    }
}

fn refused(task: &Task) -> Error {
    let code = task.code.as_deref().map_or("", |code| code.get()).trim_matches('"');
    let said = task.failure.as_deref().unwrap_or_default();
    match code.split('.').next() {
        Some("SAFETY") => pictures::filtered().with_code(code),
        _ => failed(if said.is_empty() { code } else { said }),
    }
}
