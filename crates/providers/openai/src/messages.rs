//! What a row or a family wants changed inside `messages`. Only a body that has something to change is parsed.

use std::collections::BTreeSet;

use lockgate_core::{Extra, Raw, hub::Content};
use memchr::memmem;

use crate::{
    lax::{raw, to_raw},
    path::{remove_everywhere, replaced},
};

/// The changes that are wanted.
pub(crate) struct Rules<'a> {
    /// `developer` becomes `system`.
    pub(crate) developer_as_system: bool,
    /// `system` and `developer` become `user`.
    pub(crate) system_as_user: bool,
    /// `cache_control` goes.
    pub(crate) strip_cache_control: bool,
    /// Lists of text parts become one string.
    pub(crate) flatten_content: bool,
    /// `content: null` goes.
    pub(crate) omit_null_content: bool,
    /// Members of every message that go.
    pub(crate) drop: &'a BTreeSet<String>,
}

impl Rules<'_> {
    /// The messages as the target wants them; `None` if that is how they are.
    pub(crate) fn apply(&self, messages: &str) -> Option<String> {
        if !self.concerns(messages.as_bytes()) {
            return None;
        }
        let mut list: Vec<Raw> = serde_json::from_str(messages).ok()?;
        let mut changed = false;
        for item in &mut list {
            if let Some(message) = self.message(item.get()) {
                *item = message;
                changed = true;
            }
        }
        changed.then(|| to_raw(&list).get().to_owned())
    }

    /// A cheap look for anything that a rule might change.
    fn concerns(&self, messages: &[u8]) -> bool {
        let has = |needle: &str| memmem::find(messages, needle.as_bytes()).is_some();
        (self.developer_as_system && has("\"developer\""))
            || (self.system_as_user && (has("\"system\"") || has("\"developer\"")))
            || (self.strip_cache_control && has("\"cache_control\""))
            || (self.flatten_content && has("\"type\""))
            || (self.omit_null_content && has("null"))
            || self.drop.iter().any(|name| has(&format!("\"{name}\"")))
    }

    fn message(&self, text: &str) -> Option<Raw> {
        let mut message: Extra = serde_json::from_str(text).ok()?;
        let mut changed = false;
        let role = message.get("role").map(|role| role.get().to_owned()).unwrap_or_default();
        let role = match role.as_str() {
            "\"developer\"" | "\"system\"" if self.system_as_user => Some("\"user\""),
            "\"developer\"" if self.developer_as_system => Some("\"system\""),
            _ => None,
        };
        if let Some(role) = role {
            message = replaced(message, "role", raw(role));
            changed = true;
        }
        if self.strip_cache_control {
            changed |= message.remove("cache_control").is_some();
            let cache_control = BTreeSet::from(["cache_control".to_owned()]);
            let content = message.get("content").and_then(|content| remove_everywhere(content.get(), &cache_control));
            if let Some(content) = content {
                message = replaced(message, "content", content);
                changed = true;
            }
        }
        if self.flatten_content
            && let Some(text) = message.get("content").and_then(|content| flat(content.get()))
        {
            message = replaced(message, "content", text);
            changed = true;
        }
        if self.omit_null_content && message.get("content").is_some_and(|content| content.get() == "null") {
            message.remove("content");
            changed = true;
        }
        for name in self.drop {
            changed |= message.remove(name).is_some();
        }
        changed.then(|| to_raw(&message))
    }
}

/// A list of nothing but text parts as one string.
fn flat(content: &str) -> Option<Raw> {
    match serde_json::from_str(content).ok()? {
        Content::Parts(parts) if parts.iter().all(|part| part.kind == "text") => {
            Some(to_raw(&Content::Parts(parts).text()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(drop: &BTreeSet<String>) -> Rules<'_> {
        Rules {
            developer_as_system: false,
            system_as_user: false,
            strip_cache_control: false,
            flatten_content: false,
            omit_null_content: false,
            drop,
        }
    }

    #[test]
    fn each_rule_changes_what_it_says_and_nothing_else() {
        let none = BTreeSet::new();
        let name = BTreeSet::from(["name".to_owned()]);
        for (rules, before, after) in [
            (
                Rules { developer_as_system: true, ..rules(&none) },
                r#"[{"role":"developer","content":"a","x":1.0}]"#,
                r#"[{"role":"system","content":"a","x":1.0}]"#,
            ),
            (
                Rules { system_as_user: true, ..rules(&none) },
                r#"[{"role":"system","content":"a"}]"#,
                r#"[{"role":"user","content":"a"}]"#,
            ),
            (
                Rules { strip_cache_control: true, ..rules(&none) },
                r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]"#,
                r#"[{"role":"user","content":[{"type":"text","text":"a"}]}]"#,
            ),
            (
                Rules { flatten_content: true, ..rules(&none) },
                r#"[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]"#,
                r#"[{"role":"user","content":"ab"}]"#,
            ),
            (
                Rules { omit_null_content: true, ..rules(&none) },
                r#"[{"role":"assistant","content":null,"tool_calls":[]}]"#,
                r#"[{"role":"assistant","tool_calls":[]}]"#,
            ),
            (rules(&name), r#"[{"role":"user","name":"n","content":""}]"#, r#"[{"role":"user","content":""}]"#),
        ] {
            assert_eq!(rules.apply(before).unwrap(), after);
            assert!(rules.apply(after).is_none());
        }
    }

    #[test]
    fn images_are_never_flattened_away() {
        let none = BTreeSet::new();
        let rules = Rules { flatten_content: true, ..rules(&none) };
        assert!(rules.apply(r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]"#).is_none());
    }
}
