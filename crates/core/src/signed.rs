//! Signed reasoning in a conversation: whether all of it is in what goes upstream.
//!
//! A signature means something to its issuer alone. Dialects leave out what they cannot send; that it was left out is
//! for the client to know.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::value::RawValue;

use crate::{
    Call, Operation, Payload, Raw,
    hub::{Message, Request},
    json::{raw, read},
    wire::{quote, strings_of, view},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct Block {
        signature: Option<String>,
        data: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Fields {
        thought_signature: Option<String>,
        thought_signatures: Option<Vec<String>>,
    }
}

/// Stands between a tool call's id and the signature that travels with it, for clients that keep nothing else.
pub const ID_MARK: &str = "__thought__";

/// A text's signature as the data of a block of withheld reasoning starts with this: base64 of whole groups, so that
/// clients may take it for bytes.
pub const TEXT_MARK: &str = "bG9ja2dhdGU6dGg6";

const PLAIN_TEXT_MARK: &str = "lockgate:th:";

/// The block that carries the signatures of a message's texts to clients that keep blocks and nothing else; none if the
/// fields of the message hold none.
pub(crate) fn block_of(fields: &RawValue) -> Option<Raw> {
    let signatures = read::<Fields>(fields)?.thought_signatures.filter(|list| !list.is_empty())?;
    let data = STANDARD.encode(format!("{PLAIN_TEXT_MARK}{}", signatures.join("\n")));
    Some(raw(format!("{{\"type\":\"redacted_thinking\",\"data\":\"{data}\"}}")))
}

/// The reverse: the fields of the message.
fn fields_of(block: &RawValue) -> Option<Raw> {
    let data = read::<Block>(block)?.data.filter(|data| data.starts_with(TEXT_MARK))?;
    let plain = String::from_utf8(STANDARD.decode(data).ok()?).ok()?;
    let signatures: Vec<String> = plain.strip_prefix(PLAIN_TEXT_MARK)?.split('\n').map(quote).collect();
    Some(raw(format!("{{\"thought_signatures\":[{}]}}", signatures.join(","))))
}

/// Puts the signatures of an answer's texts where a client that keeps blocks gives them back. Those of calls travel with
/// their calls.
pub(crate) fn into_blocks(message: &mut Message) {
    let silent = message.thinking_blocks.is_none() && message.reasoning_content.is_some();
    if silent || message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty()) {
        return;
    }
    if let Some(block) = message.provider_specific_fields.as_deref().and_then(block_of) {
        message.thinking_blocks.get_or_insert_default().push(block);
    }
}

/// Before encrypted reasoning that clients keep: whose account can read it.
const ACCOUNT: &str = "lockgate-account.";

