//! Gemini's schemas (OpenAPI's subset, types in capitals) as JSON Schema.

use lockgate_core::{Extra, Raw};
use serde_json::value::RawValue;

use super::named::is;
use crate::wire::{array, raw, read, to_raw};

/// Counts that protobuf writes as strings.
const COUNTS: [&str; 6] =
    ["maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"];

/// The schema as JSON Schema. What JSON Schema says already stays as it is.
pub(super) fn json_schema(schema: &RawValue) -> Raw {
    let Some(members) = read::<Extra>(schema) else { return schema.to_owned() };
    let nullable = members.iter().any(|(key, value)| key == "nullable" && value.get() == "true");
    let mut out = Extra::new();
    for (key, value) in members.iter() {
        match key {
            "nullable" | "propertyOrdering" | "property_ordering" => {}
            "type" => out.push(key, kind(value, nullable)),
            "enum" if nullable => out.push(key, with_null(value)),
            "properties" | "$defs" | "defs" | "definitions" => out.push(key, each(value)),
            "items" | "not" | "additionalProperties" | "additional_properties" => {
                out.push(
                    if key == "additional_properties" { "additionalProperties" } else { key },
                    json_schema(value),
                );
            }
            _ if is(key, "anyOf") || is(key, "allOf") || is(key, "oneOf") || is(key, "prefixItems") => {
                out.push(camel(key), all(value));
            }
            _ => match COUNTS.iter().find(|name| is(key, name)) {
                Some(name) => out.push(*name, number(value)),
                None => out.push(key, value.to_owned()),
            },
        }
    }
    to_raw(&out)
}

/// The type in small letters, with `null` if that is allowed.
fn kind(value: &RawValue, nullable: bool) -> Raw {
    let Some(name) = read::<String>(value) else { return value.to_owned() };
    let name = name.to_ascii_lowercase();
    if nullable { to_raw(&[name.as_str(), "null"]) } else { to_raw(&name) }
}

fn with_null(value: &RawValue) -> Raw {
    let Some(mut values) = read::<Vec<Raw>>(value) else { return value.to_owned() };
    if !values.iter().any(|value| value.get() == "null") {
        values.push(raw("null"));
    }
    to_raw(&values)
}

fn each(value: &RawValue) -> Raw {
    let Some(members) = read::<Extra>(value) else { return value.to_owned() };
    let mut out = Extra::new();
    members.iter().for_each(|(key, schema)| out.push(key, json_schema(schema)));
    to_raw(&out)
}

fn all(value: &RawValue) -> Raw {
    let Some(schemas) = read::<Vec<Raw>>(value) else { return value.to_owned() };
    raw(array(schemas.iter().map(|schema| json_schema(schema).get().to_owned())))
}

fn number(value: &RawValue) -> Raw {
    match read::<String>(value).filter(|text| text.parse::<u64>().is_ok()) {
        Some(digits) => raw(digits),
        None => value.to_owned(),
    }
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
            json_schema(&raw(given)).get(),
            r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["a",null]},"l":{"type":"array","minItems":2,"items":{"type":"integer","format":"int32"}},"u":{"anyOf":[{"type":"string"},{"type":"number"}]}},"required":["l"]}"#
        );
        let json = r#"{"type":"object","properties":{},"additionalProperties":false}"#;
        assert_eq!(json_schema(&raw(json)).get(), json);
    }
}
