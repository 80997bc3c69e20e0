//! Chats: OpenAI's format with watsonx' members.

use lockgate_core::{
    Attempt, Dialect, Encoded, Error, Result,
    wire::{Edits, Object},
};
use lockgate_openai::OpenAi;

use crate::place;

/// Writes the request.
///
/// # Errors
/// The call cannot be expressed, or nobody said for which project.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let target = attempt.target;
    let mut encoded = OpenAi.encode(attempt)?;
    let verb = if attempt.call.stream { "text/chat_stream" } else { "text/chat" };
    *encoded.request.uri_mut() = place::url(target, verb)?;
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    let mut edits = Edits::new();
    if place::deployment(target).is_some() {
        edits.set_str("model", "");
    }
    // Words go in a member of their own; a function's name stays where it is.
    if object.raw("tool_choice").is_some_and(|choice| choice.starts_with('"')) {
        edits.rename("tool_choice", "tool_choice_option");
    }
    for (name, value) in place::members(target)?.iter() {
        edits.set(name.to_owned(), value.get().to_owned());
    }
    *encoded.request.body_mut() = object.splice(&edits);
    Ok(encoded)
}
