//! Documents that are to be read: where they are, and how they are sent to services that read only what comes with the
//! request.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Attempt, Call, Encoded, Error, Extra, Result,
    json::{read, to_raw},
    wire::{Edits, Object},
};

/// The field of a form that holds the document.
const FIELD: &str = "file";

/// The document's address, if it must be fetched first.
///
/// # Errors
/// The request names no document.
pub fn fetches(call: &Call) -> Result<Vec<String>> {
    if call.upload.is_some() {
        return Ok(Vec::new());
    }
    let (_, url) = address(call)?;
    Ok(if url.starts_with("data:") { Vec::new() } else { vec![url.into_owned()] })
}

/// The document's address, and the member of `document` that holds it; a form's file becomes a `data:` URL.
///
/// # Errors
/// There is none.
pub fn address(call: &Call) -> Result<(&'static str, Cow<'_, str>)> {
    if call.upload.is_some() {
        let file = call.file(FIELD)?;
        let mime = match file.mime() {
            "application/octet-stream" => "application/pdf",
            mime => mime,
        };
        let member = if mime.starts_with("image/") { "image_url" } else { "document_url" };
        return Ok((member, Cow::Owned(data_url(mime, &file.bytes()))));
    }
    let found = call.ocr()?.document.as_ref().and_then(|document| document.url());
    let (member, url) = found.ok_or_else(|| {
        let message = "`document` must be `{\"type\": \"document_url\", \"document_url\": …}`, or the same with \
                       `image_url`; the address may be a `data:` URL. A form sends it as `file`.";
        Error::bad_field("document", message)
    })?;
    Ok((member, Cow::Owned(url)))
}

/// Puts a document that was fetched, or came in a form, into an encoded request.
///
/// # Errors
/// There is none, or the request is not what it should be.
pub fn inline(attempt: &Attempt<'_>, encoded: &mut Encoded) -> Result<()> {
    let (member, url) = address(attempt.call)?;
    let mut edits = Edits::new();
    let mut document = Extra::new();
    if attempt.call.upload.is_some() {
        document.push("type", to_raw(member));
        document.push(member, to_raw(&*url));
        form_values(attempt.call, &mut edits)?;
    } else if let Some(file) = attempt.media.0.get(&*url) {
        let own = attempt.call.ocr()?.document.as_ref().map(to_raw);
        document = own.and_then(|own| read(&own)).unwrap_or_default();
        document.remove(member);
        document.push(member, to_raw(&data_url(&file.mime, &file.bytes)));
    } else {
        return Ok(());
    }
    edits.set("document", to_raw(&document).get().to_owned());
    let body = std::mem::take(encoded.request.body_mut()).into_bytes();
    let object = Object::scan(body)
        .map_err(|error| Error::internal(format!("The upstream body is no JSON object: {error}")))?;
    *encoded.request.body_mut() = object.splice(&edits);
    Ok(())
}

/// Fields of a form are texts; what reads as JSON of another kind is that.
fn form_values(call: &Call, edits: &mut Edits) -> Result<()> {
    let request = call.ocr()?;
    let own = request.extra.iter().chain(request.pages.as_deref().map(|pages| ("pages", pages)));
    for (name, value) in own.filter(|(name, _)| !call.options.consumed.contains(name)) {
        let text = read::<String>(value).unwrap_or_default();
        let is_json =
            text.starts_with(['[', '{']) || matches!(&*text, "true" | "false") || text.parse::<u64>().is_ok();
        if is_json && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() {
            edits.set(name.to_owned(), text);
        }
    }
    Ok(())
}

fn data_url(mime: &str, content: &Bytes) -> String {
    format!("data:{mime};base64,{}", STANDARD.encode(content))
}
