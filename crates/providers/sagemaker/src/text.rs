//! Endpoints of text-generation servers: one prompt, one text.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header, response::Parts};
use lockgate_aws::{Frame, Frames, error};
use lockgate_core::{
    Attempt, ChatReply, Choice, CloudSettings, Dialect, Encoded, Error, Event, Extra, FinishReason, Format,
    Memo, Notes, Operation, Probe, Raw, Reply, Result, Signer, StreamDecoder, Target, Usage, Watch,
    hub::{ChatRequest, Content, Message, Prompt},
    json::{raw, read, to_raw},
    params,
    prompt::{as_chat, render, report_left_out},
    refusal,
    wire::{SseDecoder, view},
};

use crate::{address, embed};

/// Bodies and answers of a text-generation server.
const TEXT: Format = Format("sagemaker.text");

/// OpenAI's parameters that such a server takes.
const TAKEN: [&str; 6] = ["max_completion_tokens", "max_tokens", "n", "stop", "temperature", "top_p"];

/// The parameter that names the family whose template is used.
const TEMPLATE: &str = "hf_model_name";

/// Servers refuse a temperature of zero.
const COLDEST: &str = "0.01";

/// Endpoints of text-generation servers.
#[derive(Clone, Copy, Debug)]
pub struct SageMaker;

impl Dialect for SageMaker {
    fn id(&self) -> &'static str {
        "sagemaker"
    }

    fn supported_params(&self, _target: &Target) -> Vec<String> {
        params::names(TAKEN.into_iter().chain(["stream"]))
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        lockgate_aws::signer(settings, &[])
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        address::settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        let mut notes = Notes::default();
        let (body, format) = match attempt.call.operation {
            Operation::Chat | Operation::Completion => (chat(attempt, &mut notes)?, TEXT),
            Operation::Embedding => (embed::body(attempt, &mut notes)?, embed::EMBED),
            other => return Err(Error::bad_request(format!("SageMaker has no {other} through this API."))),
        };
        let (uri, scope) = address::of(attempt)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .extension(scope)
            .body(to_raw(&body).get().to_owned().into())
            .map_err(|error| Error::internal(format!("The request cannot be made: {error}")))?;
        Ok(Encoded { request, format, relay: false, withhold_usage: false, memo: Memo::default(), notes })
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == embed::EMBED {
            return embed::decode(attempt, &body);
        }
        decode(attempt, &body)
    }

    fn stream(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(Decoder::new(&attempt.target.model))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        error::reject(attempt, head, body)
    }

    fn inspect(&self, _encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        parse(body).map(|_| None)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Watch::new(Decoder::new("")))
    }
}

