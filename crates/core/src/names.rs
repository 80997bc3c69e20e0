//! Names and ids in the letters that a provider allows.

use std::{borrow::Cow, collections::BTreeMap};

/// Tool names that had to be changed: the name that is sent, and the client's.
pub struct ToolNames {
    longest: usize,
    changed: BTreeMap<String, String>,
}

impl ToolNames {
    /// For a provider that takes letters, digits, `_` and `-`, and so many of them.
    pub fn new(longest: usize) -> Self {
        Self { longest, changed: BTreeMap::new() }
    }

    /// The name to send for a tool.
    pub fn send<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        if is_clean(name, &[]) && name.len() <= self.longest {
            return Cow::Borrowed(name);
        }
        let base: String = clean(name, &[]).chars().take(self.longest.saturating_sub(3)).collect();
        let base = if base.is_empty() { "_".to_owned() } else { base };
        let mut sent = base.clone();
        let mut number = 2;
        while self.changed.get(&sent).is_some_and(|original| original != name) {
            sent = format!("{base}_{number}");
            number += 1;
        }
        self.changed.insert(sent.clone(), name.to_owned());
        Cow::Owned(sent)
    }

    /// What has been changed, for the decoder.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.changed
    }
}

/// The text with all letters replaced that are none of letters, digits, `_`, `-` and `also`.
pub fn clean(text: &str, also: &[char]) -> String {
    text.chars().map(|letter| if allowed(letter, also) { letter } else { '_' }).collect()
}

/// Whether there is a text, and nothing in it that [`clean`] would replace.
pub fn is_clean(text: &str, also: &[char]) -> bool {
    !text.is_empty() && text.chars().all(|letter| allowed(letter, also))
}

fn allowed(letter: char, also: &[char]) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' || also.contains(&letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_names_stay_apart_and_come_back() {
        let mut names = ToolNames::new(64);
        assert_eq!(names.send("get_weather"), "get_weather");
        assert_eq!(names.send("a.b"), "a_b");
        assert_eq!(names.send("a/b"), "a_b_2");
        assert_eq!(names.send("a.b"), "a_b");
        assert_eq!(names.send(""), "_");
        assert_eq!(names.send(&"x".repeat(80)).len(), 61);
        let map = names.into_map();
        assert_eq!(map.get("a_b").map(String::as_str), Some("a.b"));
        assert_eq!(map.get("a_b_2").map(String::as_str), Some("a/b"));
    }
}
