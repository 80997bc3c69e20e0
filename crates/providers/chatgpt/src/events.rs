//! Streams for clients that want a whole answer.

use bytes::Bytes;
use lockgate_core::{
    Error, Extra, Raw, Result,
    json::{raw, read, to_raw},
    wire::{SseDecoder, SseError, view},
};

view! {
    #[derive(Clone, Debug, Default)]
    struct Told {
        kind as "type": String,
        response: Option<Raw>,
        item: Option<Raw>,
        error: Option<Raw>,
    }
}

/// The response that the stream ends with; a body that is no stream is given back as it is.
///
/// # Errors
/// The stream is broken, or ends before the response does.
pub(crate) fn whole(body: Bytes) -> Result<Bytes> {
    if body.trim_ascii_start().starts_with(b"{") {
        return Ok(body);
    }
    let (mut items, mut last): (Vec<Raw>, Option<Raw>) = (Vec::new(), None);
    let mut read_event = |data: &str| {
        let Ok(told) = serde_json::from_str::<Told>(data) else { return };
        match told.kind.as_str() {
            "response.output_item.done" => items.extend(told.item),
            "response.completed" | "response.incomplete" | "response.failed" => last = told.response,
            "error" => {
                last = Some(raw(format!(
                    "{{\"error\":{}}}",
                    told.error.as_deref().map_or(data, |error| error.get())
                )))
            }
            _ => {}
        }
    };
    let mut events = SseDecoder::new();
    let mut each = |event: lockgate_core::wire::SseEvent<'_>| {
        read_event(event.data);
        Ok::<(), SseError>(())
    };
    let broken = |why: SseError| Error::invalid_response(format!("The provider's stream is broken: {why}"));
    events.feed(&body, &mut each).map_err(broken)?;
    events.finish(&mut each).map_err(broken)?;
    let Some(last) = last else {
        let cut = Error::invalid_response("The provider's stream ended before the answer was complete.");
        return Err(cut.with_body(body));
    };
    Ok(filled(&last, &items).get().to_owned().into())
}

/// The response with the items that were told before its end, where it does not repeat them.
fn filled(response: &Raw, items: &[Raw]) -> Raw {
    let Some(mut response) = read::<Extra>(response) else { return response.clone() };
    let empty = response.get("output").is_some_and(|output| output.get().trim() == "[]");
    if empty && !items.is_empty() {
        response.remove("output");
        response.push("output", to_raw(items));
    }
    to_raw(&response)
}
