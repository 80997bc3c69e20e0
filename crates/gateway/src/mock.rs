//! `mock_response`: an answer without a provider, for trying out clients and routing.

use lockgate_core::{
    Call, ChatReply, Choice, FinishReason, Reply, Target, Usage,
    hub::{Content, Message},
};

/// The reply that says `text`. Its usage is LiteLLM's constant one, so that dashboards show something.
pub(crate) fn reply(call: &Call, target: &Target, text: &str) -> Reply {
    let message = Message {
        role: "assistant".to_owned(),
        content: Some(Content::Text(text.to_owned())),
        ..Message::default()
    };
    Reply::Chat(Box::new(ChatReply {
        id: format!("chatcmpl-{}", call.id),
        model: target.model.to_string(),
        choices: vec![Choice { message, finish: Some(FinishReason::Stop), ..Choice::default() }],
        usage: Some(Usage { input: 10, output: 20, ..Usage::default() }),
        ..ChatReply::default()
    }))
}
