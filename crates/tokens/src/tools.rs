//! How OpenAI shows tools to its models: as the functions of a TypeScript namespace. Counting that text gives the
//! tokens that it bills.

use std::fmt::Write;

use lockgate_core::{
    Extra,
    hub::{FunctionDef, Tool},
    wire::view,
};
use serde_json::value::RawValue;

use crate::{Vocabulary, text::count_with};

/// Tokens around the text of the definitions.
const FRAME: u64 = 9;

/// Nested schemas deeper than this are shown as `any`.
const DEPTH: usize = 32;

/// Tokens of all definitions.
pub(crate) fn count(vocabulary: Vocabulary, tools: &[Tool]) -> u64 {
    let functions = tools.iter().map(|tool| match &tool.function {
        Some(function) => function.clone(),
        None => flat(tool),
    });
    FRAME + count_with(vocabulary, &namespace(functions))
}

/// Tokens of the legacy parameter's definitions.
pub(crate) fn count_functions(vocabulary: Vocabulary, functions: &[FunctionDef]) -> u64 {
    FRAME + count_with(vocabulary, &namespace(functions.iter().cloned()))
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Schema {
        kind as "type": Option<Box<RawValue>>,
        description: Option<Box<RawValue>>,
        items: Option<Box<Schema>>,
        properties: Option<Extra>,
        required: Option<Box<RawValue>>,
        values as "enum": Option<Vec<Box<RawValue>>>,
    }
}

/// A tool of the Messages or Responses API: name, description and schema beside its type.
fn flat(tool: &Tool) -> FunctionDef {
    let text = |name: &str| tool.extra.get(name).and_then(string);
    let schema = tool.extra.get("input_schema").or_else(|| tool.extra.get("parameters"));
    FunctionDef {
        name: text("name").unwrap_or_else(|| tool.kind.clone()),
        description: text("description"),
        parameters: schema.map(ToOwned::to_owned),
        ..FunctionDef::default()
    }
}

fn namespace(functions: impl Iterator<Item = FunctionDef>) -> String {
    let mut out = String::from("namespace functions {\n\n");
    for function in functions {
        if let Some(description) = function.description.as_deref().filter(|text| !text.is_empty()) {
            let _ = writeln!(out, "// {description}");
        }
        let schema = function.parameters.and_then(|raw| parse(&raw)).unwrap_or_default();
        match schema.properties.as_ref().filter(|properties| !properties.is_empty()) {
            None => {
                let _ = writeln!(out, "type {} = () => any;", function.name);
            }
            Some(_) => {
                let members = object(&schema, 0, 0);
                let _ = writeln!(out, "type {} = (_: {{\n{members}\n}}) => any;", function.name);
            }
        }
        out.push('\n');
    }
    out.push_str("} // namespace functions");
    out
}

/// The members of an object type, one or two lines each.
fn object(schema: &Schema, indent: usize, depth: usize) -> String {
    let required: Vec<String> =
        schema.required.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut lines = Vec::new();
    for (name, raw) in schema.properties.iter().flat_map(Extra::iter) {
        let member = parse(raw).unwrap_or_default();
        if let Some(description) =
            member.description.as_deref().and_then(string).filter(|text| !text.is_empty())
        {
            lines.push(format!("// {description}"));
        }
        let mark = if required.iter().any(|own| own == name) { "" } else { "?" };
        lines.push(format!("{name}{mark}: {},", type_of(&member, indent, depth)));
    }
    let lead = " ".repeat(indent);
    lines.iter().map(|line| format!("{lead}{line}")).collect::<Vec<_>>().join("\n")
}

fn type_of(schema: &Schema, indent: usize, depth: usize) -> String {
    let kind = schema.kind.as_deref().and_then(string).unwrap_or_default();
    match (kind.as_str(), &schema.values) {
        ("string", Some(values)) => {
            let words = values
                .iter()
                .map(|raw| format!("\"{}\"", string(raw).unwrap_or_else(|| raw.get().to_owned())));
            words.collect::<Vec<_>>().join(" | ")
        }
        ("integer" | "number", Some(values)) => {
            values.iter().map(|raw| format!("\"{}\"", raw.get())).collect::<Vec<_>>().join(" | ")
        }
        ("string", None) => "string".to_owned(),
        ("integer" | "number", None) => "number".to_owned(),
        ("boolean", _) => "boolean".to_owned(),
        ("null", _) => "null".to_owned(),
        _ if depth >= DEPTH => "any".to_owned(),
        ("array", _) => match &schema.items {
            Some(items) => format!("{}[]", type_of(items, indent, depth + 1)),
            None => "any[]".to_owned(),
        },
        ("object", _) => format!("{{\n{}\n}}", object(schema, indent + 2, depth + 1)),
        _ => "any".to_owned(),
    }
}

fn parse(raw: &RawValue) -> Option<Schema> {
    serde_json::from_str(raw.get()).ok()
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_shown_as_typescript() {
        let tools: Vec<Tool> = serde_json::from_str(
            r#"[{"type":"function","function":{"name":"f","description":"Does it","parameters":{"type":"object",
            "required":["a"],"properties":{"a":{"type":"string","description":"first"},
            "b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer","enum":[1,2]}}}},
            "d":{"type":["string","null"]}}}}},{"type":"function","function":{"name":"g"}}]"#,
        )
        .unwrap();
        let text = namespace(tools.into_iter().filter_map(|tool| tool.function));
        let expected = "namespace functions {\n\n// Does it\ntype f = (_: {\n// first\na: string,\nb?: {\n  c?: \"1\" | \"2\",\n}[],\nd?: any,\n}) => any;\n\ntype g = () => any;\n\n} // namespace functions";
        assert_eq!(text, expected);
    }

    #[test]
    fn strange_schemas_count_all_the_same() {
        let deep = format!("{}{{}}{}", r#"{"type":"array","items":"#.repeat(90), "}".repeat(90));
        let tools: Vec<Tool> = serde_json::from_str(&format!(
            r#"[{{"type":"custom","name":"x"}},{{"type":"function","function":{{"name":"y","parameters":7}}}},
            {{"name":"z","input_schema":{{"type":"object","properties":{{"deep":{deep},"odd":[1]}}}}}}]"#
        ))
        .unwrap();
        assert!(count(Vocabulary::Cl100k, &tools) > FRAME);
    }
}