fn chat(attempt: &Attempt<'_>, notes: &mut Notes) -> Result<Extra> {
    let policy = attempt.policy();
    let given = match attempt.call.operation {
        Operation::Completion => Cow::Owned(as_chat(attempt.call.completion()?, notes)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let given = params::effective(attempt, &policy, given, notes)?;
    let forwarded = params::settle_foreign(attempt, &policy, &given, &TAKEN, notes)?;
    let mut settings = settings(&given);
    forwarded.into_iter().for_each(|(name, value)| settings.push(name, value));
    let consumed = &attempt.call.options.consumed;
    for (name, value) in given.extra.iter().filter(|(_, value)| value.get() != "null") {
        if name != TEMPLATE && !consumed.contains(&name) {
            settings.push(name, value.to_owned());
        }
    }
    let named: Option<String> = given.extra.get(TEMPLATE).and_then(read);
    // A text to continue stands as it is.
    let own = if attempt.call.operation == Operation::Completion { "" } else { &attempt.target.model };
    let template = named.as_deref().unwrap_or(own);
    let mut body = Extra::new();
    report_left_out(&given.messages, notes);
    body.push("inputs", to_raw(&render(template, &given.messages)));
    body.push("parameters", to_raw(&settings));
    if attempt.call.stream {
        body.push("stream", raw("true"));
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    Ok(body)
}

/// Parameters by the server's names.
fn settings(given: &ChatRequest) -> Extra {
    let mut settings = Extra::new();
    let mut set = |name: &str, value: Option<Raw>| {
        if let Some(value) = value {
            settings.push(name, value);
        }
    };
    set("max_new_tokens", given.max_output().as_ref().map(to_raw));
    let frozen = given.temperature.as_ref().is_some_and(|number| number.as_f64() == Some(0.0));
    set("temperature", given.temperature.as_ref().map(|own| if frozen { raw(COLDEST) } else { to_raw(own) }));
    set("top_p", given.top_p.as_ref().map(to_raw));
    set("top_k", given.top_k.as_ref().map(to_raw));
    set("stop", given.stop.as_ref().map(|stop| to_raw(stop.as_slice())));
    if let Some(several) = given.n.filter(|several| *several > 1) {
        set("best_of", Some(to_raw(&several)));
        // Without sampling all would be the same.
        set("do_sample", Some(raw("true")));
    }
    settings
}

view! {
    #[derive(Clone, Debug, Default)]
    struct AnswerView {
        generated_text: Option<String>,
        generation: Option<Raw>,
        details: Option<Details>,
        token: Option<Token>,
        error: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Details {
        finish_reason: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Token {
        text: Option<String>,
        special: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Said {
        content: Option<String>,
    }
}

impl AnswerView {
    fn text(&self) -> Option<String> {
        let told = || {
            let generation = self.generation.as_deref()?;
            read::<String>(generation).or_else(|| read::<Said>(generation)?.content)
        };
        self.generated_text.clone().or_else(told)
    }

    fn finish(&self) -> FinishReason {
        match self.details.as_ref().and_then(|details| details.finish_reason.as_deref()) {
            Some("length") => FinishReason::Length,
            _ => FinishReason::Stop,
        }
    }
}

/// One answer, or a list of them.
fn parse(body: &Bytes) -> Result<Vec<AnswerView>> {
    serde_json::from_slice(body)
        .or_else(|_| serde_json::from_slice(body).map(|one| vec![one]))
        .map_err(|why| refusal::malformed(body, why))
}

fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answers = parse(body)?;
    let texts = answers.iter().filter_map(|answer| Some((answer.text()?, answer.finish())));
    let choices: Vec<Choice> = (0..)
        .zip(texts)
        .map(|(index, (text, finish))| Choice {
            index,
            finish: Some(finish),
            message: Message {
                role: "assistant".to_owned(),
                content: Some(Content::Text(text)),
                ..Message::default()
            },
            ..Choice::default()
        })
        .collect();
    if choices.is_empty() {
        return Err(Error::invalid_response("The endpoint's answer has no text.").with_body(body.clone()));
    }
    let model = attempt.target.model.to_string();
    let usage = estimate(attempt, &choices);
    Ok(Reply::Chat(Box::new(ChatReply { model, choices, usage, ..ChatReply::default() })))
}

/// Our own count: such servers do not say.
fn estimate(attempt: &Attempt<'_>, choices: &[Choice]) -> Option<Usage> {
    let count = attempt.target.facts.count_tokens?;
    let input = match attempt.call.operation {
        Operation::Completion => match &attempt.call.completion().ok()?.prompt {
            Some(Prompt::Text(text)) => count(text),
            Some(Prompt::Texts(texts)) => texts.iter().map(|text| count(text)).sum(),
            _ => return None,
        },
        _ => count(&render(attempt.target.model.as_ref(), &attempt.call.chat().ok()?.messages)),
    };
    let texts = choices.iter().filter_map(|choice| choice.message.content.as_ref());
    let output = texts.map(|content| count(&content.text())).sum();
    Some(Usage { input, output, estimated: true, ..Usage::default() })
}

/// Reads a stream of tokens: server-sent events, cut into frames anywhere.
struct Decoder {
    frames: Frames,
    events: SseDecoder,
    state: State,
}

struct State {
    model: String,
    started: bool,
    ended: bool,
}

impl Decoder {
    fn new(model: &str) -> Self {
        let state = State { model: model.to_owned(), started: false, ended: false };
        Self { frames: Frames::default(), events: SseDecoder::new(), state }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let (events, state) = (&mut self.events, &mut self.state);
        self.frames.feed(bytes, |frame| match frame {
            Frame::Event { payload, .. } => events.feed(&payload, &mut |event| state.event(event.data, out)),
            failure => {
                state.fail(error::in_stream(&failure), out);
                Ok(())
            }
        })
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        self.frames.finish()?;
        let state = &mut self.state;
        self.events.finish(&mut |event| state.event(event.data, out))?;
        if state.ended {
            return Ok(());
        }
        Err(Error::invalid_response("The endpoint's stream ended before the answer was complete."))
    }
}

impl State {
    fn event(&mut self, data: &str, out: &mut Vec<Event>) -> Result<()> {
        if self.ended || !data.trim_start().starts_with('{') {
            return Ok(());
        }
        let view: AnswerView = serde_json::from_str(data).map_err(|why| {
            Error::invalid_response(format!("An event of the endpoint's stream cannot be read: {why}"))
        })?;
        if let Some(error) = &view.error {
            let said = read::<String>(error).unwrap_or_else(|| error.get().to_owned());
            self.fail(Error::invalid_response(said).with_status(500), out);
            return Ok(());
        }
        if !std::mem::replace(&mut self.started, true) {
            let model = std::mem::take(&mut self.model);
            out.push(Event::Start { id: String::new(), model, created: None, usage: None });
        }
        let token = view.token.as_ref().filter(|token| token.special != Some(true));
        if let Some(text) = token.and_then(|token| token.text.clone()).filter(|text| !text.is_empty()) {
            out.push(Event::Text { choice: 0, text });
        }
        if view.generated_text.is_some() {
            self.ended = true;
            out.push(Event::Finish { choice: 0, reason: view.finish(), native: None, stop_sequence: None });
            out.push(Event::Done);
        }
        Ok(())
    }

    fn fail(&mut self, error: Error, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.ended, true) {
            out.push(Event::Failure(error));
        }
    }
}
