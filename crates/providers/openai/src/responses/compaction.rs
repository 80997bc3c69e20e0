//! A conversation made shorter: what `/v1/responses/compact` gives for models without such an endpoint.
//!
//! The model itself is asked for a summary. The client gets it sealed in a compaction item, as it would from OpenAI, and
//! sends that item back instead of the conversation.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use lockgate_core::{
    Call, ChatReply, Raw,
    hub::{ChatRequest, Content, Message},
    json::to_raw,
};

use super::write;
use crate::{json::Json, surface::answer_time};

/// Tells our compactions from those of providers, which only they can read.
pub(super) const MARK: &str = "lockgate:";

/// What the model is asked for.
const TASK: &str = "Summarise the conversation so far for another model that will go on with it without having seen it. \
    Keep every fact, decision, instruction, name, number, file path and open question that may matter later, and what \
    tools were called with which results. Write plain text, without an introduction.";

/// Put before a summary when it is given to a model.
const INTRODUCTION: &str = "Summary of the conversation so far:\n\n";

/// The request for a summary of the conversation.
pub(super) fn request(mut chat: ChatRequest) -> ChatRequest {
    chat.messages.push(Message {
        role: "user".to_owned(),
        content: Some(Content::Text(TASK.to_owned())),
        ..Message::default()
    });
    chat.tool_choice = None;
    chat.response_format = None;
    chat.stream = None;
    chat
}

/// The compacted conversation.
pub(super) fn response(call: &Call, reply: &ChatReply) -> Raw {
    let summary = reply.choices.first().and_then(|choice| choice.message.content.as_ref());
    let sealed = seal(&summary.map(Content::text).unwrap_or_default());
    let seed: String = call.id.chars().filter(char::is_ascii_alphanumeric).collect();
    let item = Json::new()
        .text("id", &format!("cmp_{seed}"))
        .text("type", "compaction")
        .text("encrypted_content", &sealed)
        .finish();
    let json = Json::new()
        .text("id", &format!("resp_{seed}"))
        .text("object", "response.compaction")
        .raw("created_at", &answer_time(call, reply.created).to_string())
        .raw("output", to_raw(&[item]).get());
    let usage = reply.usage.clone().unwrap_or_default();
    json.raw("usage", &write::usage(&usage)).finish()
}

fn seal(summary: &str) -> String {
    format!("{MARK}{}", STANDARD_NO_PAD.encode(summary))
}

/// What a compaction item of ours says to a model.
pub(super) fn unseal(text: &str) -> Option<String> {
    let summary = String::from_utf8(STANDARD_NO_PAD.decode(text.strip_prefix(MARK)?).ok()?).ok()?;
    Some(format!("{INTRODUCTION}{summary}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_come_back() {
        assert_eq!(unseal(&seal("Ägypten")).unwrap(), format!("{INTRODUCTION}Ägypten"));
        assert!(unseal("gAAAA").is_none() && unseal("lockgate:%").is_none());
    }
}
