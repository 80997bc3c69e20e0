//! Values of answers that must not fail a parse, whatever an upstream puts there.

pub(crate) use lockgate_core::json::{raw, to_raw};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// A value that is simply missing when it is not of the expected type.
#[derive(Clone, Debug)]
pub(crate) struct Lax<T>(pub(crate) Option<T>);

impl<T> Default for Lax<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lax<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Borrowed, so that a value of another type costs no copy. All parsing here is of whole texts in memory.
        let raw = <&serde_json::value::RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl<T: Serialize> Serialize for Lax<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A count of tokens, also written as a float.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Saturates; a negative or broken count is none.
            (float >= 0.0 && float.is_finite()).then_some(float as u64)
        });
        whole.map(Self).ok_or_else(|| serde::de::Error::custom("expected a count"))
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Lax<Count> {
    pub(crate) fn get(&self) -> Option<u64> {
        self.0.map(|count| count.0)
    }
}
