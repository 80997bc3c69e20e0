//! Signed reasoning of other providers, which clients give back in their messages: it means nothing to OpenAI, and
//! servers like OpenAI's refuse what they do not know.

use lockgate_core::{
    Extra, Raw,
    json::{read, to_raw},
    signed::ID_MARK,
};
use memchr::memmem;

/// Members that hold it.
pub(crate) const MEMBERS: [&str; 3] = ["thinking_blocks", "thought_signature", "thought_signatures"];

/// The messages without it; `None` if there is none.
pub(crate) fn without(messages: &[u8]) -> Option<String> {
    if !MEMBERS.iter().any(|name| memmem::find(messages, name.as_bytes()).is_some()) {
        return None;
    }
    let mut list: Vec<Extra> = serde_json::from_slice(messages).ok()?;
    let mut changed = false;
    for message in &mut list {
        changed |= message.remove("thinking_blocks").is_some();
        changed |= strip_fields(message);
        let calls = message.get("tool_calls").and_then(read::<Vec<Extra>>);
        changed |= strip_id(message, "tool_call_id");
        if let Some(mut calls) = calls
            && calls.iter_mut().fold(false, |any, call| strip_fields(call) | strip_id(call, "id") | any)
        {
            put(message, "tool_calls", to_raw(&calls));
            changed = true;
        }
    }
    changed.then(|| to_raw(&list).get().to_owned())
}

/// Takes out `provider_specific_fields`, if they are such.
fn strip_fields(members: &mut Extra) -> bool {
    let own = members.get("provider_specific_fields").map(|fields| fields.get());
    let signed = own.is_some_and(|fields| MEMBERS.iter().any(|name| fields.contains(name)));
    signed && members.remove("provider_specific_fields").is_some()
}

/// Takes a signature off an id: few servers take ids of that length.
fn strip_id(members: &mut Extra, name: &str) -> bool {
    let Some(id) = members.get(name).and_then(read::<String>) else { return false };
    let Some((plain, _)) = id.split_once(ID_MARK) else { return false };
    put(members, name, to_raw(plain));
    true
}

/// Replaces a member in its place.
fn put(members: &mut Extra, name: &str, value: Raw) {
    let mut edited = Extra::new();
    for (key, own) in members.iter() {
        edited.push(key, if key == name { value.clone() } else { own.to_owned() });
    }
    *members = edited;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signed_reasoning_goes() {
        let messages = br#"[{"role":"assistant","content":"a","thinking_blocks":[{"signature":"s"}],"x":1},
            {"role":"assistant","tool_calls":[{"id":"c__thought__s","provider_specific_fields":{"thought_signature":"s"},"type":"function"}]},
            {"role":"user","content":"thinking_blocks"}]"#;
        assert_eq!(
            without(messages).unwrap(),
            r#"[{"role":"assistant","content":"a","x":1},{"role":"assistant","tool_calls":[{"id":"c","type":"function"}]},{"role":"user","content":"thinking_blocks"}]"#
        );
        assert!(without(br#"[{"role":"user","content":"thinking_blocks"}]"#).is_none());
    }
}
