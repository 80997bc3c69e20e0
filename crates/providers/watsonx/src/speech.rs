//! Speech to text: OpenAI's form with watsonx' fields.

use lockgate_core::{Attempt, Dialect, Encoded, Error, Result, json::read, wire::FormWriter};
use lockgate_openai::OpenAi;

use crate::place;

/// Writes the request.
///
/// # Errors
/// The call cannot be expressed, or nobody said for which project.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let target = attempt.target;
    let mut encoded = OpenAi.encode(attempt)?;
    *encoded.request.uri_mut() = place::url(target, "audio/transcriptions")?;
    let Some(upload) = &attempt.call.upload else {
        return Err(Error::bad_field("file", "`file` is missing: send it as a file of a form."));
    };
    // The form goes on where the fields that say for whom it is end.
    let mut form = FormWriter::new(upload.boundary.as_str());
    for (name, value) in place::members(target)?.iter().filter(|(name, _)| *name != "model_id") {
        form.field(name, &read::<String>(value).unwrap_or_default());
    }
    let mut body = form.unfinished();
    for segment in std::mem::take(encoded.request.body_mut()).into_segments() {
        body.push(segment);
    }
    *encoded.request.body_mut() = body;
    Ok(encoded)
}
