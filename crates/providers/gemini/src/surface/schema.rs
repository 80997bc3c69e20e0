//! Gemini's schemas (OpenAPI's subset, types in capitals) as JSON Schema.

use std::borrow::Cow;

use lockgate_core::wire::{Fields, elements, quote, text};

use super::named::is;
use crate::wire::{Body, array};

/// Counts that protobuf writes as strings.
const COUNTS: [&str; 6] =
    ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"];

/// The schema as JSON Schema. What JSON Schema says already stays as it is.
pub(super) fn json_schema(schema: &str) -> Cow<'_, str> {
    let Some(members) = Fields::of(schema) else { return schema.into() };
    let nullable = members.get("nullable") == Some("true");
    let mut out = Body::default();
    for (key, value) in members.iter() {
        match key {
            "nullable" | "propertyOrdering" | "property_ordering" => {}
            "type" => out.raw("type", kind(value, nullable)),
            "enum" if nullable => out.raw("enum", with_null(value)),
            "properties" | "$defs" | "defs" | "definitions" => out.raw(key.to_owned(), each(value)),
            "items" | "not" => out.raw(key.to_owned(), json_schema(value)),
            "additionalProperties" | "additional_properties" => {
                out.raw("additionalProperties", json_schema(value));
            }
            _ if is(key, "anyOf") || is(key, "allOf") || is(key, "oneOf") || is(key, "prefixItems") => {
                out.raw(camel(key).to_owned(), all(value));
            }
            _ => match COUNTS.iter().find(|name| is(key, name)) {
                Some(name) => out.raw(*name, number(value)),
                None => out.raw(key.to_owned(), value),
            },
        }
    }
    out.into_json().into()
}

/// The type in small letters, with `null` if that is allowed.
fn kind(value: &str, nullable: bool) -> Cow<'_, str> {
    let Some(name) = text(value) else { return value.into() };
    let name = quote(&name.to_ascii_lowercase());
    if nullable { format!("[{name},\"null\"]").into() } else { name.into() }
}

fn with_null(value: &str) -> Cow<'_, str> {
    match elements(value) {
        Some(values) if !values.contains(&"null") => array(values.into_iter().chain(["null"])).into(),
        _ => value.into(),
    }
}

fn each(value: &str) -> Cow<'_, str> {
    let Some(members) = Fields::of(value) else { return value.into() };
    let mut out = Body::default();
    members.iter().for_each(|(key, schema)| out.raw(key.to_owned(), json_schema(schema)));
    out.into_json().into()
}

fn all(value: &str) -> Cow<'_, str> {
    let Some(schemas) = elements(value) else { return value.into() };
    array(schemas.into_iter().map(json_schema)).into()
}

fn number(value: &str) -> Cow<'_, str> {
    text(value).filter(|text| text.parse::<u64>().is_ok()).unwrap_or(value.into())
}

fn camel(key: &str) -> &str {
    match key {
        "any_of" => "anyOf",
        "all_of" => "allOf",
        "one_of" => "oneOf",
        "prefix_items" => "prefixItems",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_s_spellings_become_json_schema() {
        let given = r#"{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true,"enum":["a"]},
            "l":{"type":"ARRAY","minItems":"2","items":{"type":"INTEGER","format":"int32"}},
            "u":{"any_of":[{"type":"STRING"},{"type":"NUMBER"}]}},"required":["l"],"propertyOrdering":["l","type"]}"#;
        assert_eq!(
            json_schema(given),
            r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["a",null]},"l":{"type":"array","minItems":2,"items":{"type":"integer","format":"int32"}},"u":{"anyOf":[{"type":"string"},{"type":"number"}]}},"required":["l"]}"#
        );
        let json = r#"{"type":"object","properties":{},"additionalProperties":false}"#;
        assert_eq!(json_schema(json), json);
    }
}
