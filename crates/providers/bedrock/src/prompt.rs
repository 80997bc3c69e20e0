//! Text completions: a conversation of one message.

use lockgate_core::{
    Error, Result,
    hub::{ChatRequest, CompletionRequest, Prompt},
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
