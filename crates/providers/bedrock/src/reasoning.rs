//! Reasoning: `reasoning_effort` and `thinking` in each family's words.

use lockgate_anthropic::claude;
use lockgate_core::{
    Attempt, Error, Notes, Raw, Result, Target,
    hub::ChatRequest,
    json::{raw, read, to_raw},
    wire::view,
};

use serde_json::Number;

use crate::{
    model::{Family, Model},
    wire::{Body, Choice},
};

/// Where Claude says how much of its answer was reasoning.
const DETAILS: &str = r#"["/usage/output_tokens_details"]"#;

/// The parameters of reasoning that the model takes.
pub(crate) fn taken(target: &Target, model: &Model<'_>) -> &'static [&'static str] {
    let facts = &target.facts;
    let reasons = facts.supports("reasoning") || !facts.known;
    match model.family {
        Family::Claude if claude::reasons(target) => &["reasoning_effort", "thinking"],
        Family::Claude => &[],
        Family::OpenAi | Family::Nova if reasons => &["reasoning_effort"],
        Family::Qwen if reasons => &["reasoning_effort", "thinking"],
        // A resource's name does not tell whose model it is.
        Family::Other if !facts.known && model.id.starts_with("arn:") => &["reasoning_effort", "thinking"],
        _ => &[],
    }
}

/// Writes what the client asks for; tells whether the model is made to reason.
pub(crate) fn write(
    attempt: &Attempt<'_>,
    request: &ChatRequest,
    model: &Model<'_>,
    body: &mut Body<'_>,
    notes: &mut Notes,
) -> Result<bool> {
    let allowed = taken(attempt.target, model);
    let effort = request.reasoning_effort.as_ref().filter(|_| allowed.contains(&"reasoning_effort"));
    let thinking = request.thinking.as_ref().filter(|_| allowed.contains(&"thinking"));
    match (model.family, effort) {
        _ if effort.is_none() && thinking.is_none() => return Ok(false),
        (Family::OpenAi, Some(effort)) => {
            body.additional_model_request_fields.push("reasoning_effort", effort.clone());
            return Ok(false);
        }
        (Family::Nova, Some(effort)) => return nova(effort, body),
        _ => {}
    }
    let meant = claude::reasoning(request, attempt.target)?;
    if meant.squeezed_out {
        notes.dropped.push("thinking".to_owned());
    }
    body.inference_config.max_tokens = meant.max_tokens;
    let fields = &mut body.additional_model_request_fields;
    if let Some(effort) = meant.effort {
        fields.push("output_config", raw(format!(r#"{{"effort":{}}}"#, to_raw(&effort).get())));
    }
    let Some(thinking) = meant.thinking else { return Ok(false) };
    let off = kind(&thinking).as_deref() == Some("disabled");
    fields.push("thinking", thinking);
    if !off {
        body.additional_model_response_field_paths = Some(raw(DETAILS));
    }
    Ok(!off)
}

/// Leaves out what Claude refuses while it thinks: most sampling, and a tool that it must call.
pub(crate) fn make_room(choice: &mut Option<Choice>, body: &mut Body<'_>, notes: &mut Notes) {
    let within = |number: Option<&Number>, least: f64| {
        number.and_then(Number::as_f64).is_some_and(|number| (least..=1.0).contains(&number))
    };
    let inference = &mut body.inference_config;
    let mut left_out = |name: &str| notes.dropped.push(name.to_owned());
    if inference.temperature.take_if(|number| !within(Some(number), 1.0)).is_some() {
        left_out("temperature");
    }
    if inference.top_p.take_if(|number| !within(Some(number), 0.95)).is_some() {
        left_out("top_p");
    }
    if body.additional_model_request_fields.remove("top_k").is_some() {
        left_out("top_k");
    }
    if choice.take_if(|choice| !matches!(choice, Choice::Auto {})).is_some() {
        left_out("tool_choice");
    }
}

/// Nova knows three levels.
fn nova(effort: &Raw, body: &mut Body<'_>) -> Result<bool> {
    let word: String = read(effort)
        .ok_or_else(|| Error::bad_field("reasoning_effort", "`reasoning_effort` must be a string."))?;
    let level = match word.as_str() {
        "none" => return Ok(false),
        "minimal" | "low" => "low",
        "medium" => "medium",
        _ => "high",
    };
    let config = format!(r#"{{"type":"enabled","maxReasoningEffort":"{level}"}}"#);
    body.additional_model_request_fields.push("reasoningConfig", raw(config));
    Ok(true)
}

fn kind(thinking: &Raw) -> Option<String> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Given {
            kind as "type": Option<String>,
        }
    }
    read::<Given>(thinking)?.kind
}
