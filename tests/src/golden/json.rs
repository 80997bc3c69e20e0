//! Comparing JSON values, with the tolerances of requests and of answers.

use serde_json::Value;

use crate::golden::diff::Diffs;

/// Paths that need not be equal, with `[*]` for any index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Volatile(Vec<String>);

impl Volatile {
    pub(crate) fn new(paths: &[String]) -> Self {
        Self(paths.to_vec())
    }

    pub(crate) fn push(&mut self, path: String) {
        self.0.push(path);
    }

    /// Whether the path is one of these or lies below one.
    pub(crate) fn covers(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| below(pattern, path))
    }
}

fn below(pattern: &str, path: &str) -> bool {
    let Some((head, tail)) = pattern.split_once("[*]") else {
        return path
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    };
    let Some(rest) = path.strip_prefix(head).and_then(|rest| rest.strip_prefix('[')) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && rest[digits..].strip_prefix(']').is_some_and(|rest| below(tail, rest))
}

/// How strictly to compare.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Mode {
    /// Requests: a key may be absent only where null is expected, or for `"stream": false`, every API's default.
    Request,
    /// Answers: null, `{}` and `[]` mean the same as absent.
    Answer,
}

/// Lists of an answer that must be there even when empty.
const REQUIRED: [&str; 5] = ["choices", "data", "results", "embedding", "output"];

/// Compares two values below `path`.
pub(crate) fn compare(
    expected: &Value,
    got: &Value,
    path: &str,
    mode: Mode,
    volatile: &Volatile,
    out: &mut Diffs,
) {
    if volatile.covers(path) {
        return;
    }
    match (expected, got) {
        (Value::Number(a), Value::Number(b)) => {
            if !close(a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN)) {
                out.values(path, Some(expected), Some(got));
            }
        }
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let path = format!("{path}.{key}");
                match b.get(key) {
                    Some(other) => compare(value, other, &path, mode, volatile, out),
                    None if may_lack(key, value, mode) || volatile.covers(&path) => {}
                    None => out.values(path, Some(value), None),
                }
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                let path = format!("{path}.{key}");
                if !may_add(key, value, mode) && !volatile.covers(&path) {
                    out.values(path, None, Some(value));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                out.add(path, format!("{} items: {expected}", a.len()), format!("{} items: {got}", b.len()));
            }
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, &format!("{path}[{index}]"), mode, volatile, out);
            }
        }
        (Value::String(a), Value::String(b)) if a == b || same_json_text(a, b) => {}
        _ if mode == Mode::Answer && empty(expected) && empty(got) => {}
        _ if expected == got => {}
        _ => out.values(path, Some(expected), Some(got)),
    }
}

fn may_lack(key: &str, value: &Value, mode: Mode) -> bool {
    value.is_null()
        || is_stream_off(key, value)
        || mode == Mode::Answer && empty(value) && !REQUIRED.contains(&key)
}

fn may_add(key: &str, value: &Value, mode: Mode) -> bool {
    match mode {
        Mode::Answer => empty(value),
        Mode::Request => is_stream_off(key, value),
    }
}

fn is_stream_off(key: &str, value: &Value) -> bool {
    matches!(key, "stream" | "isStream") && *value == Value::Bool(false)
}

/// Equal within what printing a float may lose.
pub(crate) fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 + 1e-9 * a.abs()
}

/// Null, an empty list, an empty object, or an object of nothing but these.
pub(crate) fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(empty),
        _ => false,
    }
}

/// Two texts that hold the same JSON object or list: serialisers differ in spaces and in the order of keys.
fn same_json_text(a: &str, b: &str) -> bool {
    if !a.starts_with(['{', '[']) || !b.starts_with(['{', '[']) {
        return false;
    }
    let (Ok(a), Ok(b)) = (serde_json::from_str::<Value>(a), serde_json::from_str::<Value>(b)) else {
        return false;
    };
    let mut out = Diffs::new(super::Verdict::Request);
    compare(&a, &b, "$", Mode::Request, &Volatile::default(), &mut out);
    out.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::golden::Verdict;

    fn differs(expected: Value, got: Value, mode: Mode) -> bool {
        let mut out = Diffs::new(Verdict::Request);
        compare(&expected, &got, "$", mode, &Volatile::default(), &mut out);
        !out.is_empty()
    }

    #[test]
    fn requests_are_strict() {
        assert!(!differs(json!({"a": 1, "b": null}), json!({"a": 1.0, "stream": false}), Mode::Request));
        assert!(!differs(json!({"a": "{\"x\": 1}"}), json!({"a": "{\"x\":1}"}), Mode::Request));
        assert!(differs(json!({"a": 1}), json!({"a": 1, "b": null}), Mode::Request));
        assert!(differs(json!({"a": 1}), json!({"a": "1"}), Mode::Request));
        assert!(differs(json!({"a": [1, 2]}), json!({"a": [2, 1]}), Mode::Request));
        assert!(differs(json!({"a": []}), json!({}), Mode::Request));
    }

    #[test]
    fn answers_take_null_and_empty_as_absent() {
        assert!(!differs(json!({"a": []}), json!({"b": {"c": null}}), Mode::Answer));
        assert!(differs(json!({"choices": []}), json!({}), Mode::Answer));
        assert!(differs(json!({"a": 1}), json!({"a": 1, "b": 0}), Mode::Answer));
    }

    #[test]
    fn volatile_paths() {
        let volatile = Volatile::new(&["$.a[*].id".to_owned(), "$.b".to_owned()]);
        for (path, covered) in [
            ("$.a[0].id", true),
            ("$.a[12].id.x", true),
            ("$.a[0].ids", false),
            ("$.b[1]", true),
            ("$.bc", false),
        ] {
            assert_eq!(volatile.covers(path), covered, "{path}");
        }
    }
}
