//! A look into an object inside a checked text, without copies.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use crate::object::members;
use crate::text::unescape;
use crate::walk;

/// Members of a JSON object by key, in order, each key once; keys and values are the text's own wherever they can be.
///
/// As [`Extra`](crate::Extra), for objects that are read and thrown away.
#[derive(Clone, Default)]
pub struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// The members of an object; nothing if the text is something else. Made for values of scanned or parsed texts: it
    /// is not checked again.
    pub fn of(text: &'a str) -> Option<Self> {
        text.trim_ascii_start().starts_with('{').then(|| Self::from_members(members(text)))
    }

    /// These members; of those with the same key the last one counts.
    pub fn from_members(members: impl Iterator<Item = (Cow<'a, str>, &'a str)>) -> Self {
        let mut all: Vec<_> = members.map(|(key, value)| (key, Cow::Borrowed(value))).collect();
        // A pass per member is fastest for the usual few, but the sender decides how many there are.
        if all.len() <= 16 {
            for at in (0..all.len().saturating_sub(1)).rev() {
                let (before, after) = all.split_at(at + 1);
                if before.last().is_some_and(|(key, _)| after.iter().any(|(later, _)| later == key)) {
                    all.remove(at);
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(all.len());
            let last: Vec<bool> = all.iter().rev().map(|(key, _)| seen.insert(key.clone())).collect();
            let mut last = last.into_iter().rev();
            all.retain(|_| last.next().unwrap_or(true));
        }
        Self(all)
    }

    /// The JSON text of a member.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find_map(|(own, value)| (own == key).then_some(value))
    }

    /// The members in order, each with its JSON text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + DoubleEndedIterator {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a member at the end; one with the same key makes way for it.
    pub fn push(&mut self, key: Cow<'a, str>, json: Cow<'a, str>) {
        self.0.retain(|(own, _)| *own != key);
        self.0.push((key, json));
    }

    /// The members, those of `self` taken out.
    pub fn into_members(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0.into_iter()
    }
}

/// Prints the keys only: values are private.
impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

/// The text of a JSON string; nothing if the value is something else. As for [`Fields::of`], the JSON is known to be
/// well formed.
pub fn text(json: &str) -> Option<Cow<'_, str>> {
    json.strip_prefix('"')?.strip_suffix('"').map(unescape)
}

/// The JSON texts of a list's elements; nothing if the value is something else. As for [`Fields::of`], the JSON is known
/// to be well formed.
pub fn elements(json: &str) -> Option<Vec<&str>> {
    walk::elements(json)?.map(|span| json.get(span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_in_order_the_last_of_a_key() {
        let fields = Fields::of(r#" {"b":1.00,"a":{ "x" : null },"b":"\u0041","é\n":[1, 2]}"#).unwrap();
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [("a", r#"{ "x" : null }"#), ("b", r#""\u0041""#), ("é\n", "[1, 2]")]);
        assert_eq!(text(fields.get("b").unwrap()).as_deref(), Some("A"));
        assert_eq!(elements(fields.get("é\n").unwrap()), Some(vec!["1", "2"]));
        assert_eq!(format!("{fields:?}"), r#"{"a", "b", "é\n"}"#);
        assert!(Fields::of("[1]").is_none() && Fields::of("{}").unwrap().is_empty());
        assert!(text("1").is_none() && elements("{}").is_none());
        assert_eq!(
            elements(r#" [ [1,"]"] , {"a":[]},"x" ] "#),
            Some(vec![r#"[1,"]"]"#, r#"{"a":[]}"#, r#""x""#])
        );
        assert_eq!(elements("[ ]"), Some(Vec::new()));
        let many: Vec<String> = (0..1000).map(|n| format!(r#""k{}":{n}"#, n % 100)).collect();
        let many = format!("{{{}}}", many.join(","));
        let fields = Fields::of(&many).unwrap();
        assert_eq!((fields.iter().len(), fields.get("k7")), (100, Some("907")));
    }

    #[test]
    fn a_pushed_member_takes_the_place_of_the_old() {
        let mut fields = Fields::of(r#"{"a":1,"b":2}"#).unwrap();
        fields.push("a".into(), "3".into());
        assert_eq!(fields.into_members().map(|(key, _)| key).collect::<Vec<_>>(), ["b", "a"]);
    }
}
