//! JSON objects, written member by member.

use lockgate_core::{Extra, Raw, json::raw, wire::quote_into};
use serde::Serialize;

/// A JSON object in the making, its members in the order in which they are added.
#[derive(Default)]
pub(crate) struct Json(String);

impl Json {
    pub(crate) fn new() -> Self {
        let mut text = String::with_capacity(256);
        text.push('{');
        Self(text)
    }

    pub(crate) fn raw(mut self, key: &str, json: &str) -> Self {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        quote_into(&mut self.0, key);
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    pub(crate) fn text(self, key: &str, value: &str) -> Self {
        let mut json = self.raw(key, "");
        quote_into(&mut json.0, value);
        json
    }

    pub(crate) fn maybe(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds members that are kept as they came.
    pub(crate) fn extra(self, extra: &Extra) -> Self {
        extra.iter().fold(self, |json, (key, value)| json.raw(key, value.get()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    pub(crate) fn finish(self) -> Raw {
        raw(self.into_text())
    }

    pub(crate) fn into_text(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A JSON list of these values.
pub(crate) fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut list = String::from("[");
    for item in items {
        list.push_str(if list.len() > 1 { "," } else { "" });
        list.push_str(item.as_ref());
    }
    list.push(']');
    list
}

/// Any value as JSON; `null` if it cannot be written as JSON.
pub(crate) fn written(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
