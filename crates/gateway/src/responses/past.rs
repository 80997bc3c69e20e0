//! What a call goes on from: the response that it continues, and the items that it only names.

use std::sync::Arc;

use bytes::Bytes;
use lockgate_core::{
    Call, Error, Raw, Result,
    json::{raw, to_raw},
    wire::{Edits, Object, quote},
};
use lockgate_openai::stored as ids;
use lockgate_responses::{conversation, history, items};

use super::{native, spliced};
use crate::app::{Gateway, Live};

/// What is known of a call's past.
#[derive(Default)]
pub(super) struct Past {
    /// The kept response that it continues.
    pub(super) previous: Option<String>,
    /// What it says itself: with all that was said before, if that is kept nowhere else.
    pub(super) input: Bytes,
}

/// Finds what the call goes on from and puts it in front of what it says itself, unless the deployment that answers
/// has it.
///
/// # Errors
/// It is not there, or cannot be continued with this model.
pub(super) async fn complete(gateway: &Gateway, live: &Arc<Live>, call: &mut Call) -> Result<Past> {
    let mut input = call.body.raw_bytes("input").unwrap_or_default();
    let named = call.body.str("previous_response_id").map(|id| id.into_owned()).filter(|id| !id.is_empty());
    let (mut previous, mut said) = (None, Vec::new());
    match named.as_deref().map(|id| (id, ids::unwrap(id))) {
        Some((_, Some((keeper, _)))) if native::pin(live, call, &keeper) => {}
        Some((_, Some((keeper, own)))) => {
            said = native::conversation(gateway, live, (&keeper, &own)).await?;
        }
        Some((id, None)) => {
            said = kept(gateway, id).await?;
            previous = Some(id.to_owned());
        }
        None => {}
    }
    if let Some(resolved) = resolved(gateway, live, call, &input, &said).await? {
        input = resolved;
        set_input(call, &input)?;
    }
    if !said.is_empty() {
        let now = std::str::from_utf8(&input).unwrap_or_default();
        said.extend(items::normalised(now, "now"));
        let whole = Bytes::from(to_raw(&said).get().to_owned());
        set_input(call, &whole)?;
        if previous.is_none() {
            input = whole;
        }
    }
    Ok(Past { previous, input })
}

/// What was said up to a response that the gateway keeps.
async fn kept(gateway: &Gateway, id: &str) -> Result<Vec<Raw>> {
    let chain = history(&*gateway.store(), id).await?;
    if let Some(last) = chain.last().filter(|last| last.worker.is_some()) {
        return Err(incomplete(&last.id));
    }
    Ok(conversation(&chain))
}

/// The response that is to be continued is still being made.
pub(super) fn incomplete(id: &str) -> Error {
    let message = format!("The response '{id}' is not complete yet; it cannot be continued.");
    Error::bad_field("previous_response_id", message)
}

fn set_input(call: &mut Call, input: &Bytes) -> Result<()> {
    let mut edits = Edits::new();
    edits.set("input", input.clone());
    call.body = spliced(&call.body, &edits)?;
    Ok(())
}

/// The input with the items that it names in their places; nothing if it names none.
async fn resolved(
    gateway: &Gateway,
    live: &Live,
    call: &Call,
    input: &Bytes,
    said: &[Raw],
) -> Result<Option<Bytes>> {
    if !call.body.mentions("item_reference") {
        return Ok(None);
    }
    let Ok(mut list) = serde_json::from_slice::<Vec<Raw>>(input) else { return Ok(None) };
    let named: Vec<(usize, String)> =
        list.iter().enumerate().filter_map(|(place, item)| Some((place, reference(item)?))).collect();
    let mut known: Vec<Raw> = said.to_vec();
    for (_, id) in &named {
        // Ids of items have the response's in them, those of calls the provider's.
        if let Some(response) = response_of(id).filter(|_| find(&known, id).is_none())
            && let Some(record) = gateway.store().get(&response).await?
        {
            known.extend(record.input.iter().cloned().chain(record.output()));
        }
    }
    for (place, id) in named {
        match (find(&known, &id), list.get_mut(place)) {
            (Some(item), Some(own)) => *own = item,
            // Its provider may know it.
            _ if native::keeps(live, call) => {}
            _ => {
                let message = format!(
                    "`input[{place}]` refers to the item '{id}', which is not kept here. Send the item itself, or use \
                     `previous_response_id`."
                );
                return Err(Error::bad_field("input", message));
            }
        }
    }
    Ok(Some(to_raw(&list).get().to_owned().into()))
}

