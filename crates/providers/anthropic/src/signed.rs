//! Reasoning that others have signed, or that nobody has, in a conversation that clients of the Messages API give back:
//! Anthropic refuses it, and other makers of models can do nothing with Anthropic's.

use lockgate_core::{
    Extra, Raw, Target,
    signed::{ID_MARK, TEXT_MARK},
    wire::texts_of,
};
use memchr::memmem;
use serde_json::value::RawValue;

use crate::wire::{raw, to_raw};

/// Hexadecimal texts from this length on are ids and digests, not base64.
const SHORTEST_ID: usize = 16;

/// Whose models are to read a conversation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reader {
    /// Claude, which reads what Claude has signed and nothing else.
    Claude,
    /// Another maker's model behind the same format, which reads all but that.
    Other,
}

impl Reader {
    /// The reader behind a target.
    pub(crate) fn of(target: &Target) -> Self {
        if target.provider.quirks.own_signatures { Self::Other } else { Self::Claude }
    }

    /// Whether the text may hold what it refuses. A look at the bytes: most conversations do not.
    pub(crate) fn may_refuse(self, body: &[u8]) -> bool {
        // What Gemini has signed bears its signature in the ids of calls, too.
        [ID_MARK, TEXT_MARK].iter().any(|mark| memmem::find(body, mark.as_bytes()).is_some())
            || texts_of(body, "signature").any(|signature| !self.takes(signature))
            || (self == Self::Other && memmem::find(body, b"redacted_thinking").is_some())
    }

    fn takes(self, signature: &str) -> bool {
        match self {
            Self::Claude => may_be_claudes(signature),
            // Marks of other APIs hold what no id, digest or base64 does.
            Self::Other => !is_claudes(signature) && !signature.contains(':'),
        }
    }

    /// Whether it takes a block of reasoning with this signature.
    fn takes_block(self, kind: &str, signature: Option<&str>, data: Option<&str>) -> bool {
        match kind {
            "thinking" => signature.map_or(self == Self::Other, |signature| self.takes(signature)),
            "redacted_thinking" => {
                self == Self::Claude && !data.is_some_and(|data| data.starts_with(TEXT_MARK))
            }
            _ => true,
        }
    }
}

/// The messages without it; `None` if there is none.
pub(crate) fn without(messages: &str, reader: Reader) -> Option<String> {
    let mut list: Vec<Extra> = serde_json::from_str(messages).ok()?;
    let mut changed = false;
    for message in &mut list {
        let blocks =
            message.get("content").and_then(|content| serde_json::from_str::<Vec<Raw>>(content.get()).ok());
        let Some(blocks) = blocks else { continue };
        let mut own: Vec<Raw> = blocks.iter().filter_map(|block| self::block(block, reader)).collect();
        if own.iter().map(|block| block.get()).eq(blocks.iter().map(|block| block.get())) {
            continue;
        }
        changed = true;
        if own.is_empty() {
            // A message must say something.
            own.push(raw(r#"{"type":"text","text":"."}"#));
        }
        let mut edited = Extra::new();
        for (key, value) in message.iter() {
            edited.push(key, if key == "content" { to_raw(&own) } else { value.to_owned() });
        }
        *message = edited;
    }
    changed.then(|| to_raw(&list).get().to_owned())
}

/// A block as Anthropic takes it; nothing if it is such reasoning.
fn block(block: &RawValue, reader: Reader) -> Option<Raw> {
    let Ok(members) = serde_json::from_str::<Extra>(block.get()) else { return Some(block.to_owned()) };
    let text =
        |name: &str| members.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let kind = text("type").unwrap_or_default();
    if !reader.takes_block(&kind, text("signature").as_deref(), text("data").as_deref()) {
        return None;
    }
    if !(kind == "tool_use" || kind == "tool_result") {
        return Some(block.to_owned());
    }
    let mut edited = Extra::new();
    for (key, value) in members.iter().filter(|(key, _)| *key != "provider_specific_fields") {
        let id = matches!(key, "id" | "tool_use_id").then(|| text(key)).flatten();
        match id.as_deref().and_then(|id| id.split_once(ID_MARK)) {
            Some((plain, _)) => edited.push(key, to_raw(plain)),
            None => edited.push(key, value.to_owned()),
        }
    }
    let same = edited.len() == members.len()
        && edited.iter().zip(members.iter()).all(|(one, two)| one.1.get() == two.1.get());
    Some(if same { block.to_owned() } else { to_raw(&edited) })
}

/// Whether a signature may be Claude's: base64 and no more. Marks of an issuer are not, nor are the ids and digests
/// with which other makers of models sign in Anthropic's format.
pub(crate) fn may_be_claudes(signature: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte);
    let of_an_id = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let is_id = signature.len() >= SHORTEST_ID && signature.bytes().all(of_an_id);
    !signature.is_empty() && signature.bytes().all(letter) && !is_id
}

/// Whether a signature is Claude's for certain: base64 of a message whose first field is the second, in bytes.
pub(crate) fn is_claudes(signature: &str) -> bool {
    let mut letters = signature.bytes();
    letters.next() == Some(b'E')
        && letters.next().is_some_and(|byte| (b'g'..=b'v').contains(&byte))
        && may_be_claudes(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_signatures_stay_and_all_others_go() {
        let own = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"Eq+/="},{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":"x"}]"#;
        let claude = Reader::Claude;
        assert!(!claude.may_refuse(own.as_bytes()) && without(own, claude).is_none());
        let foreign = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature": ""},{"type":"thinking","thinking":"b","signature":"openai-reasoning:rs:x"},{"type":"tool_use","id":"t__thought__s","name":"f","input":{"n" : 1},"provider_specific_fields":{"signature":"s"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t__thought__s","content":"1"}]}]"#;
        assert!(claude.may_refuse(foreign.as_bytes()));
        assert_eq!(
            without(foreign, claude).unwrap(),
            r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"n" : 1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}]"#
        );
    }

    #[test]
    fn who_may_have_signed() {
        let (claude, id) = ("EqQBCgIYAhIM/+==", "3f1d7f0e-9c1b-4a52-8a57-0d3b6f6f1c11");
        assert!(may_be_claudes(claude) && is_claudes(claude) && may_be_claudes("sig") && !is_claudes("sig"));
        for other in [id, "0123456789abcdef0123456789abcdef", "openai-reasoning:rs_1:gAAA", ""] {
            assert!(!may_be_claudes(other) && !is_claudes(other), "{other}");
        }
    }

    #[test]
    fn other_makers_models_get_what_claude_has_not_signed() {
        let other = Reader::Other;
        let signed = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"EqQBCgIY"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"b"}]}]"#;
        assert!(other.may_refuse(signed.as_bytes()));
        assert_eq!(
            without(signed, other).unwrap(),
            r#"[{"role":"assistant","content":[{"type":"text","text":"b"}]}]"#
        );
        for own in ["", "3f1d7f0e-9c1b-4a52-8a57-0d3b6f6f1c11"] {
            let own = signed.replace("EqQBCgIY", own).replace("redacted_thinking", "text");
            assert!(!other.may_refuse(own.as_bytes()) && without(&own, other).is_none());
            assert!(Reader::Claude.may_refuse(own.as_bytes()) && without(&own, Reader::Claude).is_some());
        }
        let unsigned = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a"}]}]"#;
        assert!(without(unsigned, other).is_none());
    }
}
