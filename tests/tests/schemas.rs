//! Tool schemas as they occur, over every dialect: what is sent obeys the provider's published rules (SCH-1).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use lockgate_tests::grid::{self, clients};
use serde_json::{Map, Value, json};

/// Pieces of schemas as tools of agents and servers have them.
fn pieces() -> Vec<(&'static str, Value)> {
    vec![
        ("string", json!({"type": "string", "description": "A text."})),
        ("nullable", json!({"type": ["string", "null"], "default": null})),
        ("nullable_number", json!({"type": ["integer", "null"], "minimum": 0})),
        ("any_of_null", json!({"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Maybe"})),
        (
            "any_of",
            json!({"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "array", "items": {"type": "string"}}]}),
        ),
        (
            "one_of",
            json!({"oneOf": [{"type": "string", "const": "a"}, {"type": "object", "properties": {"k": {"type": "string"}}, "required": ["k"]}]}),
        ),
        (
            "all_of",
            json!({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"properties": {"b": {"type": "integer"}}}]}),
        ),
        ("enum", json!({"type": "string", "enum": ["a", "b", "c"]})),
        ("enum_untyped", json!({"enum": ["a", "b"]})),
        ("enum_numbers", json!({"type": "integer", "enum": [1, 2, 3]})),
        ("enum_null", json!({"type": ["string", "null"], "enum": ["a", null]})),
        ("enum_empty_word", json!({"type": "string", "enum": ["", "a"]})),
        ("const", json!({"const": "only"})),
        ("empty", json!({})),
        ("free_object", json!({"type": "object"})),
        ("empty_object", json!({"type": "object", "properties": {}})),
        ("map", json!({"type": "object", "additionalProperties": {"type": "string"}})),
        (
            "closed",
            json!({"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"], "additionalProperties": false}),
        ),
        (
            "array",
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5, "uniqueItems": true}),
        ),
        ("array_bare", json!({"type": "array"})),
        ("array_empty_items", json!({"type": "array", "items": {}})),
        ("tuple", json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]})),
        (
            "nested",
            json!({"type": "array", "items": {"type": "object", "properties": {"deep": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}}}}),
        ),
        (
            "format",
            json!({"type": "string", "format": "uri", "pattern": "^https?://", "minLength": 1, "maxLength": 2000}),
        ),
        ("date", json!({"type": "string", "format": "date-time", "examples": ["2026-01-01T00:00:00Z"]})),
        ("range", json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.1})),
        ("ref", json!({"$ref": "#/$defs/Leaf"})),
        ("ref_described", json!({"$ref": "#/$defs/Leaf", "description": "Which leaf."})),
        ("recursive", json!({"$ref": "#/$defs/Tree"})),
        ("definitions", json!({"$ref": "#/definitions/Old"})),
        (
            "odd_names",
            json!({"type": "object", "properties": {"$id": {"type": "string"}, "type": {"type": "string"}, "a.b-c": {"type": "string"}, "properties": {"type": "string"}}}),
        ),
        ("boolean", json!({"type": "boolean", "default": false, "deprecated": true, "readOnly": true})),
        (
            "if_then",
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "if": {"properties": {"a": {"const": "x"}}}, "then": {"required": ["a"]}}),
        ),
        (
            "patterns",
            json!({"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "propertyNames": {"pattern": "^[a-z]"}}),
        ),
    ]
}

