//! A hub reply as a response object.

use lockgate_core::{
    Call, ChatReply, Choice, Error, ErrorKind, FinishReason, Raw, Usage,
    hub::{FunctionCall, Message},
    json::{raw, read},
    wire::{lenient_view, quote},
};
use serde_json::value::RawValue;

use super::{parse, reasoning};
use crate::{
    json::{Json, list},
    surface::answer_time,
};

/// Members of the request that the answer repeats as they came.
const REPEATED: [&str; 11] = [
    "background",
    "instructions",
    "max_output_tokens",
    "previous_response_id",
    "reasoning",
    "service_tier",
    "store",
    "temperature",
    "text",
    "top_p",
    "truncation",
];

/// What all versions of one response share: it is written when it begins and when it ends.
pub(super) struct Envelope {
    /// The response's id.
    pub(super) id: String,
    /// What the ids of its items are made of.
    seed: String,
    model: String,
    created: i64,
    /// Members of the request that are repeated, as JSON, each with a comma before it.
    repeated: String,
    custom_tools: Vec<String>,
    /// What the provider says of the whole answer, beyond this API's words.
    pub(super) fields: Option<Raw>,
}

/// How far a response is.
pub(super) enum State<'a> {
    Queued,
    InProgress,
    Completed,
    Incomplete(&'static str),
    Failed(&'a Error),
}

impl Envelope {
    pub(super) fn new(call: &Call) -> Self {
        let seed: String = call.id.chars().filter(char::is_ascii_alphanumeric).collect();
        let id = call.answer_id.clone().unwrap_or_else(|| format!("resp_{seed}"));
        let seed = id.strip_prefix("resp_").unwrap_or(&id).to_owned();
        let mut repeated = String::new();
        let mut repeat = |key: &str, value: &str| {
            repeated.push(',');
            repeated.push_str(&quote(key));
            repeated.push(':');
            repeated.push_str(value);
        };
        for key in REPEATED {
            if let Some(value) = call.body.raw(key).filter(|value| *value != "null") {
                repeat(key, value);
            }
        }
        for (key, usual) in [
            ("metadata", "{}"),
            ("parallel_tool_calls", "false"),
            ("tool_choice", "\"auto\""),
            ("tools", "[]"),
            ("user", "null"),
        ] {
            repeat(key, call.body.raw(key).filter(|value| *value != "null").unwrap_or(usual));
        }
        Self {
            id,
            seed,
            model: call.model.clone(),
            created: answer_time(call, None),
            repeated,
            custom_tools: parse::custom_tools(call),
            fields: None,
        }
    }

    /// The provider's own time of the answer.
    pub(super) fn dated(&mut self, created: Option<i64>) {
        self.created = created.unwrap_or(self.created);
    }

    /// The id of the item at that place.
    pub(super) fn item_id(&self, prefix: &str, place: usize) -> String {
        format!("{prefix}_{}_{place}", self.seed)
    }

    /// Whether the model's function of this name is a custom tool of the client's.
    pub(super) fn is_custom(&self, name: &str) -> bool {
        self.custom_tools.iter().any(|own| own == name)
    }

    /// The response object.
    pub(super) fn response(&self, state: &State<'_>, output: &[&str], usage: Option<&Usage>) -> String {
        let (status, error, details) = match state {
            State::Queued => ("queued", None, None),
            State::InProgress => ("in_progress", None, None),
            State::Completed => ("completed", None, None),
            State::Incomplete(reason) => ("incomplete", None, Some(*reason)),
            State::Failed(error) => ("failed", Some(*error), None),
        };
        let error = error.map_or_else(|| "null".to_owned(), self::error);
        let details =
            details.map_or_else(|| "null".to_owned(), |reason| format!("{{\"reason\":{}}}", quote(reason)));
        let usage = usage.map_or_else(|| "null".to_owned(), self::usage);
        let fields = self.fields.as_ref();
        let fields = fields.map(|fields| format!(",\"provider_specific_fields\":{}", fields.get()));
        format!(
            "{{\"id\":{},\"object\":\"response\",\"created_at\":{},\"status\":\"{status}\",\"error\":{error},\
             \"incomplete_details\":{details},\"model\":{},\"output\":{}{},\"usage\":{}{}}}",
            quote(&self.id),
            self.created,
            quote(&self.model),
            list(output),
            self.repeated,
            usage,
            fields.unwrap_or_default()
        )
    }
}

/// The response to a call that waits for its turn.
pub fn queued(call: &Call) -> Raw {
    raw(Envelope::new(call).response(&State::Queued, &[], None))
}

/// What a failed response says of its failure.
pub fn error(error: &Error) -> String {
    Json::new().text("code", code(error)).text("message", error.message()).into_text()
}

/// A whole answer.
pub(super) fn response(call: &Call, reply: &ChatReply) -> String {
    let mut envelope = Envelope::new(call);
    envelope.dated(reply.created);
    let mut output = Vec::new();
    for choice in &reply.choices {
        items(&envelope, choice, &mut output);
    }
    let finish = reply.choices.first().and_then(|choice| choice.finish.as_ref());
    let output: Vec<&str> = output.iter().map(String::as_str).collect();
    envelope.response(&ended(finish), &output, reply.usage.as_ref())
}

/// The state of an answer that ended for this reason.
pub(super) fn ended(finish: Option<&FinishReason>) -> State<'static> {
    match finish {
        Some(FinishReason::Length) => State::Incomplete("max_output_tokens"),
        Some(FinishReason::ContentFilter) => State::Incomplete("content_filter"),
        _ => State::Completed,
    }
}

