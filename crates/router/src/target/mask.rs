//! Parameters for people to see.

use serde_json::{Map, Value};

/// The parameters for people to see: what may be a secret is masked.
pub(super) fn masked(params: &Map<String, Value>) -> Value {
    let mask = |(name, value): (&String, &Value)| {
        let shown = match value {
            Value::Object(object) if name == "extra_headers" || name == "headers" => {
                Value::Object(object.keys().map(|key| (key.clone(), Value::from("****"))).collect())
            }
            Value::Object(object) => masked(object),
            Value::String(_) if is_secret(name) => Value::from("****"),
            other => other.clone(),
        };
        (name.clone(), shown)
    };
    Value::Object(params.iter().map(mask).collect())
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let parts = ["api_key", "secret", "password", "credential", "private", "access_key", "oci_key"];
    parts.iter().any(|part| name.contains(part)) || name == "token" || name.ends_with("_token")
}
