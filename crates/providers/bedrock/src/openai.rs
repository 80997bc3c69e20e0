//! OpenAI's chat completions, through Invoke: OpenAI's open models, Jamba, imported models.

use lockgate_core::{Attempt, Dialect, Encoded, Result, Target, wire::Edits};
use lockgate_openai::OpenAi;

use crate::{
    claude::{address, edit},
    model::Model,
};

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let target = Target { model: model.id.into(), ..attempt.target.clone() };
    let mut encoded = OpenAi.encode(&Attempt { target: &target, ..*attempt })?;
    let verb = if attempt.call.stream { "invoke-with-response-stream" } else { "invoke" };
    address(&mut encoded, attempt, model, verb)?;
    let mut edits = Edits::new();
    if !model.id.starts_with("arn:") {
        edits.remove("model");
    }
    // The path says whether it is to be a stream.
    edits.remove("stream");
    edits.remove("stream_options");
    edit(&mut encoded, &edits)?;
    Ok(encoded)
}