fn items(envelope: &Envelope, choice: &Choice, output: &mut Vec<String>) {
    let message = &choice.message;
    output.extend(searches(message).iter().map(|search| search.get().to_owned()));
    let blocks = message.thinking_blocks.as_deref().unwrap_or_default();
    let texts: Vec<&str> =
        message.reasoning_content.as_deref().into_iter().filter(|text| !text.is_empty()).collect();
    let sealed = reasoning::seal(blocks, message.provider_specific_fields.as_ref());
    let in_calls = message.tool_calls.iter().flatten().any(|call| call.provider_specific_fields.is_some());
    if !texts.is_empty() || !blocks.is_empty() || (sealed.is_some() && !in_calls) {
        output.push(reasoning_item(&envelope.item_id("rs", output.len()), &texts, sealed.as_deref()));
    }
    let pictures = message.images.as_deref().map(images).unwrap_or_default();
    let text = message.content.as_ref().map(|content| content.text()).filter(|text| !text.is_empty());
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    if text.is_some() || message.refusal.is_some() || (calls.is_empty() && pictures.is_empty()) {
        let mut parts = Vec::new();
        if text.is_some() || message.refusal.is_none() {
            let annotations = message.annotations.as_deref().map(annotations).unwrap_or_default();
            let logprobs = choice.logprobs.as_deref().map(logprobs).unwrap_or_default();
            parts.push(text_part(text.as_deref().unwrap_or_default(), &annotations, &logprobs));
        }
        parts.extend(message.refusal.as_deref().map(refusal_part));
        let status = if matches!(ended(choice.finish.as_ref()), State::Completed) {
            "completed"
        } else {
            "incomplete"
        };
        output.push(message_item(&envelope.item_id("msg", output.len()), status, &parts));
    }
    for picture in pictures {
        output.push(image_item(&envelope.item_id("ig", output.len()), &picture));
    }
    for call in calls {
        let FunctionCall { name, arguments, .. } = call.function.clone().unwrap_or_default();
        let called = Called {
            call_id: call.id.as_deref().unwrap_or_default(),
            name: &name.unwrap_or_default(),
            arguments: &arguments.unwrap_or_default(),
            status: "completed",
            fields: call.provider_specific_fields.as_ref(),
        };
        output.push(called.item(envelope));
    }
}

/// Web searches that a provider ran, in this API's words already.
fn searches(message: &Message) -> Vec<Raw> {
    lenient_view! {
        #[derive(Default)]
        struct Fields {
            web_search_calls: Vec<Raw>,
        }
    }
    let fields = message.provider_specific_fields.as_deref();
    let fields = fields.and_then(|raw| serde_json::from_str::<Fields>(raw.get()).ok()).unwrap_or_default();
    fields.web_search_calls.unwrap_or_default()
}

pub(super) fn reasoning_item(id: &str, texts: &[&str], sealed: Option<&str>) -> String {
    let parts = list(texts.iter().map(|text| summary_part(text)));
    let json = Json::new().text("id", id).text("type", "reasoning").raw("summary", &parts);
    json.maybe("encrypted_content", sealed).into_text()
}

pub(super) fn summary_part(text: &str) -> String {
    Json::new().text("type", "summary_text").text("text", text).into_text()
}

pub(super) fn message_item(id: &str, status: &str, parts: &[String]) -> String {
    Json::new()
        .text("id", id)
        .text("type", "message")
        .text("status", status)
        .text("role", "assistant")
        .raw("content", &list(parts))
        .into_text()
}

pub(super) fn text_part(text: &str, annotations: &[Raw], logprobs: &[Raw]) -> String {
    Json::new()
        .text("type", "output_text")
        .text("text", text)
        .raw("annotations", &list(annotations.iter().map(|own| own.get())))
        .raw("logprobs", &list(logprobs.iter().map(|own| own.get())))
        .into_text()
}

pub(super) fn refusal_part(text: &str) -> String {
    Json::new().text("type", "refusal").text("refusal", text).into_text()
}

/// A call of a function, or of a custom tool.
pub(super) struct Called<'a> {
    pub(super) call_id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
    pub(super) status: &'a str,
    /// `provider_specific_fields` of the call.
    pub(super) fields: Option<&'a Raw>,
}

