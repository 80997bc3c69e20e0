//! The conversation as one prompt, for `/api/generate`.

use lockgate_core::{Media, Result, hub::ChatRequest};

use crate::media;

/// A prompt and the images that belong to it.
pub(crate) struct Prompt {
    pub(crate) text: String,
    pub(crate) images: Vec<String>,
}

/// Writes the messages one after the other, each under its heading.
pub(crate) fn translate(request: &ChatRequest, media: &Media) -> Result<Prompt> {
    let mut prompt = Prompt { text: String::new(), images: Vec::new() };
    for message in &request.messages {
        let heading = match message.role.as_str() {
            "system" | "developer" => "### System:\n",
            "assistant" => "### Assistant:\n",
            _ => "### User:\n",
        };
        let shown = media::shown(message.content.as_ref(), media)?;
        prompt.text.push_str(heading);
        prompt.text.push_str(&shown.text);
        prompt.text.push_str("\n\n");
        prompt.images.extend(shown.images);
    }
    Ok(prompt)
}

/// Whether the conversation is about tools, which only `/api/chat` knows.
pub(crate) fn needs_chat(request: &ChatRequest) -> bool {
    let has_tools = request.tools.as_ref().is_some_and(|tools| !tools.is_empty());
    let mut messages = request.messages.iter();
    has_tools
        || messages.any(|message| {
            message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())
                || matches!(message.role.as_str(), "tool" | "function")
        })
}
