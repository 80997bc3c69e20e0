//! Text completions: a conversation of one message.

use lockgate_core::{
    ChatReply, CompletionReply, Error, Result,
    hub::{ChatRequest, CompletionRequest, Prompt},
    reply::CompletionChoice,
};

/// The request as a chat.
///
/// # Errors
/// There is not exactly one prompt.
pub(crate) fn chat(request: &CompletionRequest) -> Result<ChatRequest> {
    let prompt = match &request.prompt {
        Some(Prompt::Text(text)) => text.clone(),
        Some(Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        _ => {
            let message = "Bedrock's models take one prompt, and as text: not several, not token ids.";
            return Err(Error::bad_field("prompt", message));
        }
    };
    Ok(ChatRequest { logprobs: request.logprobs.map(|_| true), ..request.asked(prompt) })
}

/// A chat's answer as a completion.
pub(crate) fn completion(reply: ChatReply) -> CompletionReply {
    let choices = reply.choices.into_iter().map(|choice| CompletionChoice {
        index: choice.index,
        text: choice.message.content.map(|content| content.text()).unwrap_or_default(),
        finish: choice.finish,
        ..CompletionChoice::default()
    });
    CompletionReply {
        id: reply.id,
        model: reply.model,
        choices: choices.collect(),
        usage: reply.usage,
        ..CompletionReply::default()
    }
}
