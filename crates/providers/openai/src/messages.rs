//! What a row or a family wants changed inside `messages`. Only a body that has something to change is parsed.

use std::collections::BTreeSet;

use lockgate_core::{
    Extra, Raw,
    hub::{Content, Message, Part},
    json::{raw, to_raw},
    wire::quote,
};
use memchr::memmem;

use crate::path::{remove_everywhere, replaced};

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
    /// Members of every message that go.
    pub(crate) drop: &'a BTreeSet<String>,
    /// Put as reasoning into assistant messages that have tool calls and none.
    pub(crate) tool_call_reasoning: Option<&'a str>,
    /// Assistant messages that say and call nothing go.
    pub(crate) drop_empty_assistant: bool,
    /// Videos in `file` parts become `video_url` parts.
    pub(crate) video_files_as_url: bool,
}

impl Rules<'_> {
    /// The messages as the target wants them; `None` if that is how they are.
    pub(crate) fn apply(&self, messages: &[u8]) -> Option<String> {
        let said = |word: &str| memmem::find(messages, quote(word).as_bytes()).is_some();
        if !self.concern(said) {
            return None;
        }
        let mut list: Vec<Raw> = serde_json::from_slice(messages).ok()?;
        let mut changed = false;
        if self.drop_empty_assistant {
            let before = list.len();
            list.retain(|message| !is_empty_assistant(message.get()));
            changed = list.len() < before;
        }
        for item in &mut list {
            if let Some(message) = self.message(item.get()) {
                *item = message;
                changed = true;
            }
        }
        changed.then(|| to_raw(&list).get().to_owned())
    }

    /// A cheap look for anything that a rule might change, by the strings that are `said` anywhere in the messages.
    pub(crate) fn concern(&self, said: impl Fn(&str) -> bool) -> bool {
        (self.developer_as_system && said("developer"))
            || (self.system_as_user && (said("system") || said("developer")))
            || (self.strip_cache_control && said("cache_control"))
            || (self.flatten_content && said("type"))
            || (self.tool_call_reasoning.is_some() && said("tool_calls"))
            || (self.drop_empty_assistant && said("assistant"))
            || (self.video_files_as_url && said("file"))
            || self.drop.iter().any(|name| said(name))
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
            let content =
                message.get("content").and_then(|content| remove_everywhere(content.get(), &cache_control));
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
        if let Some(text) = self.tool_call_reasoning
            && message.contains("tool_calls")
            && !message.contains("reasoning_content")
        {
            message.push("reasoning_content", to_raw(text));
            changed = true;
        }
        if self.video_files_as_url
            && let Some(content) = message.get("content").and_then(|content| videos(content.get()))
        {
            message = replaced(message, "content", content);
            changed = true;
        }
        for name in self.drop {
            changed |= message.remove(name).is_some();
        }
        changed.then(|| to_raw(&message))
    }
}

/// The messages without their `"content": null`; `None` if there is none. Found in the bytes, without a parse: a quote
/// inside a JSON string is escaped, so this can be nothing but a member.
pub(crate) fn without_null_content(messages: &[u8]) -> Option<Vec<u8>> {
    const KEY: &[u8] = b"\"content\"";
    let mut out = Vec::new();
    let mut copied = 0;
    for at in memmem::find_iter(messages, KEY) {
        let rest = messages.get(at + KEY.len()..)?.trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        let Some(rest) = value.and_then(|value| value.strip_prefix(b"null")) else { continue };
        let rest = rest.trim_ascii_start();
        let before = messages.get(copied..at)?;
        match rest.strip_prefix(b",") {
            Some(rest) => {
                out.extend_from_slice(before);
                copied = messages.len() - rest.trim_ascii_start().len();
            }
            None => {
                // The last member takes the comma before it along.
                let before = before.trim_ascii_end();
                out.extend_from_slice(before.strip_suffix(b",").unwrap_or(before));
                copied = messages.len() - rest.len();
            }
        }
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(messages.get(copied..)?);
    Some(out)
}

/// Whether an assistant's message has neither content nor tool calls.
fn is_empty_assistant(message: &str) -> bool {
    let Ok(message) = serde_json::from_str::<Message>(message) else { return false };
    message.role == "assistant"
        && message.content.is_none_or(|content| content.is_empty())
        && message.tool_calls.is_none_or(|calls| calls.is_empty())
        && message.function_call.is_none()
}

/// Content whose `file` parts hold videos, with `video_url` parts instead.
fn videos(content: &str) -> Option<Raw> {
    let Content::Parts(mut parts) = serde_json::from_str(content).ok()? else { return None };
    let mut changed = false;
    for part in &mut parts {
        let data = part.file.as_ref().and_then(|file| file.file_data.as_deref());
        let Some(url) = data.filter(|data| data.starts_with("data:video/")) else { continue };
        let mut extra = Extra::new();
        extra.push("video_url", raw(format!("{{\"url\":{}}}", quote(url))));
        *part = Part { kind: "video_url".to_owned(), extra, ..Part::default() };
        changed = true;
    }
    changed.then(|| to_raw(&parts))
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
            drop,
            tool_call_reasoning: None,
            drop_empty_assistant: false,
            video_files_as_url: false,
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
                Rules { tool_call_reasoning: Some(" "), ..rules(&none) },
                r#"[{"role":"assistant","tool_calls":[{"id":"a"}]}]"#,
                r#"[{"role":"assistant","tool_calls":[{"id":"a"}],"reasoning_content":" "}]"#,
            ),
            (
                Rules { drop_empty_assistant: true, ..rules(&none) },
                r#"[{"role":"assistant","content":""},{"role":"assistant","content":"x"}]"#,
                r#"[{"role":"assistant","content":"x"}]"#,
            ),
            (
                Rules { video_files_as_url: true, ..rules(&none) },
                r#"[{"role":"user","content":[{"type":"file","file":{"file_data":"data:video/mp4;base64,AA"}}]}]"#,
                r#"[{"role":"user","content":[{"type":"video_url","video_url":{"url":"data:video/mp4;base64,AA"}}]}]"#,
            ),
            (
                rules(&name),
                r#"[{"role":"user","name":"n","content":""}]"#,
                r#"[{"role":"user","content":""}]"#,
            ),
        ] {
            assert_eq!(rules.apply(before.as_bytes()).unwrap(), after);
            assert!(rules.apply(after.as_bytes()).is_none());
        }
    }

    #[test]
    fn null_content_goes_wherever_it_stands() {
        for (before, after) in [
            (r#"[{"role":"a","content": null,"x":1}]"#, r#"[{"role":"a","x":1}]"#),
            (r#"[{"role":"a", "content":null }]"#, r#"[{"role":"a"}]"#),
            (r#"[{"content":null},{"content" : null , "y":2}]"#, r#"[{},{"y":2}]"#),
        ] {
            assert_eq!(without_null_content(before.as_bytes()).unwrap(), after.as_bytes());
        }
        assert!(without_null_content(br#"[{"content":"\"content\":null"},{"content":""}]"#).is_none());
    }

    #[test]
    fn images_are_never_flattened_away() {
        let none = BTreeSet::new();
        let rules = Rules { flatten_content: true, ..rules(&none) };
        assert!(
            rules
                .apply(br#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]"#)
                .is_none()
        );
    }
}
