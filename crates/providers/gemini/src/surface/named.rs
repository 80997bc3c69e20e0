//! Objects whose members clients may write in either of protobuf's spellings: `inlineData` or `inline_data`.

use std::borrow::Cow;

use lockgate_core::{
    Error, Result,
    wire::{Fields, Object, elements, text},
};
use serde::de::DeserializeOwned;

/// A JSON object, its members found by their names in camel case.
#[derive(Clone, Debug, Default)]
pub(super) struct Named<'a>(Fields<'a>);

impl<'a> Named<'a> {
    /// The members of a scanned body.
    pub(super) fn of(body: &'a Object) -> Self {
        let members = body.members().map(|member| (member.key, std::str::from_utf8(member.raw)));
        Self(Fields::from_members(members.filter_map(|(key, json)| Some((key, json.ok()?)))))
    }

    /// The object, if the JSON is one.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        Fields::of(json).map(Self)
    }

    /// An object of one member.
    pub(super) fn one(name: &'static str, json: impl Into<Cow<'a, str>>) -> Self {
        let mut members = Fields::default();
        members.push(name.into(), json.into());
        Self(members)
    }

    /// The JSON of a member in either spelling; nothing if it is missing or null.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(key, value)| is(key, name) && *value != "null");
        found.next_back().map(|(_, value)| value)
    }

    /// A member as an object.
    pub(super) fn object(&self, name: &str) -> Option<Named<'_>> {
        Named::read(self.get(name)?)
    }

    /// A member as text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?).map(Cow::into_owned)
    }

    /// The members as they are spelt, with their JSON.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter()
    }
}

/// A member; none if it is absent or null.
///
/// # Errors
/// It has another type than it should have.
pub(super) fn field<T: DeserializeOwned>(members: &Named<'_>, name: &str) -> Result<Option<T>> {
    let Some(value) = members.get(name) else { return Ok(None) };
    serde_json::from_str(value).map(Some).map_err(|_| wrong(name))
}

/// A member that is an object; none if it is absent or null.
///
/// # Errors
/// It is something else.
pub(super) fn object<'n>(members: &'n Named<'_>, name: &str) -> Result<Option<Named<'n>>> {
    let Some(value) = members.get(name) else { return Ok(None) };
    Named::read(value).map(Some).ok_or_else(|| wrong(name))
}

/// The JSON of a member that may be one thing or a list of them.
///
/// # Errors
/// The list cannot be read.
pub(super) fn list<'n>(members: &'n Named<'_>, name: &str) -> Result<Vec<&'n str>> {
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(value) if value.starts_with('[') => elements(value).ok_or_else(|| wrong(name)),
        Some(value) => Ok(vec![value]),
    }
}

fn wrong(name: &str) -> Error {
    Error::bad_field(name, format!("`{name}` has the wrong type."))
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
