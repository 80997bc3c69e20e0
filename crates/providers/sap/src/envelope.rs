//! The envelope of the orchestration: what of OpenAI's request goes where in it, and what it brings back.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Error, Extra, Operation, Result,
    json::{self, raw, to_raw},
    refusal::Refusal,
    wire::view,
};

/// Modules of the orchestration that clients may configure.
const MODULES: [&str; 4] = ["grounding", "masking", "filtering", "translation"];
/// Members of a chat that are part of its prompt.
const PROMPT: [&str; 2] = ["tools", "response_format"];

view! {
    /// An answer, or an event of a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Answer {
        pub(crate) result as "final_result": Option<lockgate_core::Raw>,
        pub(crate) old as "orchestration_result": Option<lockgate_core::Raw>,
        pub(crate) error: Option<lockgate_core::Raw>,
        pub(crate) message: Option<String>,
        pub(crate) code: Option<serde_json::Number>,
    }
}

/// OpenAI's request in the envelope.
///
/// # Errors
/// It is none.
pub(crate) fn wrap(attempt: &Attempt<'_>, body: &[u8]) -> Result<String> {
    let members: Extra = serde_json::from_slice(body)
        .map_err(|why| Error::internal(format!("The request cannot be put into its envelope: {why}")))?;
    Ok(match attempt.call.operation {
        Operation::Embedding => embedding(attempt, &members),
        _ => chat(attempt, &members),
    })
}

fn chat(attempt: &Attempt<'_>, members: &Extra) -> String {
    let (mut prompt, mut params, mut modules) = (Extra::new(), Extra::new(), Extra::new());
    let (mut rest, mut own) = (Extra::new(), Extra::new());
    let mut version = raw("\"latest\"");
    for (name, value) in members.iter() {
        let value = value.to_owned();
        match name {
            "model" | "stream" | "stream_options" => {}
            "messages" => prompt.push("template", value),
            "model_version" => version = value,
            "placeholder_values" | "messages_history" => rest.push(name, value),
            name if PROMPT.contains(&name) => prompt.push(name, value),
            name if MODULES.contains(&name) => own.push(name, value),
            name => params.push(name, value),
        }
    }
    let mut templating = Extra::new();
    templating.push("prompt", to_raw(&prompt));
    templating.push("model", to_raw(&model(attempt, params, version)));
    modules.push("prompt_templating", to_raw(&templating));
    own.iter().for_each(|(name, value)| modules.push(name, value.to_owned()));
    let mut config = Extra::new();
    config.push("modules", to_raw(&modules));
    if attempt.call.stream {
        config.push("stream", raw("{\"enabled\":true}"));
    }
    let mut body = Extra::new();
    body.push("config", to_raw(&config));
    rest.iter().for_each(|(name, value)| body.push(name, value.to_owned()));
    to_raw(&body).get().to_owned()
}

fn embedding(attempt: &Attempt<'_>, members: &Extra) -> String {
    let (mut params, mut modules, mut input) = (Extra::new(), Extra::new(), Extra::new());
    let (mut own, mut version) = (Extra::new(), raw("\"latest\""));
    for (name, value) in members.iter() {
        let value = value.to_owned();
        match name {
            "model" => {}
            "input" => input.push("text", value),
            "type" | "input_type" => input.push("type", value),
            "model_version" => version = value,
            "masking" => own.push(name, value),
            name => params.push(name, value),
        }
    }
    let mut embeddings = Extra::new();
    embeddings.push("model", to_raw(&model(attempt, params, version)));
    modules.push("embeddings", to_raw(&embeddings));
    own.iter().for_each(|(name, value)| modules.push(name, value.to_owned()));
    let mut config = Extra::new();
    config.push("modules", to_raw(&modules));
    let mut body = Extra::new();
    body.push("config", to_raw(&config));
    body.push("input", to_raw(&input));
    to_raw(&body).get().to_owned()
}

fn model(attempt: &Attempt<'_>, params: Extra, version: lockgate_core::Raw) -> Extra {
    let mut model = Extra::new();
    model.push("name", to_raw(&*attempt.target.model));
    if !params.is_empty() {
        model.push("params", to_raw(&params));
    }
    model.push("version", version);
    model
}

/// What OpenAI's API would have answered.
///
/// # Errors
/// The answer is none, or an error in spite of its status.
pub(crate) fn unwrap(body: &Bytes) -> Result<Bytes> {
    let answer: Answer = json::answer(body)?;
    match answer.result.or(answer.old) {
        Some(result) => Ok(result.get().to_owned().into()),
        None if answer.error.is_some() => Err(failed(body)),
        None => {
            Err(Error::invalid_response("The provider's answer has no `final_result`.")
                .with_body(body.clone()))
        }
    }
}

/// An error that came with a good status.
pub(crate) fn failed(body: &Bytes) -> Error {
    let refusal = Refusal::of_body(body);
    let status = refusal.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| *code >= 400);
    refusal.into_error(status.unwrap_or(500), &http::HeaderMap::new(), body)
}
