//! Models that are spoken to in a format of their own, through Invoke: one prompt, one text.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_aws::{Frame, Frames, error, unframe::chunk};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Event, Extra, FinishReason, Format, Memo, Notes, Operation,
    Reply, Result, StreamDecoder, Usage,
    hub::{ChatRequest, Content, Message},
    json::{raw, to_raw},
    params,
    prompt::render,
    refusal,
    wire::view,
};

use crate::{
    model::{Family, Model},
    prompt, request, response,
};

/// Bodies and answers of all these formats.
pub(crate) const TEXT: Format = Format("bedrock.text");

/// How a family names the parameters that it takes: temperature, top_p, stop, limit, top_k.
struct Words {
    temperature: Option<&'static str>,
    top_p: Option<&'static str>,
    stop: Option<&'static str>,
    limit: &'static str,
    top_k: Option<&'static str>,
}

const fn words(
    limit: &'static str,
    top_p: &'static str,
    stop: Option<&'static str>,
    top_k: Option<&'static str>,
) -> Words {
    Words { temperature: Some("temperature"), top_p: Some(top_p), stop, limit, top_k }
}

fn words_of(family: Family) -> Words {
    match family {
        Family::Titan => words("maxTokenCount", "topP", Some("stopSequences"), None),
        Family::Jurassic => words("maxTokens", "topP", None, None),
        Family::Cohere => words("max_tokens", "p", Some("stop_sequences"), Some("k")),
        Family::Mistral => words("max_tokens", "top_p", Some("stop"), Some("top_k")),
        Family::Qwen => words("max_gen_len", "top_p", Some("stop"), Some("top_k")),
        _ => words("max_gen_len", "top_p", None, None),
    }
}

