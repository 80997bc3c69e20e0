//! Reasoning that other providers have signed, or that nobody has, in a conversation that clients of the Messages API
//! give back: Anthropic refuses it.

use lockgate_core::{
    Extra, Raw,
    signed::{ID_MARK, is_bare},
};
use memchr::memmem;
use serde_json::value::RawValue;

use crate::wire::{raw, to_raw};

/// Whether the text may hold such reasoning. A look at the bytes: most conversations have none.
pub(crate) fn is_foreign(body: &[u8]) -> bool {
    const KEY: &[u8] = b"\"signature\"";
    let other = |at: usize| {
        let rest = body.get(at + KEY.len()..).unwrap_or_default().trim_ascii_start();
        let value =
            rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b"\""));
        value.is_some_and(|value| !is_own(value.split(|byte| *byte == b'"').next().unwrap_or_default()))
    };
    // What Gemini has signed bears its signature in the ids of calls, too.
    memmem::find(body, ID_MARK.as_bytes()).is_some() || memmem::find_iter(body, KEY).any(other)
}

/// The messages without it; `None` if there is none.
pub(crate) fn without(messages: &str) -> Option<String> {
    let mut list: Vec<Extra> = serde_json::from_str(messages).ok()?;
    let mut changed = false;
    for message in &mut list {
        let blocks =
            message.get("content").and_then(|content| serde_json::from_str::<Vec<Raw>>(content.get()).ok());
        let Some(blocks) = blocks else { continue };
        let mut own: Vec<Raw> = blocks.iter().filter_map(|block| self::block(block)).collect();
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
fn block(block: &RawValue) -> Option<Raw> {
    let Ok(members) = serde_json::from_str::<Extra>(block.get()) else { return Some(block.to_owned()) };
    let text =
        |name: &str| members.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let kind = text("type").unwrap_or_default();
    if kind == "thinking" && !text("signature").is_some_and(|signature| is_own(signature.as_bytes())) {
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

/// Whether a signature can be Anthropic's.
pub(crate) fn is_own(signature: &[u8]) -> bool {
    std::str::from_utf8(signature).is_ok_and(is_bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_signatures_stay_and_all_others_go() {
        let own = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"Eq+/="},{"type":"tool_use","id":"t","name":"f","input":{}}]},{"role":"user","content":"x"}]"#;
        assert!(!is_foreign(own.as_bytes()) && without(own).is_none());
        let foreign = r#"[{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature": ""},{"type":"thinking","thinking":"b","signature":"openai-reasoning:rs:x"},{"type":"tool_use","id":"t__thought__s","name":"f","input":{"n" : 1},"provider_specific_fields":{"signature":"s"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t__thought__s","content":"1"}]}]"#;
        assert!(is_foreign(foreign.as_bytes()));
        assert_eq!(
            without(foreign).unwrap(),
            r#"[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"n" : 1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"}]}]"#
        );
    }
}
