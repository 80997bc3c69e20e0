//! Whole answers.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, FinishReason, Format, Operation, Raw, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json,
    whole::lacking,
    wire::{lenient_view, quote},
};
use serde_json::value::RawValue;

use crate::{
    COUNT_TOKENS, EMBED, GENERATE, GENERATE_ARRAY,
    contents::SIGNATURE_MARK,
    embed, error, pictures, remarks, sound, usage,
    wire::{AnswerView, BlobView, Body, CallView, CandidateView, FeedbackView, PartView, raw, to_raw},
};

/// How long a client may refer to a spoken answer, in seconds; it is kept nowhere, so this is a formality.
const AUDIO_KEPT: i64 = 86_400;

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct CountView {
        total as "totalTokens": u64,
        error: Raw,
    }
}

/// Reads a successful answer.
pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, body: &Bytes) -> Result<Reply> {
    match encoded.format {
        EMBED => embed::decode(attempt, body),
        COUNT_TOKENS => {
            let view: CountView = json::answer(body)?;
            error::check(view.error.as_ref(), body)?;
            let input = view.total;
            input.map(|input| Reply::TokenCount { input }).ok_or_else(|| {
                Error::invalid_response("The provider's answer has no `totalTokens`.").with_body(body.clone())
            })
        }
        _ => match attempt.call.operation {
            Operation::ImageGeneration | Operation::ImageEdit => pictures::decode(attempt, body),
            Operation::Speech => sound::spoken(attempt, body),
            Operation::Transcription | Operation::Translation => sound::heard(body),
            _ => chat(attempt, body).map(|reply| Reply::Chat(Box::new(reply))),
        },
    }
}

/// Checks an answer that is relayed.
pub(crate) fn inspect(format: Format, body: &Bytes) -> Result<Option<Usage>> {
    lenient_view! {
        struct Glance {
            candidates: Vec<Any>,
            prompt_feedback as "promptFeedback": FeedbackView,
            usage as "usageMetadata": Raw,
            error: Raw,
        }
    }
    lenient_view! {
        struct Any {}
    }
    let view: Glance = json::answer(body)?;
    error::check(view.error.as_ref(), body)?;
    let blocked = view.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    let says = blocked || view.candidates.is_some_and(|list| !list.is_empty());
    if matches!(format, GENERATE | GENERATE_ARRAY) && !says {
        return Err(lacking("`candidates`", body));
    }
    Ok(view.usage.as_deref().and_then(usage::hub))
}

fn chat(attempt: &Attempt<'_>, body: &Bytes) -> Result<ChatReply> {
    let view: AnswerView = json::answer(body)?;
    error::check(view.error.as_ref(), body)?;
    let blocked = view.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
    let candidates = view.candidates.unwrap_or_default();
    if candidates.is_empty() && !blocked {
        return Err(lacking("`candidates`", body));
    }
    let mut reply = ChatReply {
        id: view.response_id.unwrap_or_default(),
        model: view.model_version.unwrap_or_else(|| attempt.target.model.to_string()),
        usage: view.usage.as_deref().and_then(usage::hub),
        ..ChatReply::default()
    };
    if let Some(usage) = &mut reply.usage {
        usage.web_searches = remarks::searches(&candidates);
    }
    for (key, value) in remarks::metadata(&candidates) {
        reply.extra.push(key, value);
    }
    if candidates.is_empty() {
        let choice = Choice { finish: Some(FinishReason::ContentFilter), ..Choice::default() };
        reply.choices.push(choice);
    }
    let ids = Ids::new(attempt, &reply.id);
    let choices =
        candidates.into_iter().enumerate().map(|(at, candidate)| choice(at, candidate, &ids, attempt));
    reply.choices.extend(choices);
    Ok(reply)
}

/// Makes the ids of tool calls that the provider gave none: the same for the same answer.
#[derive(Clone, Debug)]
pub(crate) struct Ids(String);

impl Ids {
    pub(crate) fn new(attempt: &Attempt<'_>, response: &str) -> Self {
        // Clients join the answers of several turns, so that the call's own id must be in it.
        let seed = if attempt.call.id.is_empty() { response } else { &attempt.call.id };
        Self(seed.chars().filter(char::is_ascii_alphanumeric).collect())
    }

    /// The id of the n-th call of an answer, with its signature for clients that keep nothing else.
    pub(crate) fn id(&self, call: &CallView, choice: u32, number: u32, signature: Option<&str>) -> String {
        let id = match &call.id {
            Some(own) if !own.is_empty() => own.clone(),
            _ if choice == 0 => format!("call_{}{number}", self.0),
            _ => format!("call_{}{choice}x{number}", self.0),
        };
        match signature {
            Some(signature) => format!("{id}{SIGNATURE_MARK}{signature}"),
            None => id,
        }
    }
}

