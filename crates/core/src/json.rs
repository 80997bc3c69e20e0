//! JSON text that is kept as it is: made, written and read, for dialect crates.

use serde::{Deserializer, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    Raw,
    wire::{Lenient, Take, repaired, take},
};

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

/// A whole text. As serde_json's own function, but the text is checked for UTF-8 in one go instead of string by string.
///
/// # Errors
/// As serde_json's.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    match simdutf8::basic::from_utf8(text) {
        Ok(text) => parse_text(text),
        // For its words about where.
        Err(_) => serde_json::from_slice(text),
    }
}

/// As [`parse`]. What no value can hold, half of a surrogate pair or a number beyond all range, fails no text: see
/// [`repaired`].
///
/// # Errors
/// As serde_json's.
pub fn parse_text<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text).or_else(|why| match repaired(text) {
        Some(better) => serde_json::from_str(&better),
        None => Err(why),
    })
}

/// A provider's whole answer.
///
/// # Errors
/// It is no JSON of that form: told as [`malformed`](crate::refusal::malformed) does.
pub fn answer<T: DeserializeOwned>(body: &[u8]) -> crate::Result<T> {
    parse(body).map_err(|why| crate::refusal::malformed(body, why))
}

/// A count of tokens, also written as a float.
#[derive(Clone, Copy, Debug)]
pub struct Count(pub u64);

impl Take<'_> for Count {
    fn whole(number: u64) -> Option<Self> {
        Some(Self(number))
    }

    fn float(number: f64) -> Option<Self> {
        // Saturates; a negative or broken count is none.
        (number >= 0.0 && number.is_finite()).then_some(Self(number as u64))
    }
}

impl Lenient for Count {
    fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        take(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_value_can_hold_fails_no_text() {
        assert_eq!(parse::<String>(br#""x\ud83d""#).unwrap(), "x\u{fffd}");
        assert_eq!(parse::<Vec<Option<f64>>>(b"[1e999,1.5]").unwrap(), [None, Some(1.5)]);
        assert!(parse::<String>(br#""x"#).is_err() && parse::<String>(b"\"\xff\"").is_err());
    }
}