fn corpus() -> Vec<(String, Value)> {
    let pieces = pieces();
    let defs = json!({"Leaf": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "Tree": {"type": "object", "properties": {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}});
    let whole = |members: &[(&str, &Value)], extra: Value| {
        let properties: Map<String, Value> =
            members.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        let required: Vec<&str> = members.iter().take(1).map(|(name, _)| *name).collect();
        let mut schema = json!({"type": "object", "properties": properties, "required": required, "$defs": defs, "definitions": {"Old": {"type": "string"}}});
        schema.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        schema
    };
    let mut corpus = vec![
        ("none".to_owned(), json!({})),
        ("bare".to_owned(), json!({"type": "object"})),
        ("no_properties".to_owned(), json!({"type": "object", "properties": {}})),
        (
            "closed_and_empty".to_owned(),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {}, "additionalProperties": false}),
        ),
    ];
    for (at, (name, piece)) in pieces.iter().enumerate() {
        corpus.push(((*name).to_owned(), whole(&[(name, piece)], json!({}))));
        corpus.push((format!("{name} with $schema"), whole(&[(name, piece)], json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Args", "additionalProperties": false}))));
        for (other, second) in pieces.iter().skip(at + 1) {
            corpus.push((format!("{name} and {other}"), whole(&[(name, piece), (other, second)], json!({}))));
        }
    }
    corpus
}

#[test]
fn tool_schemas_obey_every_provider_s_rules() {
    let (corpus, deployments) = (corpus(), grid::sites());
    assert!(corpus.len() >= 500, "{}", corpus.len());
    let client = &clients()[0];
    let mut wrong = Vec::new();
    for (name, schema) in &corpus {
        let body = json!({"messages": [{"role": "user", "content": "x"}], "max_tokens": 100,
            "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}]});
        for grid::Site { name: target, deployment, .. } in &deployments {
            let call = grid::call(client, &body, false).unwrap();
            let sent = match grid::prepare(&call, deployment) {
                // An API without tools is sent none, and that is said.
                Ok((encoded, _)) if encoded.notes.dropped.iter().any(|name| name == "tools") => continue,
                Ok((_, sent)) => serde_json::from_str::<Value>(&sent).unwrap(),
                Err(error) => {
                    wrong.push(format!("{target}: {name}: {}", error.message()));
                    continue;
                }
            };
            let provider = match target.contains("/invoke/anthropic") {
                true => "anthropic",
                false => target.split('/').next().unwrap(),
            };
            if let Err(why) = judge(provider, &sent) {
                wrong.push(format!("{target}: {name}: {why}"));
            }
        }
    }
    wrong.truncate(30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn judge(provider: &str, sent: &Value) -> Result<(), String> {
    let at = |path: &str| sent.pointer(path).cloned().unwrap_or_default();
    match provider {
        "anthropic" => object(&at("/tools/0/input_schema")),
        "bedrock" => object(&at("/toolConfig/tools/0/toolSpec/inputSchema/json")),
        "gemini" | "vertex_ai" => match at("/tools/0/function_declarations/0/parameters") {
            Value::Null => Ok(()),
            schema => google(&schema, "parameters"),
        },
        _ => match at("/tools/0/function/parameters") {
            Value::Null => Ok(()),
            schema => Ok(())
                .and_then(|()| if schema.is_object() { Ok(()) } else { Err(format!("no object: {schema}")) }),
        },
    }
}

/// Anthropic and Converse: JSON Schema whose root is an object, and no choice at the root.
fn object(schema: &Value) -> Result<(), String> {
    let choice = ["anyOf", "oneOf", "allOf"].iter().find(|name| schema.get(**name).is_some());
    match (schema["type"].as_str(), choice) {
        (Some("object"), None) => Ok(()),
        _ => Err(format!("the root is no plain object: {schema}")),
    }
}

/// Google's Schema message: its members, its types, and what its validation wants of each type.
fn google(schema: &Value, path: &str) -> Result<(), String> {
    const MEMBERS: [&str; 22] = [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "items",
        "minimum",
        "maximum",
    ];
    let members = schema.as_object().ok_or(format!("{path} is no object: {schema}"))?;
    if let Some(unknown) = members.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
        return Err(format!("{path} has the unknown member `{unknown}`"));
    }
    let kind = schema["type"].as_str().map(str::to_ascii_uppercase);
    if members.contains_key("type") && kind.is_none() {
        return Err(format!("{path}.type is no word: {}", schema["type"]));
    }
    if kind.is_none() && !members.contains_key("anyOf") {
        return Err(format!("{path} has no type: {schema}"));
    }
    match kind.as_deref() {
        None => {}
        Some("OBJECT") => {
            let properties = schema["properties"].as_object();
            if members.contains_key("properties") && properties.is_none_or(Map::is_empty) {
                return Err(format!("{path}.properties must not be empty"));
            }
            for required in schema["required"].as_array().into_iter().flatten() {
                if !properties.is_some_and(|own| own.contains_key(required.as_str().unwrap_or_default())) {
                    return Err(format!("{path}.required names {required}, which is no property"));
                }
            }
        }
        Some("ARRAY") if !members.contains_key("items") => return Err(format!("{path}.items is missing")),
        Some("STRING" | "NUMBER" | "INTEGER" | "BOOLEAN" | "ARRAY" | "NULL") => {}
        Some(other) => return Err(format!("{path}.type is {other}")),
    }
    if let Some(values) = schema["enum"].as_array()
        && (values.iter().any(|value| value.as_str().is_none_or(str::is_empty))
            || kind.as_deref() != Some("STRING"))
    {
        return Err(format!("{path}.enum is of strings that are not empty: {schema}"));
    }
    if let (Some(format), Some("STRING")) = (schema["format"].as_str(), kind.as_deref())
        && !["enum", "date-time"].contains(&format)
    {
        return Err(format!("{path}.format is {format}"));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        google(property, &format!("{path}.properties.{name}"))?;
    }
    for (at, choice) in schema["anyOf"].as_array().into_iter().flatten().enumerate() {
        google(choice, &format!("{path}.anyOf.{at}"))?;
    }
    match schema.get("items") {
        Some(items) => google(items, &format!("{path}.items")),
        None => Ok(()),
    }
}
