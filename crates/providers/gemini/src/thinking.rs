//! Reasoning: `reasoning_effort` and `thinking` as `thinkingConfig`.

use lockgate_core::{Error, Raw, Result, hub::ChatRequest, wire::view};

use crate::wire::{Body, read};

view! {
    #[derive(Clone, Debug, Default)]
    struct Effort {
        effort: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Thinking {
        kind as "type": Option<String>,
        budget_tokens: Option<u64>,
    }
}

/// Whether the model is told how hard to think by levels, not by budgets.
pub(crate) fn has_levels(model: &str) -> bool {
    model.contains("gemini-3")
}

/// The `thinkingConfig` that the client asks for.
pub(crate) fn config(request: &ChatRequest, model: &str) -> Result<Option<Body>> {
    match (&request.thinking, &request.reasoning_effort) {
        (_, Some(effort)) => {
            let effort = effort_of(effort)?;
            Ok(Some(if has_levels(model) { level(&effort, model)? } else { budget(&effort, model)? }))
        }
        (Some(thinking), None) => explicit(thinking, model).map(Some),
        (None, None) => Ok(None),
    }
}

/// The effort: a word, or an object that has it (the Responses API's form).
fn effort_of(raw: &Raw) -> Result<String> {
    read::<String>(raw).or_else(|| read::<Effort>(raw)?.effort).ok_or_else(|| {
        Error::bad_field("reasoning_effort", "`reasoning_effort` must be a word such as `low` or `high`.")
    })
}

fn unknown(effort: &str) -> Error {
    Error::bad_field(
        "reasoning_effort",
        format!("`reasoning_effort` is `{effort}`; use `none`, `minimal`, `low`, `medium` or `high`."),
    )
}

fn budget(effort: &str, model: &str) -> Result<Body> {
    let tokens: u32 = match effort {
        "none" | "disable" => 0,
        "minimal" if model.contains("flash-lite") => 512,
        "minimal" if model.contains("2.5-flash") => 1,
        "minimal" => 128,
        "low" => 1024,
        "medium" => 2048,
        "high" | "xhigh" | "max" => 4096,
        other => return Err(unknown(other)),
    };
    Ok(Body::default().with("thinkingBudget", &tokens).with("includeThoughts", &(tokens > 0)))
}

fn level(effort: &str, model: &str) -> Result<Body> {
    // Only the small models can all but stop thinking, and the first large one has no middle.
    let flash = model.contains("flash");
    let first_pro = model.contains("gemini-3-pro");
    let level = match effort {
        "none" | "disable" | "minimal" if flash => "minimal",
        "none" | "disable" | "minimal" | "low" => "low",
        "medium" if first_pro => "high",
        "medium" => "medium",
        "high" | "xhigh" | "max" => "high",
        other => return Err(unknown(other)),
    };
    let shown = !matches!(effort, "none" | "disable");
    Ok(Body::default().with("thinkingLevel", level).with("includeThoughts", &shown))
}

fn explicit(raw: &Raw, model: &str) -> Result<Body> {
    let thinking: Thinking = read(raw)
        .ok_or_else(|| Error::bad_field("thinking", "`thinking` must be an object with a `type`."))?;
    let on = thinking.kind.as_deref() != Some("disabled");
    if has_levels(model) {
        let on = on && thinking.budget_tokens != Some(0);
        return if on { Ok(Body::default().with("includeThoughts", &true)) } else { level("none", model) };
    }
    Ok(match (on, thinking.budget_tokens) {
        (false, _) => Body::default().with("includeThoughts", &false).with("thinkingBudget", &0),
        (true, Some(0)) => Body::default().with("thinkingBudget", &0),
        (true, Some(tokens)) => {
            Body::default().with("includeThoughts", &true).with("thinkingBudget", &tokens)
        }
        (true, None) => Body::default().with("includeThoughts", &true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::raw;

    #[test]
    fn efforts_by_model() {
        let of = |model: &str, effort: &str| {
            let effort = Some(raw(format!("\"{effort}\"")));
            let request = ChatRequest { reasoning_effort: effort, ..ChatRequest::default() };
            config(&request, model).map(|body| body.unwrap().into_json())
        };
        for (model, effort, expected) in [
            ("gemini-2.5-flash", "minimal", r#"{"thinkingBudget":1,"includeThoughts":true}"#),
            ("gemini-2.5-pro", "minimal", r#"{"thinkingBudget":128,"includeThoughts":true}"#),
            ("gemini-2.5-flash-lite", "none", r#"{"thinkingBudget":0,"includeThoughts":false}"#),
            ("gemini-3-flash-preview", "none", r#"{"thinkingLevel":"minimal","includeThoughts":false}"#),
            ("gemini-3.1-pro-preview", "minimal", r#"{"thinkingLevel":"low","includeThoughts":true}"#),
            ("gemini-3.1-pro-preview", "medium", r#"{"thinkingLevel":"medium","includeThoughts":true}"#),
        ] {
            assert_eq!(of(model, effort).unwrap(), expected, "{model} {effort}");
        }
        assert!(of("gemini-2.5-pro", "huge").is_err());
    }

    #[test]
    fn a_budget_of_nothing_is_the_least_level() {
        let thinking = Some(raw(r#"{"type":"enabled","budget_tokens":0}"#.to_owned()));
        let request = ChatRequest { thinking, ..ChatRequest::default() };
        let of = |model| config(&request, model).unwrap().unwrap().into_json();
        assert_eq!(of("gemini-3-flash"), r#"{"thinkingLevel":"minimal","includeThoughts":false}"#);
        assert_eq!(of("gemini-2.5-flash"), r#"{"thinkingBudget":0}"#);
    }
}
