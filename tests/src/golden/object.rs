//! Comparing a whole answer object: the model's name and the usage by rules of their own.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::golden::{
    Case,
    diff::{ABSENT, Diffs},
    json::{Mode, Volatile, compare},
};

/// Differs from run to run; the first two must be there.
const IGNORED: [&str; 6] =
    ["id", "created", "created_at", "completed_at", "system_fingerprint", "responseId"];

/// Fields of a usage that restate others.
const RESTATING: [&str; 9] = [
    "text_tokens",
    "cache_write_tokens",
    "cost",
    "cost_details",
    "is_byok",
    "inference_geo",
    "speed",
    "service_tier",
    "iterations",
];

/// Compares one answer object.
pub(crate) fn check(
    case: &Case,
    expected: &Value,
    got: &Value,
    path: &str,
    volatile: &Volatile,
    out: &mut Diffs,
) {
    let (Value::Object(expected), Value::Object(got)) = (expected, got) else {
        return compare(expected, got, path, Mode::Answer, volatile, out);
    };
    let (mut expected, mut got) = (expected.clone(), got.clone());
    for key in IGNORED {
        let (a, b) = (expected.remove(key), got.remove(key));
        let missing = present(a.as_ref()).is_some() && present(b.as_ref()).is_none();
        if missing && matches!(key, "id" | "created" | "created_at") {
            out.add(format!("{path}.{key}"), "a value", ABSENT);
        }
    }
    for key in ["model", "modelVersion"] {
        model(case, expected.remove(key), got.remove(key), &format!("{path}.{key}"), out);
    }
    for key in ["usage", "usageMetadata"] {
        let (a, b) = (expected.remove(key), got.remove(key));
        usage(a.as_ref(), b.as_ref(), &format!("{path}.{key}"), volatile, out);
    }
    compare(&Value::Object(expected), &Value::Object(got), path, Mode::Answer, volatile, out);
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// The provider's name of the model, or the one that the client asked for.
fn model(case: &Case, expected: Option<Value>, got: Option<Value>, path: &str, out: &mut Diffs) {
    let public = case.public_model();
    let named = |value: &Value| value.as_str().is_some_and(|name| !name.is_empty());
    let good = match (present(expected.as_ref()), present(got.as_ref())) {
        (a, b) if a == b => true,
        (_, Some(b)) if b.as_str() == Some(&public) => true,
        (None, Some(b)) => named(b),
        _ => false,
    };
    if !good {
        let expected = expected.map_or_else(|| ABSENT.to_owned(), |value| value.to_string());
        let got = got.map_or_else(|| ABSENT.to_owned(), |value| value.to_string());
        out.add(path, format!("{expected} or {public:?}"), got);
    }
}

/// Every count that is not zero must be there and equal; null and zero mean absent.
pub(crate) fn usage(
    expected: Option<&Value>,
    got: Option<&Value>,
    path: &str,
    volatile: &Volatile,
    out: &mut Diffs,
) {
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    leaves(expected.unwrap_or(&Value::Null), path, &mut a);
    leaves(got.unwrap_or(&Value::Null), path, &mut b);
    let all: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
    for key in all {
        if volatile.covers(key) {
            continue;
        }
        let counted = |value: Option<&Value>| value.filter(|value| !is_zero(value)).cloned();
        let (x, y) = (counted(a.get(key)), counted(b.get(key)));
        let tail = key.strip_prefix(path).unwrap_or(key);
        let restates = tail.split(['.', '[', ']']).any(|name| RESTATING.contains(&name));
        match (&x, &y) {
            (None, None) => {}
            (Some(x), Some(y)) => {
                let near = x.as_f64().zip(y.as_f64()).is_some_and(|(x, y)| (x - y).abs() < 1e-9);
                if x != y && !near {
                    out.values(key, Some(x), Some(y));
                }
            }
            // Added to a zero that was written down: wrong even where it may be added to nothing.
            _ if !restates || x.is_none() && a.contains_key(key) => {
                out.values(key, a.get(key), y.as_ref());
            }
            _ => {}
        }
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn leaves(value: &Value, path: &str, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &format!("{path}.{key}"), out);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{path}[{index}]"), out);
            }
        }
        Value::Null => {}
        other => {
            out.insert(path.to_owned(), other.clone());
        }
    }
}

/// The object behind a key, made if it is not there.
pub(crate) fn object<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object above"),
    }
}

/// Appends to the text behind a key.
pub(crate) fn append(map: &mut Map<String, Value>, key: &str, piece: Option<&str>) {
    let before = map.get(key).and_then(Value::as_str).unwrap_or("");
    let text = format!("{before}{}", piece.unwrap_or(""));
    map.insert(key.to_owned(), Value::String(text));
}

/// Appends to the list behind a key.
pub(crate) fn extend(map: &mut Map<String, Value>, key: &str, more: &Value) {
    let mut list = map.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    match more {
        Value::Array(items) => list.extend(items.iter().cloned()),
        other => list.push(other.clone()),
    }
    map.insert(key.to_owned(), Value::Array(list));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::golden::Verdict;

    fn wrong(expected: Value, got: Value) -> usize {
        let mut out = Diffs::new(Verdict::Answer);
        usage(Some(&expected), Some(&got), "$.usage", &Volatile::default(), &mut out);
        out.list.len()
    }

    #[test]
    fn usage_rules() {
        assert_eq!(wrong(json!({"a": 1, "b": 0}), json!({"a": 1, "d": {"c": null}})), 0);
        assert_eq!(wrong(json!({"a": 1}), json!({"a": 1, "b": 2})), 1);
        assert_eq!(wrong(json!({"a": 1}), json!({})), 1);
        assert_eq!(wrong(json!({"d": {"text_tokens": 3}}), json!({})), 0);
        assert_eq!(wrong(json!({"d": {"text_tokens": 3}}), json!({"d": {"text_tokens": 4}})), 1);
        assert_eq!(wrong(json!({"d": {"text_tokens": 0}}), json!({"d": {"text_tokens": 4}})), 1);
    }
}
