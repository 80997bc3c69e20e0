//! Makes up a value that fits a JSON schema.

use serde_json::{Map, Value, json, value::RawValue};

/// An example of the schema's arguments, as JSON text.
pub(crate) fn example(schema: &RawValue) -> String {
    let schema: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    value(&schema, 0).to_string()
}

fn value(schema: &Value, depth: u8) -> Value {
    if depth > 8 {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return value(first, depth + 1);
    }
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
        Some("string") => json!("demo"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([value(&schema["items"], depth + 1)]),
        Some("null") => Value::Null,
        _ => object(schema, depth),
    }
}

fn object(schema: &Value, depth: u8) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    let wanted = |name: &str| required.is_empty() || required.iter().any(|required| required == name);
    let members = properties
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, schema)| (name.clone(), value(schema, depth + 1)));
    Value::Object(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_members_get_values_of_their_type() {
        let schema = r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},
            "unit":{"enum":["celsius","fahrenheit"]}},"required":["city","unit"]}"#;
        let schema: Box<RawValue> = serde_json::from_str(schema).unwrap();
        assert_eq!(example(&schema), r#"{"city":"demo","unit":"celsius"}"#);
    }
}