/// The bytes of an answer, with the account's name in each `encrypted_content` that a provider has made: only that
/// account can read it, and the conversation may go on elsewhere. What is the gateway's own is a list and stays.
pub fn with_account(bytes: Bytes, account: &str) -> Bytes {
    let (mut out, mut done) = (Vec::new(), 0);
    for start in strings_of(&bytes, "encrypted_content") {
        let text = bytes.get(start..).unwrap_or_default();
        if text.starts_with(b"[") || text.starts_with(b"\"") || text.starts_with(ACCOUNT.as_bytes()) {
            continue;
        }
        out.extend_from_slice(bytes.get(done..start).unwrap_or_default());
        out.extend_from_slice(format!("{ACCOUNT}{account}.").as_bytes());
        done = start;
    }
    if done == 0 {
        return bytes;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out.into()
}

/// What was encrypted, and the account that alone can read it, if that is known.
pub fn account_of(encrypted: &str) -> (Option<&str>, &str) {
    let marked = encrypted.strip_prefix(ACCOUNT).and_then(|rest| rest.split_once('.'));
    marked.map_or((None, encrypted), |(account, own)| (Some(account), own))
}

/// Whether the text has an account's name in it.
pub fn names_account(text: &[u8]) -> bool {
    memchr::memmem::find(text, ACCOUNT.as_bytes()).is_some()
}

/// The request with signatures that travelled in ids of calls, or in blocks of withheld reasoning, where those look that
/// send them on; nobody else takes such ids and blocks.
pub(crate) fn out_of_ids(mut request: Request) -> Request {
    let Request::Chat(chat) = &mut request else { return request };
    for message in &mut chat.messages {
        let fields = message.thinking_blocks.iter().flatten().find_map(|block| fields_of(block));
        if let (Some(fields), Some(blocks)) = (fields, &mut message.thinking_blocks) {
            blocks.retain(|block| fields_of(block).is_none());
            message.provider_specific_fields.get_or_insert(fields);
            message.thinking_blocks = message.thinking_blocks.take().filter(|blocks| !blocks.is_empty());
        }
        for call in message.tool_calls.iter_mut().flatten() {
            let Some((plain, signature)) = call.id.as_deref().and_then(|id| id.split_once(ID_MARK)) else {
                continue;
            };
            let fields = format!("{{\"thought_signature\":{}}}", quote(signature));
            let plain = plain.to_owned();
            call.provider_specific_fields.get_or_insert_with(|| raw(fields));
            call.id = Some(plain);
        }
        let id = message.tool_call_id.as_deref().and_then(|id| id.split_once(ID_MARK));
        if let Some((plain, _)) = id {
            message.tool_call_id = Some(plain.to_owned());
        }
    }
    request
}

/// Whether the text may hold signed reasoning. A look at the bytes: most conversations have none.
pub(crate) fn is_likely(body: &[u8]) -> bool {
    let words = ["signature", "encrypted_content", "thoughtSignature", "redacted", ID_MARK];
    words.iter().any(|word| memchr::memmem::find(body, word.as_bytes()).is_some())
}

/// Whether a signature of the call's conversation is missing from the body.
pub(crate) fn is_lost(call: &Call, body: &Payload) -> bool {
    if call.operation != Operation::Chat {
        return false;
    }
    let Ok(Request::Chat(request)) = call.request() else { return false };
    let mut signatures = request.messages.iter().flat_map(signatures).peekable();
    if signatures.peek().is_none() {
        return false;
    }
    let sent = body.to_vec();
    let sent = String::from_utf8_lossy(&sent);
    // OpenAI's reasoning has its id before it, which goes beside it.
    let encrypted =
        |signature: &str| account_of(signature.rsplit(':').next().unwrap_or_default()).1.to_owned();
    signatures.any(|signature| !sent.contains(&signature) && !sent.contains(&encrypted(&signature)))
}

fn signatures(message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    for block in message.thinking_blocks.iter().flatten().filter_map(|block| read::<Block>(block)) {
        found.extend(block.signature.or(block.data));
    }
    let of_call =
        message.tool_calls.iter().flatten().filter_map(|call| call.provider_specific_fields.as_deref());
    let all = of_call.chain(message.provider_specific_fields.as_deref());
    for fields in all.filter_map(|fields: &RawValue| read::<Fields>(fields)) {
        found.extend(fields.thought_signature);
        found.extend(fields.thought_signatures.into_iter().flatten());
    }
    found.retain(|signature| !signature.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_account_can_read_it() {
        let answer = Bytes::from_static(
            br#"{"encrypted_content":"gA","x":"\"encrypted_content\":\"b\"","encrypted_content": "[1]","encrypted_content":null}"#,
        );
        let marked = with_account(answer.clone(), "a1");
        let text = String::from_utf8(marked.to_vec()).unwrap();
        assert_eq!(text.replace("lockgate-account.a1.", "").as_bytes(), answer);
        assert!(
            text.starts_with(r#"{"encrypted_content":"lockgate-account.a1.gA""#) && names_account(&marked)
        );
        assert_eq!(with_account(marked.clone(), "a2"), marked);
        assert_eq!(account_of("lockgate-account.a1.gA"), (Some("a1"), "gA"));
        assert_eq!(account_of("gA"), (None, "gA"));
    }
}
