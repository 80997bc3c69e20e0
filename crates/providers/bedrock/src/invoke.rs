//! Models that are spoken to in a format of their own, through Invoke: one prompt, one text.

mod answer;
mod stream;

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, response::Parts};
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, Extra, FinishReason, Format, Memo, Notes, Operation, Reply,
    Result, Usage,
    hub::{ChatRequest, Content, Message},
    json::{self, raw, to_raw},
    params,
    prompt::{render, report_left_out},
};

pub(crate) use stream::Decoder;

use self::answer::{AnswerView, finish};
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
    report_left_out(&given.messages, &mut notes);
    if given.top_k.is_some() && words_of(model.family).top_k.is_none() {
        notes.dropped.push("top_k".to_owned());
    }
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

pub(crate) fn decode(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Result<Reply> {
    let view: AnswerView = json::answer(body)?;
    if !view.answers().iter().any(AnswerView::is_some) {
        let error = Error::invalid_response("The provider's answer has no text.");
        return Err(error.with_body(body.clone()));
    }
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
