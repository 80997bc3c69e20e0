//! What Copilot wants to know of a conversation, seen in its JSON text without parsing it. A quote inside a string is
//! escaped there, so that what is found is a member, not something that was said.

use memchr::memmem;

/// Whether the model or a tool has spoken already.
pub(crate) fn by_agent(messages: &[u8]) -> bool {
    has(messages, b"\"role\"", &[b"\"assistant\"", b"\"tool\""])
        || has(messages, b"\"type\"", &[b"\"function_call_output\"", b"\"tool_result\""])
}

/// Whether there are pictures.
pub(crate) fn shows_pictures(messages: &[u8]) -> bool {
    has(messages, b"\"type\"", &[b"\"image_url\"", b"\"input_image\"", b"\"image\""])
}

/// Whether a member of that name has one of the values.
fn has(text: &[u8], name: &[u8], values: &[&[u8]]) -> bool {
    memmem::find_iter(text, name).any(|at| {
        let rest = text.get(at + name.len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| values.iter().any(|wanted| value.starts_with(wanted)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_from_words() {
        assert!(by_agent(br#"[{"role" : "assistant"}]"#) && by_agent(br#"[{"role":"tool"}]"#));
        assert!(!by_agent(br#"[{"role":"user","content":"\"role\":\"tool\""}]"#));
        assert!(!by_agent(b"") && !by_agent(b"\"role\""));
        assert!(shows_pictures(br#"[{"content":[{"type":"image_url"}]}]"#));
        assert!(!shows_pictures(br#"[{"content":[{"type":"text","text":"image_url"}]}]"#));
    }
}
