//! Names and ids in the letters that Bedrock allows.

use std::{borrow::Cow, collections::BTreeMap};

use sha2::{Digest, Sha256};

/// Longest name of a tool, and longest id of a call.
const LONGEST: usize = 64;

/// Tool names that had to be changed: the name that is sent, and the client's.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// The name to send for a tool.
    pub(crate) fn send<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        if is_clean(name, &[]) {
            return Cow::Borrowed(name);
        }
        let base: String = clean(name, &[]).chars().take(LONGEST - 3).collect();
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

/// The id to send for a call. One that has to be changed gets a mark of its own, so that two stay two.
pub(crate) fn tool_id(id: &str) -> Cow<'_, str> {
    const ALSO: [char; 2] = ['.', ':'];
    if is_clean(id, &ALSO) {
        return Cow::Borrowed(id);
    }
    let kept: String = clean(id, &ALSO).chars().take(LONGEST - 9).collect();
    Cow::Owned(format!("{kept}_{}", hash(&[id.as_bytes()], 4)))
}

/// The name of a document, which depends on nothing but its content: prompts stay the same for caches.
pub(crate) fn document(base64: &str, format: &str) -> String {
    let length = base64.len().to_string();
    let hash = hash(&[base64.as_bytes(), length.as_bytes()], 8);
    format!("DocumentPDFmessages_{hash}_{format}")
}

/// The first bytes of a SHA-256 in hexadecimal digits.
fn hash(parts: &[&[u8]], bytes: usize) -> String {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

fn clean(text: &str, also: &[char]) -> String {
    text.chars().map(|letter| if allowed(letter, also) { letter } else { '_' }).collect()
}

fn is_clean(text: &str, also: &[char]) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.chars().all(|letter| allowed(letter, also))
}

fn allowed(letter: char, also: &[char]) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' || also.contains(&letter)
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
        assert_eq!(names.send(&"x".repeat(80)).len(), 61);
        assert_eq!(names.into_map().get("a_b").map(String::as_str), Some("a.b"));
    }

    #[test]
    fn ids_keep_what_bedrock_takes() {
        assert_eq!(tool_id("call:1.x-2"), "call:1.x-2");
        assert_eq!(tool_id("call:1/2|x"), "call:1_2_x_33e61062");
        assert_eq!(tool_id(&"x".repeat(80)).len(), 64);
    }
}