impl Called<'_> {
    pub(super) fn item(&self, envelope: &Envelope) -> String {
        let custom = envelope.is_custom(self.name);
        let (id, kind) = if custom {
            (custom_id(self.call_id), "custom_tool_call")
        } else {
            (call_item_id(self.call_id), "function_call")
        };
        let json = Json::new()
            .text("id", &id)
            .text("type", kind)
            .text("status", self.status)
            .text("call_id", self.call_id)
            .text("name", self.name);
        let json = if custom {
            json.text("input", &custom_input(self.arguments))
        } else {
            json.text("arguments", self.arguments)
        };
        match self.fields {
            Some(fields) => json.raw("provider_specific_fields", fields.get()).into_text(),
            None => json.into_text(),
        }
    }
}

pub(super) fn call_item_id(call_id: &str) -> String {
    format!("fc_{call_id}")
}

pub(super) fn custom_id(call_id: &str) -> String {
    format!("ctc_{call_id}")
}

/// The input of a custom tool that was called as a function of one parameter.
pub(super) fn custom_input(arguments: &str) -> String {
    lenient_view! {
        #[derive(Default)]
        struct Arguments {
            input: String,
        }
    }
    let own = serde_json::from_str::<Arguments>(arguments).ok().and_then(|own| own.input);
    own.unwrap_or_else(|| arguments.to_owned())
}

pub(super) fn image_item(id: &str, picture: &str) -> String {
    Json::new()
        .text("id", id)
        .text("type", "image_generation_call")
        .text("status", "completed")
        .text("result", picture)
        .into_text()
}

/// The pictures of a message, as base64.
pub(super) fn images(list: &RawValue) -> Vec<String> {
    lenient_view! {
        #[derive(Default)]
        struct Picture {
            image_url: Raw,
        }
    }
    let list: Vec<Picture> = serde_json::from_str(list.get()).unwrap_or_default();
    let urls = list
        .into_iter()
        .filter_map(|picture| read::<lockgate_core::hub::ImageUrl>(picture.image_url.as_deref()?));
    urls.map(|image| image.url().split_once(";base64,").map_or(image.url(), |(_, data)| data).to_owned())
        .collect()
}

/// A chat's annotations without the wrapper around their members.
pub(super) fn annotations(list: &RawValue) -> Vec<Raw> {
    lenient_view! {
        #[derive(Default)]
        struct Annotation {
            kind as "type": String,
            url_citation: Raw,
            file_citation: Raw,
        }
    }
    let list: Vec<Raw> = serde_json::from_str(list.get()).unwrap_or_default();
    let flat = |own: Raw| {
        let wire: Annotation = serde_json::from_str(own.get()).ok()?;
        let inner = wire.url_citation.or(wire.file_citation)?;
        let inner: lockgate_core::Extra = serde_json::from_str(inner.get()).ok()?;
        let kind = wire.kind.unwrap_or_else(|| "url_citation".to_owned());
        Some(Json::new().text("type", &kind).extra(&inner).finish())
    };
    list.into_iter().map(|own| flat(own.clone()).unwrap_or(own)).collect()
}

/// The tokens of a chat's log probabilities.
pub(super) fn logprobs(logprobs: &RawValue) -> Vec<Raw> {
    lenient_view! {
        #[derive(Default)]
        struct Logprobs {
            content: Vec<Raw>,
        }
    }
    let own = serde_json::from_str::<Logprobs>(logprobs.get()).unwrap_or_default();
    own.content.unwrap_or_default()
}

/// Consumption in this API's words.
pub(super) fn usage(usage: &Usage) -> String {
    let counts = |pairs: &[(&str, Option<u64>)]| {
        let json = pairs.iter().fold(Json::new(), |json, (key, count)| match count {
            Some(count) => json.raw(key, &count.to_string()),
            None => json,
        });
        json.into_text()
    };
    let input = counts(&[
        ("cached_tokens", Some(usage.cache_read.unwrap_or(0))),
        ("cache_write_tokens", Some(usage.cache_write.unwrap_or(0))),
        ("audio_tokens", usage.audio_input),
        ("image_tokens", usage.image_input),
        ("video_tokens", usage.video_input),
    ]);
    let output = counts(&[
        ("reasoning_tokens", Some(usage.reasoning.unwrap_or(0))),
        ("audio_tokens", usage.audio_output),
        ("image_tokens", usage.image_output),
    ]);
    Json::new()
        .raw("input_tokens", &usage.input.to_string())
        .raw("input_tokens_details", &input)
        .raw("output_tokens", &usage.output.to_string())
        .raw("output_tokens_details", &output)
        .raw("total_tokens", &usage.total().to_string())
        .into_text()
}

/// This API's word for what went wrong.
pub(super) fn code(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::RateLimit => "rate_limit_exceeded",
        ErrorKind::BadRequest
        | ErrorKind::UnsupportedParams
        | ErrorKind::ContextWindow
        | ErrorKind::ContentPolicy
        | ErrorKind::Unprocessable => "invalid_prompt",
        _ => "server_error",
    }
}
