//! An ordered list of members kept as raw JSON text: what a typed view does not know.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::view::Key;

/// Members of a JSON object with their values as raw text, in order, each key once.
#[derive(Clone, Default)]
pub struct Extra(Vec<(Box<str>, Box<RawValue>)>);

impl Extra {
    /// No members.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member at the end; one with the same key makes way for it.
    pub fn push(&mut self, key: impl Into<Box<str>>, value: Box<RawValue>) {
        let key = key.into();
        self.remove(&key);
        self.0.push((key, value));
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.iter().find_map(|(own, value)| (own == key).then_some(value))
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<Box<RawValue>> {
        let at = self.0.iter().position(|(own, _)| **own == *key)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &RawValue)> + DoubleEndedIterator {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is such a member, `null` included.
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Takes all members out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the members that `keep` says yes to.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &RawValue) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    /// Reads the value of a member whose key was just read, for a hand-written `Deserialize`.
    ///
    /// Call [`Extra::settle`] after the last one.
    pub fn collect<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        self.0.push((key.into(), map.next_value()?));
        Ok(())
    }

    /// Drops all but the last of the members with the same key.
    pub fn settle(&mut self) {
        // A pass per member is fastest for the usual few, but the sender decides how many there are.
        if self.0.len() <= 16 {
            for at in (0..self.0.len()).rev() {
                let (before, after) = self.0.split_at(at);
                let repeated =
                    before.last().is_some_and(|(key, _)| after.iter().any(|(later, _)| later == key));
                if repeated {
                    self.0.remove(at - 1);
                }
            }
            return;
        }
        let mut seen = HashSet::with_capacity(self.0.len());
        let last: Vec<bool> = self.0.iter().rev().map(|(key, _)| seen.insert(&**key)).collect();
        let mut last = last.into_iter().rev();
        self.0.retain(|_| last.next().unwrap_or(true));
    }

    /// Writes all members into a map that is being serialized.
    pub fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))
    }
}

/// Same keys with the same text in the same order.
impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.iter()
            .map(|(key, value)| (key, value.get()))
            .eq(other.iter().map(|(key, value)| (key, value.get())))
    }
}

impl Eq for Extra {}

/// Prints the keys only: values are private.
impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.serialize_into(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Extra;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Extra, M::Error> {
                let mut extra = Extra::new();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    extra.collect(&key, &mut map)?;
                }
                extra.settle();
                Ok(extra)
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn keeps_order_and_text() {
        let text = r#"{"b":1.00,"a":{ "x" : null },"é\n":"\u0041"}"#;
        let extra: Extra = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&extra).unwrap(), text);
        assert_eq!(extra.len(), 3);
        assert_eq!(extra.get("a").unwrap().get(), r#"{ "x" : null }"#);
        assert!(extra.contains("é\n") && !extra.contains("c"));
        assert_eq!(format!("{extra:?}"), r#"{"b", "a", "é\n"}"#);
    }

    #[test]
    fn the_last_duplicate_wins_however_many_there_are() {
        let extra: Extra = serde_json::from_str(r#"{"a":1,"b":2,"a":3,"a":4}"#).unwrap();
        assert_eq!(serde_json::to_string(&extra).unwrap(), r#"{"b":2,"a":4}"#);
        let many: Vec<String> = (0..1000).map(|n| format!(r#""k{}":{n}"#, n % 100)).collect();
        let extra: Extra = serde_json::from_str(&format!("{{{}}}", many.join(","))).unwrap();
        assert_eq!(extra.len(), 100);
        assert_eq!(extra.get("k7").unwrap().get(), "907");
    }

    #[test]
    fn edits() {
        let mut extra = Extra::new();
        extra.push("a", raw("1"));
        extra.push("b", raw("2"));
        extra.push("a", raw("3"));
        assert_eq!(serde_json::to_string(&extra).unwrap(), r#"{"b":2,"a":3}"#);
        let same: Extra = serde_json::from_str(r#"{"b":2,"a":3}"#).unwrap();
        assert_eq!(extra, same);
        assert_eq!(extra.remove("b").unwrap().get(), "2");
        assert_ne!(extra, same);
        assert!(extra.remove("b").is_none());
        extra.retain(|key, _| key != "a");
        assert!(extra.is_empty());
    }
}
