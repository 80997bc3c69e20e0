//! JSON text that is kept as it is: made, written and read, for dialect crates.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::Raw;

/// JSON text as a raw value; `null` if it is not JSON.
pub fn raw(json: impl Into<String>) -> Raw {
    RawValue::from_string(json.into()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Any value as raw JSON; `null` if it cannot be written as JSON.
pub fn to_raw<T: Serialize + ?Sized>(value: &T) -> Raw {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The value read as `T`, or nothing if it is something else.
pub fn read<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}
