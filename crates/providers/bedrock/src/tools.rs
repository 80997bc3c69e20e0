//! Tools and the choice among them.

use lockgate_core::{
    Error, ErrorKind, Extra, Origin, Raw, Result,
    hub::{ChatRequest, FunctionDef, ToolChoice},
    json::{raw, read, to_raw},
    names::ToolNames,
    wire::view,
};
use serde_json::value::RawValue;

use crate::{
    messages::cache_point,
    model::Family,
    request::Abilities,
    wire::{Choice, Schema, Tool},
};

/// The schema of a tool without parameters.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{},"required":[]}"#;

/// What is declared.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) tools: Vec<Tool>,
    /// Tools of Anthropic's own, which Converse has no words for.
    pub(crate) hosted: Vec<Raw>,
    /// Features of Claude's that they need.
    pub(crate) betas: Vec<&'static str>,
    /// Marks for the cache were left out.
    pub(crate) unmarked: bool,
}

/// Translates the tools of a request.
pub(crate) fn declare(
    request: &ChatRequest,
    family: Family,
    abilities: &Abilities,
    names: &mut ToolNames,
) -> Result<Declared> {
    let mut declared = Declared::default();
    // Where they are not taken they were dropped.
    let tools = request.tools.iter().flatten().filter(|_| abilities.calls_tools);
    for tool in tools {
        match (&tool.function, tool.kind.as_str()) {
            (Some(function), _) => {
                declared.tools.push(spec(function, abilities, names));
                if let Some(mark) = tool.cache_control.as_ref().or(function.cache_control.as_ref()) {
                    if abilities.caches_tools {
                        declared.tools.push(Tool::CachePoint(cache_point(mark)));
                    } else {
                        declared.unmarked = true;
                    }
                }
            }
            (None, "function") => {
                return Err(Error::bad_field("tools", "A tool of the type `function` has no `function`."));
            }
            (None, kind) if family == Family::Claude => {
                declared.betas.extend(beta(kind));
                declared.hosted.push(to_raw(tool));
            }
            (None, kind) => {
                let message = format!("Bedrock knows no tools of the type `{kind}` for this model.");
                return Err(Error::bad_field("tools", message));
            }
        }
    }
    if request.web_search_options.is_some() && family == Family::Nova {
        declared.tools.push(Tool::System { name: "nova_grounding" });
    }
    Ok(declared)
}

/// A tool whose arguments are the answer.
pub(crate) fn answer(name: &str, schema: &RawValue, abilities: &Abilities) -> Tool {
    let schema = Schema { json: fitted(schema, abilities) };
    Tool::Spec { name: name.to_owned(), description: name.to_owned(), input_schema: schema, strict: None }
}

/// Translates the choice; none if the model decides anyway.
pub(crate) fn choose(request: &ChatRequest, names: &mut ToolNames) -> Result<Option<Choice>> {
    view! {
        #[derive(Clone, Debug, Default)]
        struct Given {
            kind as "type": Option<String>,
            name: Option<String>,
            mode: Option<String>,
        }
    }
    let refused = || {
        let message = "`tool_choice` must be 'auto', 'none', 'required' or an object that names a tool.";
        Error::bad_field("tool_choice", message)
    };
    Ok(Some(match &request.tool_choice {
        None => return Ok(None),
        Some(ToolChoice::Auto) => Choice::Auto {},
        Some(ToolChoice::Required) => Choice::Any {},
        Some(ToolChoice::Function(name)) => Choice::Tool { name: names.send(name).into_owned() },
        Some(ToolChoice::None) => return Err(no_choice()),
        Some(ToolChoice::Other(given)) => {
            let given: Given = read(given).ok_or_else(refused)?;
            match (given.kind.as_deref(), given.name, given.mode.as_deref()) {
                (Some("auto"), ..) => Choice::Auto {},
                (Some("any" | "required"), ..) | (Some("allowed_tools"), _, Some("required")) => {
                    Choice::Any {}
                }
                (Some("allowed_tools"), ..) => Choice::Auto {},
                (Some("tool"), Some(name), _) => Choice::Tool { name: names.send(&name).into_owned() },
                (Some("none"), ..) => return Err(no_choice()),
                _ => return Err(refused()),
            }
        }
    }))
}

fn no_choice() -> Error {
    let message = "Bedrock does not support `tool_choice` = `none`: leave out the tools. With `drop_params: true` the \
                   choice is left out.";
    Error::new(ErrorKind::UnsupportedParams, Origin::Client, message).with_param("tool_choice")
}

fn spec(function: &FunctionDef, abilities: &Abilities, names: &mut ToolNames) -> Tool {
    let name = names.send(&function.name).into_owned();
    let described = function.description.as_deref().filter(|text| !text.trim().is_empty());
    Tool::Spec {
        description: described.unwrap_or(&name).to_owned(),
        input_schema: Schema {
            json: function
                .parameters
                .as_deref()
                .map_or_else(|| raw(NO_PARAMETERS), |own| fitted(own, abilities)),
        },
        strict: function.strict.filter(|strict| *strict && abilities.writes_schemas),
        name,
    }
}

/// A schema as Bedrock takes it: an object that says what it has and what it needs.
fn fitted(schema: &RawValue, abilities: &Abilities) -> Raw {
    let Some(mut members) = read::<Extra>(schema) else { return raw(NO_PARAMETERS) };
    if !members.contains("type") {
        members.push("type", raw("\"object\""));
    }
    if !members.contains("properties") && members.get("type").is_some_and(|kind| kind.get() == "\"object\"") {
        members.push("properties", raw("{}"));
    }
    if !members.contains("required") {
        members.push("required", raw("[]"));
    }
    if !abilities.closes_schemas {
        members.remove("additionalProperties");
    }
    for unknown in ["$schema", "$id"] {
        members.remove(unknown);
    }
    to_raw(&members)
}

/// The feature that one of Anthropic's tools belongs to.
fn beta(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "computer_20241022" => "computer-use-2024-10-22",
        "computer_20250124" => "computer-use-2025-01-24",
        "computer_20251124" => "computer-use-2025-11-24",
        "memory_20250818" => "context-management-2025-06-27",
        _ => return None,
    })
}
