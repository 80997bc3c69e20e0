//! Forms with files: those of clients, and those that go upstream.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{Upload, UploadFile};
use lockgate_wire::{FormDecoder, FormEvent, PartHead};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The plain fields and the files of a client's form.
pub(crate) fn of_client(members: &Map<String, Value>) -> (Vec<(String, String)>, Upload) {
    let mut fields = Vec::new();
    let mut files = Vec::new();
    for (name, value) in members {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let several = values.len() > 1 || name.ends_with("granularities") && value.is_array();
        let name = if several { format!("{name}[]") } else { name.clone() };
        for value in values {
            match (value.get("$file"), value) {
                (Some(given), _) => files.push(file(&name, given)),
                (None, Value::String(text)) => fields.push((name.clone(), text.clone())),
                (None, other) => fields.push((name.clone(), other.to_string())),
            }
        }
    }
    (fields, Upload { boundary: "golden".to_owned(), files, open: false })
}

fn file(field: &str, given: &Value) -> UploadFile {
    let text = |key: &str| given[key].as_str().map(str::to_owned);
    let head =
        PartHead { name: field.to_owned(), filename: text("name"), content_type: text("content_type") };
    let content = STANDARD.decode(given["base64"].as_str().unwrap_or_default()).unwrap_or_default();
    UploadFile { head, content: content.into() }
}

/// The parts of a form that goes upstream, as cases write them.
pub(crate) fn read(boundary: &str, bytes: Vec<u8>) -> Value {
    let mut decoder = FormDecoder::new(boundary);
    let mut events = Vec::new();
    let fed = decoder.feed(Bytes::from(bytes), &mut events).and_then(|()| decoder.finish());
    if let Err(why) = fed {
        return json!({"$multipart": why.to_string()});
    }
    let mut parts: Vec<(PartHead, Vec<u8>)> = Vec::new();
    for event in events {
        match (event, parts.last_mut()) {
            (FormEvent::Part(head), _) => parts.push((head, Vec::new())),
            (FormEvent::Data(data), Some((_, content))) => content.extend_from_slice(&data),
            _ => {}
        }
    }
    json!({"$multipart": parts.into_iter().map(part).collect::<Vec<_>>()})
}

fn part((head, content): (PartHead, Vec<u8>)) -> Value {
    match head.filename {
        None => json!({"name": head.name, "value": String::from_utf8_lossy(&content)}),
        Some(filename) => json!({
            "name": head.name,
            "filename": filename,
            "content_type": head.content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            "size": content.len(),
            "sha256": digest(&content),
        }),
    }
}

/// A body that is neither JSON nor text.
pub(crate) fn binary(bytes: &[u8]) -> Value {
    json!({"$bytes": {"size": bytes.len(), "sha256": digest(bytes)}})
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The order of a form's parts means nothing, nor does the `x-` of a type.
pub(crate) fn sorted(body: &Value) -> Option<Value> {
    let mut parts = body.get("$multipart")?.as_array()?.clone();
    for part in &mut parts {
        if let Some(kind) = part["content_type"].as_str().map(|kind| kind.replace("/x-", "/")) {
            part["content_type"] = kind.into();
        }
    }
    let key =
        |part: &Value| ["name", "value", "sha256"].map(|key| part[key].as_str().unwrap_or("").to_owned());
    parts.sort_by_cached_key(key);
    Some(json!({"$multipart": parts}))
}
