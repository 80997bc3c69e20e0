//! Tools, thinking and output format of a Messages request in OpenAI's words.

use lockgate_core::{
    Extra, Raw, Result,
    hub::{ChatRequest, FunctionDef, Tool, ToolChoice},
    wire::{Object, view},
};

use super::{field, wrong};
use crate::{
    thinking::effort_for,
    wire::{raw, to_raw},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct ToolIn {
        kind as "type": Option<String>,
        name: String,
        description: Option<String>,
        input_schema: Option<Raw>,
        strict: Option<bool>,
        cache_control: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ChoiceIn {
        kind as "type": Option<String>,
        name: Option<String>,
        disable_parallel_tool_use: Option<bool>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct ThinkingIn {
        kind as "type": Option<String>,
        budget_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OutputIn {
        effort: Option<String>,
        format: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct FormatIn {
        kind as "type": Option<String>,
        schema: Option<Raw>,
    }
}

/// `tools` and `tool_choice`.
pub(super) fn tools(body: &Object, request: &mut ChatRequest) -> Result<()> {
    let given: Option<Vec<Raw>> = field(body, "tools", "a list of tools")?;
    let mut tools = Vec::new();
    for whole in given.into_iter().flatten() {
        let tool: ToolIn = serde_json::from_str(whole.get())
            .map_err(|_| wrong("tools", "a list of tools, each with a `name`"))?;
        tools.push(match tool.kind.as_deref() {
            None | Some("custom") => Tool {
                kind: "function".to_owned(),
                function: Some(FunctionDef {
                    name: tool.name,
                    description: tool.description,
                    parameters: tool.input_schema,
                    strict: tool.strict,
                    ..FunctionDef::default()
                }),
                cache_control: tool.cache_control,
                ..Tool::default()
            },
            Some(_) => serde_json::from_str(whole.get()).map_err(|_| wrong("tools", "a list of tools"))?,
        });
    }
    request.tools = (!tools.is_empty()).then_some(tools);
    if let Some(choice) = field::<ChoiceIn>(body, "tool_choice", "an object with a `type`")? {
        let single = choice.disable_parallel_tool_use == Some(true);
        let (translated, parallel) = match (choice.kind.as_deref(), choice.name) {
            (Some("auto"), _) => (ToolChoice::Auto, single.then_some(false)),
            (Some("any"), _) => (ToolChoice::Required, single.then_some(false)),
            (Some("none"), _) => (ToolChoice::None, None),
            // A function that is named is called once: no need to forbid more.
            (Some("tool"), Some(name)) => (ToolChoice::Function(name), None),
            _ => return Err(wrong("tool_choice", "an object with the `type` auto, any, tool or none")),
        };
        request.tool_choice = Some(translated);
        request.parallel_tool_calls = parallel;
    }
    Ok(())
}

/// `thinking` and `output_config` in OpenAI's words.
pub(super) fn reasoning(body: &Object, request: &mut ChatRequest) -> Result<()> {
    let thinking: Option<ThinkingIn> = field(body, "thinking", "an object with a `type`")?;
    let output: Option<OutputIn> = field(body, "output_config", "an object")?;
    let (effort, nested) = output.map(|output| (output.effort, output.format)).unwrap_or_default();
    let kind = thinking.as_ref().and_then(|thinking| thinking.kind.as_deref());
    let effort = match (kind, effort) {
        (Some("disabled"), _) => None,
        (_, Some(effort)) => Some(effort),
        (Some("enabled"), None) => {
            let budget = thinking.as_ref().and_then(|thinking| thinking.budget_tokens);
            budget.map(|budget| effort_for(budget).to_owned())
        }
        _ => None,
    };
    request.reasoning_effort = effort.as_ref().map(to_raw);
    let format = match nested {
        Some(format) => Some(format),
        None => field::<Raw>(body, "output_format", "an object")?,
    };
    if let Some(format) = format {
        let format: FormatIn = serde_json::from_str(format.get())
            .map_err(|_| wrong("output_format", "an object with a `type`"))?;
        if let (Some("json_schema"), Some(schema)) = (format.kind.as_deref(), &format.schema) {
            let mut named = Extra::new();
            named.push("name", raw(r#""response""#));
            named.push("schema", schema.clone());
            named.push("strict", raw("true"));
            let named = to_raw(&named);
            let text = format!(r#"{{"type":"json_schema","json_schema":{}}}"#, named.get());
            request.response_format = Some(raw(text));
        }
    }
    Ok(())
}
