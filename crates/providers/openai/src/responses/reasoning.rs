//! Encrypted reasoning on its way through clients of Anthropic's Messages.
//!
//! Such a client keeps thinking blocks with their signatures and sends them back. A reasoning item of this API travels
//! as a block whose signature holds the item's id and its encrypted content.

use lockgate_core::{Extra, Raw, json::to_raw, wire::lenient_view};

use super::response::Item;
use crate::json::{Json, list};

/// Tells such signatures from those of other providers, which this API must not be sent.
const MARK: &str = "openai-reasoning:";

/// The member of the element that holds fields.
const FIELDS: &str = "provider_specific_fields";

lenient_view! {
    #[derive(Default)]
    struct Block {
        kind as "type": String,
        thinking: String,
        signature: String,
    }
}

/// The signature of a reasoning item that can be sent back.
pub(crate) fn signature(item: &Item) -> Option<String> {
    let encrypted: String = serde_json::from_str(item.extra.get("encrypted_content")?.get()).ok()?;
    Some(format!("{MARK}{}:{encrypted}", item.id.as_deref()?))
}

/// What another provider has encrypted, as a thinking block: nobody else may be sent it, and that it was left out is to
/// be noticed.
pub(super) fn foreign(id: &str, encrypted: &str, text: &str) -> Raw {
    let signature = format!("{MARK}{id}:{encrypted}");
    Json::new().text("type", "thinking").text("thinking", text).text("signature", &signature).finish()
}

/// What stands for the reasoning of an item that a provider keeps and does not show, in `encrypted_content`.
pub fn withheld(id: &str) -> String {
    format!("[{}]", foreign(id, &format!("{id}.withheld"), "").get())
}

/// The text that a client sees of a reasoning item.
pub(crate) fn text(item: &Item) -> String {
    let parts = item.summary.iter().flatten().chain(item.content.iter().flatten());
    parts.filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n\n")
}

/// A reasoning item as a thinking block.
pub(crate) fn block(item: &Item) -> Option<Raw> {
    let signature = signature(item)?;
    Some(
        Json::new()
            .text("type", "thinking")
            .text("thinking", &text(item))
            .text("signature", &signature)
            .finish(),
    )
}

/// The reasoning item that a thinking block stands for.
pub(crate) fn item(block: &Raw) -> Option<String> {
    let block: Block = serde_json::from_str(block.get()).ok()?;
    let signature = block.signature?;
    let (id, encrypted) = signature.strip_prefix(MARK)?.split_once(':')?;
    let summary = match block.thinking.filter(|text| !text.is_empty()) {
        Some(text) => {
            let part = Json::new().text("type", "summary_text").text("text", &text);
            list([part.into_text()])
        }
        None => "[]".to_owned(),
    };
    let json = Json::new().text("type", "reasoning").text("id", id).raw("summary", &summary);
    Some(json.text("encrypted_content", encrypted).into_text())
}

/// What travels in `encrypted_content` of a reasoning item that another provider's model made.
#[derive(Default)]
pub(super) struct Sealed {
    /// Thinking blocks with their signatures, byte-identical.
    pub(super) blocks: Vec<Raw>,
    /// `provider_specific_fields` of the message, where a provider keeps its signatures there.
    pub(super) fields: Option<Raw>,
}

/// Signed blocks and fields as one text: a JSON list of the blocks, the fields behind them. Nothing signed, nothing to
/// keep.
pub(super) fn seal(blocks: &[Raw], fields: Option<&Raw>) -> Option<String> {
    let signed = |block: &Raw| {
        ["\"signature\"", "\"redacted_thinking\""].iter().any(|word| block.get().contains(word))
    };
    let fields = fields.filter(|fields| fields.get().contains("\"thought_signature"));
    if !blocks.iter().any(signed) && fields.is_none() {
        return None;
    }
    let fields = fields.map(|fields| Json::new().raw(FIELDS, fields.get()).finish());
    let all: Vec<&Raw> = blocks.iter().chain(&fields).collect();
    Some(to_raw(&all).get().to_owned())
}

/// The reverse; what another provider has encrypted gives nothing.
pub(super) fn unseal(text: &str) -> Sealed {
    let mut sealed = Sealed::default();
    for element in serde_json::from_str::<Vec<Raw>>(text).unwrap_or_default() {
        match serde_json::from_str::<Extra>(element.get()).ok().and_then(|mut own| own.remove(FIELDS)) {
            Some(fields) => sealed.fields = Some(fields),
            None => sealed.blocks.push(element),
        }
    }
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasoning_comes_back_as_it_went() {
        let text = r#"{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"gAAA:=="}"#;
        let wire: Item = serde_json::from_str(text).unwrap();
        assert_eq!(item(&block(&wire).unwrap()).unwrap(), text);
    }

    #[test]
    fn other_providers_blocks_come_back_byte_identical() {
        let block = lockgate_core::json::raw(r#"{"type":"thinking","thinking":"Hm.","signature":"Eq+/=="}"#);
        let fields = lockgate_core::json::raw(r#"{"thought_signatures":["a"]}"#);
        let text = seal(std::slice::from_ref(&block), Some(&fields)).unwrap();
        let sealed = unseal(&text);
        assert_eq!(sealed.blocks[0].get(), block.get());
        assert_eq!(sealed.fields.unwrap().get(), fields.get());
        assert!(seal(&[lockgate_core::json::raw(r#"{"type":"thinking","thinking":"x"}"#)], None).is_none());
        assert!(unseal("gAAAA").blocks.is_empty());
    }

    #[test]
    fn foreign_signatures_stay_away() {
        let foreign = lockgate_core::json::raw(r#"{"type":"thinking","thinking":"Hm.","signature":"EqQB"}"#);
        assert!(item(&foreign).is_none());
        assert!(block(&serde_json::from_str(r#"{"type":"reasoning","id":"rs_1"}"#).unwrap()).is_none());
    }
}