fn choice(at: usize, candidate: CandidateView, ids: &Ids, attempt: &Attempt<'_>) -> Choice {
    let index = candidate.index.unwrap_or_else(|| u32::try_from(at).unwrap_or(u32::MAX));
    let mut message = Message { role: "assistant".to_owned(), ..Message::default() };
    let has_content = candidate.content.is_some();
    let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
    let mut said = Said::default();
    for part in parts {
        said.part(part, index, ids);
    }
    said.put_into(&mut message, attempt);
    message.annotations = candidate.grounding_metadata.as_deref().and_then(remarks::annotations);
    let called = message.tool_calls.is_some();
    let word = candidate.finish_reason;
    let mut choice = Choice {
        index,
        finish: word.as_deref().map(|word| finish(word, called)),
        logprobs: candidate.logprobs_result.as_deref().and_then(remarks::logprobs),
        message,
        ..Choice::default()
    };
    if let Some(word) = word {
        if has_content {
            let native = Body::default().with("native_finish_reason", &word);
            choice.extra.push("provider_specific_fields", native.into_raw());
        }
        choice.native_finish = Some(word);
    }
    choice
}

/// The pieces of a message.
#[derive(Default)]
struct Said {
    text: String,
    thoughts: Vec<String>,
    calls: Vec<ToolCall>,
    images: Vec<Raw>,
    audio: Option<String>,
    signatures: Vec<String>,
}

impl Said {
    fn part(&mut self, part: PartView, choice: u32, ids: &Ids) {
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        if let Some(call) = part.function_call {
            let number = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
            self.calls.push(tool_call(&call, choice, number, ids, signature.as_deref()));
        }
        match (part.text, part.thought) {
            (Some(text), Some(true)) => self.thoughts.push(text),
            (Some(text), _) => self.text.push_str(&text),
            (None, _) => {}
        }
        match part.inline_data.map(Inline::of) {
            Some(Inline::Audio(data)) => self.audio.get_or_insert_default().push_str(&data),
            Some(Inline::Image(url)) => self.images.push(image(&url, self.images.len())),
            None => {}
        }
        self.signatures.extend(signature);
    }

    fn put_into(self, message: &mut Message, attempt: &Attempt<'_>) {
        message.content = Some(Content::Text(self.text)).filter(|text| !text.is_empty());
        if !self.thoughts.is_empty() {
            message.reasoning_content = Some(self.thoughts.concat());
            let block =
                |text: &String| Body::default().with("type", "thinking").with("thinking", text).into_raw();
            message.thinking_blocks = Some(self.thoughts.iter().map(block).collect());
        }
        message.tool_calls = Some(self.calls).filter(|calls| !calls.is_empty());
        message.images = (!self.images.is_empty()).then(|| to_raw(&self.images));
        message.audio = self.audio.map(|data| audio(&data, attempt));
        if !self.signatures.is_empty() {
            let fields = Body::default().with("thought_signatures", &self.signatures);
            message.provider_specific_fields = Some(fields.into_raw());
        }
    }
}

/// What came inline.
pub(crate) enum Inline {
    /// Sound, as base64.
    Audio(String),
    /// A picture or another file, as a data URL.
    Image(String),
}

impl Inline {
    pub(crate) fn of(blob: BlobView) -> Self {
        let (mime, data) = (blob.mime_type.unwrap_or_default(), blob.data.unwrap_or_default());
        if mime.starts_with("audio/") {
            Self::Audio(data)
        } else {
            Self::Image(format!("data:{mime};base64,{data}"))
        }
    }
}

/// An image in the form that LiteLLM established.
pub(crate) fn image(url: &str, index: usize) -> Raw {
    raw(format!(
        "{{\"image_url\":{{\"url\":{},\"detail\":\"auto\"}},\"index\":{index},\"type\":\"image_url\"}}",
        quote(url)
    ))
}

/// A spoken answer in OpenAI's form.
pub(crate) fn audio(data: &str, attempt: &Attempt<'_>) -> Raw {
    let since = attempt.call.received.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let expires = i64::try_from(since.as_secs()).unwrap_or(0).saturating_add(AUDIO_KEPT);
    Body::default()
        .with("id", &format!("audio_{}", attempt.call.id))
        .with("data", data)
        .with("expires_at", &expires)
        .with("transcript", "")
        .into_raw()
}

fn tool_call(call: &CallView, choice: u32, number: u32, ids: &Ids, signature: Option<&str>) -> ToolCall {
    ToolCall {
        index: Some(number),
        id: Some(ids.id(call, choice, number, signature)),
        kind: Some("function".to_owned()),
        function: Some(FunctionCall {
            name: call.name.clone(),
            arguments: Some(arguments(call)),
            ..FunctionCall::default()
        }),
        provider_specific_fields: signature.map(signature_fields),
        ..ToolCall::default()
    }
}

/// The arguments of a call; Gemini leaves them out for functions without parameters.
pub(crate) fn arguments(call: &CallView) -> String {
    call.args.as_deref().map(RawValue::get).filter(|args| *args != "null").unwrap_or("{}").to_owned()
}

pub(crate) fn signature_fields(signature: &str) -> Raw {
    Body::default().with("thought_signature", signature).into_raw()
}

/// Why the model stopped.
pub(crate) fn finish(word: &str, called: bool) -> FinishReason {
    match word {
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "MODEL_ARMOR" => FinishReason::ContentFilter,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}
