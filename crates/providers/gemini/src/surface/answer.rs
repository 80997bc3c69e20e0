//! Whole answers in Gemini's words, and the pieces that streams share with them.

use lockgate_core::{
    Call, ChatReply, Choice, EmbeddingReply, FinishReason, Raw, Usage,
    hub::{Content, FunctionCall, Message, Part},
    wire::lenient_view,
};
use serde_json::value::RawValue;

use super::{opaque, remarks};
use crate::{
    EMBED_ONE,
    contents::{SIGNATURE_MARK, plain_id},
    wire::{Body, array, read},
};

/// Google's words for why a model stopped that the hub has no words for.
const NATIVE: [&str; 16] = [
    "BLOCKLIST",
    "IMAGE_OTHER",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "IMAGE_SAFETY",
    "LANGUAGE",
    "MALFORMED_FUNCTION_CALL",
    "MALFORMED_RESPONSE",
    "MODEL_ARMOR",
    "NO_IMAGE",
    "OTHER",
    "PROHIBITED_CONTENT",
    "RECITATION",
    "SPII",
    "TOO_MANY_TOOL_CALLS",
    "UNEXPECTED_TOOL_CALL",
];

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct CallFields {
        thought_signature: String,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct MessageFields {
        thought_signatures: Vec<String>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Block {
        thinking: String,
        signature: String,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Shown {
        image_url: Address,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Address {
        url: String,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Sound {
        data: String,
    }
}

/// A chat's answer.
pub(super) fn chat(call: &Call, reply: &ChatReply) -> Body {
    let mut out = Body::default();
    out.raw("candidates", array(reply.choices.iter().map(|choice| candidate(choice).into_json())));
    if let Some(usage) = &reply.usage {
        out.put("usageMetadata", self::usage(usage));
    }
    identity(&mut out, call, &reply.model, &reply.id);
    out
}

/// Which model gave which answer.
pub(super) fn identity(out: &mut Body, call: &Call, model: &str, id: &str) {
    out.set("modelVersion", if model.is_empty() { call.model.as_str() } else { model });
    out.set("responseId", if id.is_empty() { call.id.as_str() } else { id });
}

/// The answer to one or to several `embedContent`s.
pub(super) fn embedding(call: &Call, reply: &EmbeddingReply) -> Body {
    let mut vectors = reply.vectors.iter().map(|values| Body::default().with("values", values).into_json());
    let mut out = Body::default();
    if call.format == EMBED_ONE {
        out.raw("embedding", vectors.next().unwrap_or_else(|| "{}".to_owned()));
    } else {
        out.raw("embeddings", array(vectors));
    }
    if let Some(usage) = &reply.usage {
        let tokens = Body::default().with("promptTokenCount", &usage.input);
        out.put("usageMetadata", tokens.with("totalTokenCount", &usage.total()));
    }
    out
}

fn candidate(choice: &Choice) -> Body {
    let parts = parts(&choice.message);
    let reason = choice.finish.as_ref().unwrap_or(&FinishReason::Stop);
    let mut out = Body::default();
    out.put("content", content(&parts));
    out.set("finishReason", finish(reason, choice.native_finish.as_deref()));
    out.set("index", &choice.index);
    out.some(
        "groundingMetadata",
        remarks::grounding(choice.message.annotations.as_deref().into_iter()).as_ref(),
    );
    out.some("logprobsResult", remarks::logprobs(choice.logprobs.as_deref().into_iter()).as_ref());
    out
}

/// A model's content. SDKs expect at least one part.
pub(super) fn content(parts: &[String]) -> Body {
    let empty = [r#"{"text":""}"#.to_owned()];
    let parts = if parts.is_empty() { empty.as_slice() } else { parts };
    let mut content = Body::default();
    content.raw("parts", array(parts));
    content.with("role", "model")
}

/// Why the model stopped, in Google's words.
pub(super) fn finish<'a>(reason: &FinishReason, native: Option<&'a str>) -> &'a str {
    if let Some(native) = native.filter(|native| NATIVE.contains(native)) {
        return native;
    }
    match reason {
        FinishReason::Length => "MAX_TOKENS",
        FinishReason::ContentFilter => "SAFETY",
        FinishReason::Other(_) => "OTHER",
        _ => "STOP",
    }
}

/// Consumption. Google counts thoughts beside the answer, the hub within it.
pub(super) fn usage(usage: &Usage) -> Body {
    let thoughts = usage.reasoning.unwrap_or(0);
    let mut out = Body::default()
        .with("promptTokenCount", &usage.input)
        .with("candidatesTokenCount", &usage.output.saturating_sub(thoughts))
        .with("totalTokenCount", &usage.total());
    out.some("cachedContentTokenCount", usage.cache_read.as_ref());
    out.some("thoughtsTokenCount", usage.reasoning.as_ref());
    out
}

/// The parts of a message: thoughts, text, pictures and sounds, calls.
fn parts(message: &Message) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    if let Some(thought) = thoughts(message) {
        out.push(thought_part(&thought));
    }
    let mut first = Signature::of_blocks(message.thinking_blocks.as_deref().unwrap_or_default());
    let fields = message.provider_specific_fields.as_deref().and_then(read::<MessageFields>);
    let own = fields.and_then(|fields| fields.thought_signatures?.into_iter().next());
    let calls = message.tool_calls.as_deref().unwrap_or_default();
    let text = message.content.as_ref().map(Content::text).unwrap_or_default();
    for text in [Some(text), message.refusal.clone()].into_iter().flatten().filter(|text| !text.is_empty()) {
        let own = own.as_deref().filter(|_| calls.is_empty());
        out.push(text_part(&text, first.take().as_deref().or(own)));
    }
    if let Some(Content::Parts(list)) = &message.content {
        out.extend(list.iter().filter_map(picture));
    }
    out.extend(pictures(message.images.as_deref()));
    out.extend(sound(message.audio.as_deref()));
    for call in calls {
        let function = call.function.clone().unwrap_or_default();
        let id = call.id.as_deref().unwrap_or_default();
        out.push(call_part(id, &function, call.provider_specific_fields.as_deref(), &mut first));
    }
    if let Some(function) = &message.function_call {
        out.push(call_part("", function, None, &mut first));
    }
    if let Some(signature) = first.take() {
        out.push(text_part("", Some(&signature)));
    }
    out
}

fn thoughts(message: &Message) -> Option<String> {
    let plain = message.reasoning_content.clone().filter(|text| !text.is_empty());
    plain.or_else(|| {
        let blocks = message.thinking_blocks.iter().flatten().filter_map(|block| read::<Block>(block));
        let text: String = blocks.filter_map(|block| block.thinking).collect();
        (!text.is_empty()).then_some(text)
    })
}

/// The signature that the next part carries: signed blocks of another provider.
#[derive(Default)]
pub(super) struct Signature(Vec<Raw>);

impl Signature {
    /// Blocks that mean something to their provider: signed or encrypted.
    fn of_blocks(blocks: &[Raw]) -> Self {
        let mut waiting = Self::default();
        blocks.iter().for_each(|block| waiting.add(block));
        waiting
    }

    pub(super) fn add(&mut self, block: &RawValue) {
        let signed =
            read::<Block>(block).is_some_and(|block| block.signature.is_some_and(|it| !it.is_empty()));
        if signed || block.get().contains("redacted_thinking") {
            self.0.push(block.to_owned());
        }
    }

    pub(super) fn take(&mut self) -> Option<String> {
        let blocks = std::mem::take(&mut self.0);
        (!blocks.is_empty()).then(|| opaque::wrap(&blocks))
    }
}

pub(super) fn thought_part(text: &str) -> String {
    Body::default().with("text", text).with("thought", &true).into_json()
}

pub(super) fn text_part(text: &str, signature: Option<&str>) -> String {
    let mut out = Body::default().with("text", text);
    out.some("thoughtSignature", signature.as_ref());
    out.into_json()
}

/// A call, with Gemini's own signature or that of other providers' thinking.
pub(super) fn call_part(
    id: &str,
    function: &FunctionCall,
    fields: Option<&RawValue>,
    waiting: &mut Signature,
) -> String {
    let mut own = Body::default();
    if !id.is_empty() {
        own.set("id", plain_id(id));
    }
    own.set("name", function.name.as_deref().unwrap_or_default());
    let args = function.arguments.as_deref().unwrap_or_default();
    let args = serde_json::from_str::<&RawValue>(args).ok().filter(|args| args.get().starts_with('{'));
    own.raw("args", args.map_or("{}", RawValue::get));
    let mut out = Body::default();
    out.put("functionCall", own);
    let fields = fields.and_then(read::<CallFields>).and_then(|fields| fields.thought_signature);
    let signature = fields.or_else(|| Some(id.split_once(SIGNATURE_MARK)?.1.to_owned()));
    out.some("thoughtSignature", waiting.take().or(signature).as_ref());
    out.into_json()
}

/// Pictures in OpenAI's shape (`message.images`).
pub(super) fn pictures(images: Option<&RawValue>) -> Vec<String> {
    let images = images.and_then(read::<Vec<Shown>>).unwrap_or_default();
    let urls = images.into_iter().filter_map(|image| image.image_url?.url);
    urls.filter_map(|url| inline(&url)).collect()
}

fn picture(part: &Part) -> Option<String> {
    inline(part.image_url.as_ref()?.url())
}

fn inline(url: &str) -> Option<String> {
    let (mime, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Some(blob(mime, data))
}

fn blob(mime: &str, data: &str) -> String {
    let mut out = Body::default();
    out.put("inlineData", Body::default().with("mimeType", mime).with("data", data));
    out.into_json()
}

/// Speech in OpenAI's shape (`message.audio`), which is raw samples here.
pub(super) fn sound(audio: Option<&RawValue>) -> Option<String> {
    let data = audio.and_then(read::<Sound>)?.data.filter(|data| !data.is_empty())?;
    Some(blob("audio/L16;codec=pcm;rate=24000", &data))
}
