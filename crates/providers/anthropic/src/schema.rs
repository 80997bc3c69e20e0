//! JSON schemas in the part of the language that Anthropic's structured output understands.

use lockgate_core::{Extra, Raw};
use serde_json::value::RawValue;

use crate::wire::{raw, to_raw};

/// Constraints that Anthropic refuses. They are told to the model in the description instead.
const REFUSED: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contains",
];

/// Members whose members are schemas.
const MAPS: [&str; 3] = ["properties", "$defs", "definitions"];

/// Members that are lists of schemas.
const LISTS: [&str; 3] = ["anyOf", "allOf", "oneOf"];

/// The schema as Anthropic takes it; none if it has objects with keys that are not named, which cannot be said.
pub(crate) fn fit(schema: &RawValue) -> Option<Raw> {
    let Ok(members) = serde_json::from_str::<Extra>(schema.get()) else { return Some(schema.to_owned()) };
    let is_object = members.get("type").is_some_and(|kind| kind.get() == r#""object""#);
    let mut out = Extra::new();
    let mut told = Vec::new();
    for (key, value) in members.iter() {
        match key {
            // One element at least is the one bound on lists that is understood.
            "minItems" if matches!(value.get(), "0" | "1") => out.push(key, value.to_owned()),
            _ if REFUSED.contains(&key) => told.push(format!("{key}: {}", value.get())),
            "additionalProperties" => match value.get() {
                "false" => out.push(key, value.to_owned()),
                "true" if members.contains("properties") => out.push(key, raw("false")),
                _ => return None,
            },
            "items" | "not" => out.push(key, fit(value)?),
            _ if MAPS.contains(&key) => out.push(key, fit_map(value)?),
            _ if LISTS.contains(&key) => {
                // Exactly one of several is not understood; any of them is as near as it gets.
                let key = if key == "oneOf" { "anyOf" } else { key };
                out.push(key, fit_list(value)?);
            }
            _ => out.push(key, value.to_owned()),
        }
    }
    if is_object && !out.contains("additionalProperties") {
        if !members.contains("properties") {
            return None;
        }
        out.push("additionalProperties", raw("false"));
    }
    if !told.is_empty() {
        let own: Option<String> =
            out.get("description").and_then(|text| serde_json::from_str(text.get()).ok());
        let told = format!("({})", told.join(", "));
        out.push("description", to_raw(&own.map_or_else(|| told.clone(), |own| format!("{own} {told}"))));
    }
    Some(if out == members { schema.to_owned() } else { to_raw(&out) })
}

fn fit_map(map: &RawValue) -> Option<Raw> {
    let Ok(members) = serde_json::from_str::<Extra>(map.get()) else { return Some(map.to_owned()) };
    let mut out = Extra::new();
    for (key, value) in members.iter() {
        out.push(key, fit(value)?);
    }
    Some(to_raw(&out))
}

fn fit_list(list: &RawValue) -> Option<Raw> {
    let Ok(schemas) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
        return Some(list.to_owned());
    };
    let out: Option<Vec<Raw>> = schemas.into_iter().map(fit).collect();
    Some(to_raw(&out?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(schema: &str) -> Option<String> {
        fit(&raw(schema)).map(|schema| schema.get().to_owned())
    }

    #[test]
    fn what_is_understood_stays_as_it_is() {
        let schema =
            r#"{ "type":"object","properties":{"minimum":{"type":"string"}},"additionalProperties":false}"#;
        assert_eq!(fitted(schema).as_deref(), Some(schema));
    }

    #[test]
    fn constraints_are_told_in_words_and_objects_are_closed() {
        assert_eq!(
            fitted(
                r#"{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9,"description":"How many"}}}"#
            )
            .as_deref(),
            Some(
                r#"{"type":"object","properties":{"n":{"type":"integer","description":"How many (minimum: 1, maximum: 9)"}},"additionalProperties":false}"#
            )
        );
        assert_eq!(
            fitted(r#"{"oneOf":[{"type":"null"}]}"#).as_deref(),
            Some(r#"{"anyOf":[{"type":"null"}]}"#)
        );
    }

    #[test]
    fn open_maps_cannot_be_said() {
        assert_eq!(fitted(r#"{"type":"object","additionalProperties":{"type":"string"}}"#), None);
        assert_eq!(fitted(r#"{"type":"object"}"#), None);
    }
}