/// The id that an item refers to, if it does nothing else. The type may be left out.
fn reference(item: &Raw) -> Option<String> {
    let object = Object::scan(item.get().to_owned().into()).ok()?;
    let refers = match object.str("type") {
        Some(kind) => kind == "item_reference",
        None => object.members().len() == 1,
    };
    object.str("id").filter(|_| refers).map(|id| id.into_owned())
}

fn find(items: &[Raw], id: &str) -> Option<Raw> {
    let is_it = |item: &&Raw| {
        Object::scan(item.get().to_owned().into())
            .is_ok_and(|object| object.str("id").is_some_and(|own| own == id))
    };
    items.iter().find(is_it).cloned()
}

/// The id of the gateway's own response that an item of this id belongs to.
fn response_of(item: &str) -> Option<String> {
    let unique =
        item.split('_').find(|piece| piece.len() == 32 && piece.bytes().all(|byte| byte.is_ascii_hexdigit()));
    unique.map(ids::own)
}

/// An item of another provider's as any model may be told it: without the ids under which only its provider knows it.
pub(super) fn anyones(item: &Raw) -> Option<Raw> {
    let object = Object::scan(item.get().to_owned().into()).ok()?;
    let mut edits = Edits::new();
    edits.remove("id");
    edits.remove("status");
    if object.str("type").is_some_and(|kind| kind == "reasoning") {
        // That it is left out is to be noticed.
        let id = object.str("id").unwrap_or_default();
        edits.set("encrypted_content", quote(&ids::withheld(&id)));
    }
    String::from_utf8(object.splice(&edits).to_vec()).ok().map(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_lead_back_to_their_response() {
        let unique = "0199a3f0c7f87b6b9d0e1f2a3b4c5d6e";
        for id in [format!("msg_lg_{unique}_0"), format!("msg_{unique}_in0"), format!("rs_lg_{unique}_2")] {
            assert_eq!(response_of(&id).unwrap(), format!("resp_lg_{unique}"));
        }
        assert!(response_of("fc_call_1").is_none() && response_of("msg_1").is_none());
    }

    #[test]
    fn references_are_told_from_items() {
        let of = |text: &str| reference(&raw(text));
        assert_eq!(of(r#"{"type":"item_reference","id":"a"}"#).as_deref(), Some("a"));
        assert_eq!(of(r#"{"id":"a"}"#).as_deref(), Some("a"));
        assert!(
            of(r#"{"type":"message","id":"a"}"#).is_none() && of(r#"{"id":"a","role":"user"}"#).is_none()
        );
        assert!(find(&[raw(r#"{"id":"b"}"#)], "a").is_none() && find(&[raw(r#"{"id":"b"}"#)], "b").is_some());
    }

    #[test]
    fn what_only_its_provider_knows_stays_there() {
        let shown = |text: &str| anyones(&raw(text)).unwrap().get().to_owned();
        assert_eq!(
            shown(r#"{"id":"msg_1","type":"message","status":"completed","role":"user"}"#),
            r#"{"type":"message","role":"user"}"#
        );
        let reasoning = shown(r#"{"id":"rs_1","type":"reasoning","summary":[]}"#);
        assert!(
            reasoning.starts_with(r#"{"type":"reasoning","summary":[],"encrypted_content":"["#),
            "{reasoning}"
        );
    }
}
