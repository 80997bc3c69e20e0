//! Objects whose members clients may write in either of protobuf's spellings: `inlineData` or `inline_data`.

use lockgate_core::{Error, Extra, Raw, Result, wire::Object};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A JSON object, its members found by their names in camel case.
#[derive(Clone, Debug, Default)]
pub(super) struct Named(Extra);

impl Named {
    /// The members of a scanned body.
    pub(super) fn of(body: &Object) -> Self {
        let mut members = Extra::new();
        for member in body.members() {
            let text = std::str::from_utf8(member.raw).unwrap_or("null");
            members.push(&*member.key, crate::wire::raw(text));
        }
        Self(members)
    }

    /// The object, if it is one.
    pub(super) fn read(raw: &RawValue) -> Option<Self> {
        crate::wire::read(raw)
    }

    /// A member in either spelling; nothing if it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let mut found = self.0.iter().filter(|(key, value)| is(key, name) && value.get() != "null");
        found.next_back().map(|(_, value)| value)
    }

    /// A member as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        crate::wire::read(self.get(name)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Extra::deserialize(deserializer).map(Self)
    }
}

/// A member; none if it is absent or null.
///
/// # Errors
/// It has another type than it should have.
pub(super) fn field<T: DeserializeOwned>(members: &Named, name: &str) -> Result<Option<T>> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let read = serde_json::from_str(value.get());
    read.map(Some).map_err(|_| Error::bad_field(name, format!("`{name}` has the wrong type.")))
}

/// A member that may be one thing or a list of them.
pub(super) fn list(members: &Named, name: &str) -> Result<Vec<Raw>> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(value) if value.get().starts_with('[') => Ok(field(members, name)?.unwrap_or_default()),
        Some(value) => Ok(vec![value.to_owned()]),
    }
}

/// Whether a key is the name in camel case, or the same in snake case.
pub(super) fn is(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    let mut key = key.bytes();
    let spelt = name.bytes().all(|byte| match byte.is_ascii_uppercase() {
        true => key.next() == Some(b'_') && key.next() == Some(byte.to_ascii_lowercase()),
        false => key.next() == Some(byte),
    });
    spelt && key.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::is;

    #[test]
    fn both_spellings_are_the_same_name() {
        for (key, name, same) in [
            ("inlineData", "inlineData", true),
            ("inline_data", "inlineData", true),
            ("inline_dat", "inlineData", false),
            ("inline_data_", "inlineData", false),
            ("inlinedata", "inlineData", false),
            ("top_k", "topK", true),
        ] {
            assert_eq!(is(key, name), same, "{key}");
        }
    }
}