/// OpenAI's parameters that a family takes.
pub(crate) fn taken(family: Family) -> Vec<&'static str> {
    let mut taken = vec!["max_tokens", "max_completion_tokens", "temperature", "top_p"];
    if words_of(family).stop.is_some() {
        taken.push("stop");
    }
    if family == Family::Cohere {
        taken.extend(["frequency_penalty", "presence_penalty", "seed", "n"]);
    }
    taken
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let mut notes = Notes::default();
    let given = match attempt.call.operation {
        Operation::Completion => Cow::Owned(prompt::chat(attempt.call.completion()?)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let given = params::effective(attempt, &policy, given, &mut notes)?;
    let forwarded = params::settle_foreign(attempt, &policy, &given, &taken(model.family), &mut notes)?;
    let mut body = body(&given, model);
    forwarded.into_iter().for_each(|(name, value)| body.push(name, value));
    let consumed = &attempt.call.options.consumed;
    let own = given.extra.iter().filter(|(name, value)| !consumed.contains(name) && value.get() != "null");
    let added = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
    for (name, value) in own.chain(added.map(|(name, value)| (name.as_str(), &**value))) {
        body.push(name, value.to_owned());
    }
    if attempt.call.stream && model.family == Family::Cohere {
        body.push("stream", raw("true"));
    }
    let verb = if attempt.call.stream { "invoke-with-response-stream" } else { "invoke" };
    let request = request::post(attempt, model, verb, to_raw(&body).get().to_owned().into())?;
    Ok(Encoded { request, format: TEXT, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

fn body(given: &ChatRequest, model: &Model<'_>) -> Extra {
    let words = words_of(model.family);
    let mut body = Extra::new();
    let titan = model.family == Family::Titan;
    let mut settings = Extra::new();
    let mut set = |name: Option<&'static str>, value: Option<lockgate_core::Raw>| {
        if let (Some(name), Some(value)) = (name, value) {
            settings.push(name, value);
        }
    };
    set(Some(words.limit), given.max_output().as_ref().map(to_raw));
    set(words.temperature, given.temperature.as_ref().map(to_raw));
    set(words.top_p, given.top_p.as_ref().map(to_raw));
    set(words.stop, given.stop.as_ref().map(|stop| to_raw(stop.as_slice())));
    set(words.top_k, given.top_k.as_ref().map(to_raw));
    if model.family == Family::Cohere {
        set(Some("frequency_penalty"), given.frequency_penalty.as_ref().map(to_raw));
        set(Some("presence_penalty"), given.presence_penalty.as_ref().map(to_raw));
        set(Some("seed"), given.seed.as_ref().map(to_raw));
        set(Some("num_generations"), given.n.as_ref().map(to_raw));
    }
    let prompt = to_raw(&text(model, &given.messages));
    body.push(if titan { "inputText" } else { "prompt" }, prompt);
    if titan {
        body.push("textGenerationConfig", to_raw(&settings));
    } else {
        settings.iter().for_each(|(name, value)| body.push(name, value.to_owned()));
    }
    body
}

/// The conversation as one text, as the family has learnt it.
fn text(model: &Model<'_>, messages: &[Message]) -> String {
    match model.family {
        Family::Llama if model.id.contains("llama2") => render("llama-2-chat", messages),
        Family::Llama => render("meta-llama-3-instruct", messages),
        Family::Mistral => render("mistral-instruct", messages),
        Family::Qwen => render("qwen-chat", messages),
        Family::DeepSeek => deepseek(messages),
        Family::Titan => titan(messages),
        _ => said(messages).map(|(_, text)| text).collect::<Vec<_>>().join("\n\n"),
    }
}

fn said(messages: &[Message]) -> impl Iterator<Item = (&str, String)> {
    messages.iter().map(|message| {
        let text = message.content.as_ref().map(Content::text).unwrap_or_default();
        (message.role.as_str(), text)
    })
}

fn titan(messages: &[Message]) -> String {
    let mut prompt = String::new();
    for (role, text) in said(messages) {
        match role {
            "system" | "developer" => prompt.push_str(&format!("\n\nUser: <admin>{text}</admin>")),
            "assistant" => prompt.push_str(&format!("\n\nBot: {text}")),
            _ => prompt.push_str(&format!("\n\nUser: {text}")),
        }
    }
    prompt.push_str("\n\nBot: ");
    prompt
}

fn deepseek(messages: &[Message]) -> String {
    let mut prompt = String::from("<｜begin▁of▁sentence｜>");
    for (role, text) in said(messages) {
        match role {
            "system" | "developer" => prompt.push_str(&text),
            "assistant" => prompt.push_str(&format!("<｜Assistant｜>{text}<｜end▁of▁sentence｜>")),
            _ => prompt.push_str(&format!("<｜User｜>{text}")),
        }
    }
    prompt.push_str("<｜Assistant｜><think>\n");
    prompt
}

view! {
    /// An answer, or a piece of one, of any family.
    #[derive(Clone, Debug, Default)]
    struct AnswerView {
        generation: Option<String>,
        output_text as "outputText": Option<String>,
        text: Option<String>,
        results: Option<Vec<AnswerView>>,
        generations: Option<Vec<AnswerView>>,
        outputs: Option<Vec<AnswerView>>,
        completions: Option<Vec<AnswerView>>,
        choices: Option<Vec<AnswerView>>,
        data: Option<Box<AnswerView>>,
        message: Option<Box<AnswerView>>,
        delta: Option<Box<AnswerView>>,
        content: Option<String>,
        stop_reason: Option<String>,
        finish_reason: Option<String>,
        completion_reason as "completionReason": Option<String>,
        finish as "finishReason": Option<lockgate_core::Raw>,
        usage: Option<OwnUsage>,
        metrics as "amazon-bedrock-invocationMetrics": Option<Metrics>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OwnUsage {
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metrics {
        input as "inputTokenCount": Option<u64>,
        output as "outputTokenCount": Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Reason {
        reason: Option<String>,
    }
}

impl AnswerView {
    /// The answers in it: several where a family gives several.
    fn answers(&self) -> &[AnswerView] {
        let lists = [&self.results, &self.generations, &self.outputs, &self.completions, &self.choices];
        let list = lists.into_iter().flatten().find(|list| !list.is_empty());
        match list {
            Some(list) if self.generation.is_none() => list,
            _ => std::slice::from_ref(self),
        }
    }

    fn said(&self) -> &str {
        let own = self.generation.as_deref().or(self.output_text.as_deref()).or(self.text.as_deref());
        let inner = || {
            let inner = self.message.as_deref().or(self.delta.as_deref()).or(self.data.as_deref())?;
            inner.content.as_deref().or(inner.text.as_deref())
        };
        own.or_else(inner).unwrap_or_default()
    }

    fn reason(&self) -> Option<String> {
        let own = [&self.stop_reason, &self.finish_reason, &self.completion_reason];
        let own = own.into_iter().flatten().next().cloned();
        own.or_else(|| lockgate_core::json::read::<Reason>(self.finish.as_deref()?)?.reason)
    }

    fn usage(&self) -> Option<Usage> {
        let (input, output) = match (&self.metrics, &self.usage) {
            (Some(metrics), _) => (metrics.input?, metrics.output.unwrap_or(0)),
            (None, Some(usage)) => (usage.prompt_tokens?, usage.completion_tokens.unwrap_or(0)),
            (None, None) => return None,
        };
        Some(Usage { input, output, ..Usage::default() })
    }
}

/// The hub's word for why the model stopped.
fn finish(word: &str) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" => FinishReason::Length,
        "content_filtered" | "content_filter" | "error_toxic" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

pub(crate) fn decode(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Result<Reply> {
    let view: AnswerView = serde_json::from_slice(body).map_err(|why| refusal::malformed(body, why))?;
    let reasons = Model::of(attempt.target).family == Family::DeepSeek;
    let choices = (0..).zip(view.answers()).map(|(index, answer)| Choice {
        index,
        message: message(answer.said(), reasons),
        finish: Some(
            answer.reason().or_else(|| view.reason()).map_or(FinishReason::Stop, |word| finish(&word)),
        ),
        ..Choice::default()
    });
    let reply = ChatReply {
        id: response::id(head),
        model: Model::of(attempt.target).name.to_owned(),
        choices: choices.collect(),
        usage: view.usage().or_else(|| counted(&head.headers)).or_else(|| estimate(attempt, &view)),
        ..ChatReply::default()
    };
    Ok(match attempt.call.operation {
        Operation::Completion => Reply::Completion(Box::new(reply.into())),
        _ => Reply::Chat(Box::new(reply)),
    })
}

/// What was said; a model whose prompt opens its thoughts ends them itself.
fn message(text: &str, reasons: bool) -> Message {
    let (thoughts, text) = match text.split_once("</think>") {
        Some((thoughts, text)) if reasons => (Some(thoughts.trim_start_matches("<think>").to_owned()), text),
        _ => (None, text),
    };
    Message {
        role: "assistant".to_owned(),
        content: Some(Content::Text(text.to_owned())),
        reasoning_content: thoughts,
        ..Message::default()
    }
}

/// Our own count, if nobody says.
fn estimate(attempt: &Attempt<'_>, view: &AnswerView) -> Option<Usage> {
    let count = attempt.target.facts.count_tokens?;
    let prompt = text(&Model::of(attempt.target), &attempt.call.chat().ok()?.messages);
    let output = view.answers().iter().map(|answer| count(answer.said())).sum();
    Some(Usage { input: count(&prompt), output, estimated: true, ..Usage::default() })
}

/// What AWS counted: it says so in headers.
pub(crate) fn counted(headers: &HeaderMap) -> Option<Usage> {
    let count = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let input = count("x-amzn-bedrock-input-token-count")?;
    let output = count("x-amzn-bedrock-output-token-count").unwrap_or(0);
    Some(Usage { input, output, ..Usage::default() })
}

/// Reads a stream of pieces of text.
pub(crate) struct Decoder {
    frames: Frames,
    model: String,
    id: String,
    /// Thoughts are going on; what may be the start of the mark that ends them is held back.
    thoughts: Option<String>,
    started: bool,
    stopped: bool,
    failed: bool,
    usage: Option<Usage>,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, head: &Parts) -> Self {
        let reasons = Model::of(attempt.target).family == Family::DeepSeek;
        Self {
            frames: Frames::default(),
            model: Model::of(attempt.target).name.to_owned(),
            id: response::id(head),
            thoughts: reasons.then(String::new),
            started: false,
            stopped: false,
            failed: false,
            usage: None,
        }
    }

    fn piece(&mut self, json: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let view: AnswerView = serde_json::from_slice(json).map_err(|why| refusal::malformed(json, why))?;
        if !std::mem::replace(&mut self.started, true) {
            let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
            out.push(Event::Start { id, model, created: None, usage: None });
        }
        self.usage = view.usage().or(self.usage.take());
        for (choice, answer) in (0..).zip(view.answers()) {
            self.text(choice, answer.said(), out);
            if let Some(word) = answer.reason().filter(|_| choice == 0 && !self.stopped) {
                self.flush(out);
                self.stopped = true;
                out.push(Event::Finish { choice, reason: finish(&word), native: None, stop_sequence: None });
            }
        }
        Ok(())
    }

    fn text(&mut self, choice: u32, text: &str, out: &mut Vec<Event>) {
        const END: &str = "</think>";
        if text.is_empty() {
            return;
        }
        let Some(held) = &mut self.thoughts else {
            out.push(Event::Text { choice, text: text.to_owned() });
            return;
        };
        held.push_str(text);
        if let Some((thoughts, rest)) = held.split_once(END) {
            let (thoughts, rest) = (thoughts.to_owned(), rest.to_owned());
            self.thoughts = None;
            reason(choice, thoughts, out);
            if !rest.is_empty() {
                out.push(Event::Text { choice, text: rest });
            }
            return;
        }
        let kept = (1..END.len()).rev().find(|size| held.ends_with(END.get(..*size).unwrap_or(END)));
        let tail = held.split_off(held.len().saturating_sub(kept.unwrap_or(0)));
        let thoughts = std::mem::replace(held, tail);
        reason(choice, thoughts, out);
    }

    fn flush(&mut self, out: &mut Vec<Event>) {
        if let Some(held) = self.thoughts.take() {
            reason(0, held, out);
        }
    }
}

fn reason(choice: u32, text: String, out: &mut Vec<Event>) {
    if !text.is_empty() {
        out.push(Event::Reasoning { choice, text });
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let mut frames = std::mem::take(&mut self.frames);
        let fed = frames.feed(bytes, |frame| match frame {
            _ if self.failed => Ok(()),
            Frame::Event { payload, .. } => self.piece(&chunk(&payload)?, out),
            failure => {
                self.failed = true;
                out.push(Event::Failure(error::in_stream(&failure)));
                Ok(())
            }
        });
        self.frames = frames;
        fed
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.failed {
            return Ok(());
        }
        self.frames.finish()?;
        if !self.stopped {
            return Err(Error::invalid_response(
                "The provider's stream ended before the answer was complete.",
            ));
        }
        self.flush(out);
        out.extend(self.usage.take().map(|usage| Event::Usage(Box::new(usage))));
        out.push(Event::Done);
        Ok(())
    }
}
