//! Names and ids in the letters that Anthropic allows.

use std::{borrow::Cow, collections::BTreeMap};

/// Longest name of a tool.
const LONGEST: usize = 128;

/// Tool names that had to be changed: the name that is sent, and the client's.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// The name to send for a tool.
    pub(crate) fn send<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        if is_clean(name) && name.len() <= LONGEST {
            return Cow::Borrowed(name);
        }
        let base: String = clean(name).chars().take(LONGEST - 3).collect();
        let mut sent = base.clone();
        let mut number = 2;
        while self.0.get(&sent).is_some_and(|original| original != name) {
            sent = format!("{base}_{number}");
            number += 1;
        }
        self.0.insert(sent.clone(), name.to_owned());
        Cow::Owned(sent)
    }

    /// What has been changed, for the decoder.
    pub(crate) fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// An id of a tool call with all letters that Anthropic refuses replaced.
pub(crate) fn tool_id(id: &str) -> Cow<'_, str> {
    if is_clean(id) { Cow::Borrowed(id) } else { Cow::Owned(clean(id)) }
}

fn clean(text: &str) -> String {
    let cleaned: String = text.chars().map(|letter| if allowed(letter) { letter } else { '_' }).collect();
    if cleaned.is_empty() { "_".to_owned() } else { cleaned }
}

fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.chars().all(allowed)
}

fn allowed(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_names_stay_apart_and_come_back() {
        let mut names = Names::default();
        assert_eq!(names.send("get_weather"), "get_weather");
        assert_eq!(names.send("a.b"), "a_b");
        assert_eq!(names.send("a/b"), "a_b_2");
        assert_eq!(names.send("a.b"), "a_b");
        let map = names.into_map();
        assert_eq!(map.get("a_b").map(String::as_str), Some("a.b"));
        assert_eq!(map.get("a_b_2").map(String::as_str), Some("a/b"));
        assert_eq!(tool_id("call:1.x"), "call_1_x");
        assert_eq!(tool_id(""), "_");
    }
}
