//! Forms with files: the small contract for bodies that are not JSON.

use std::fmt;

use bytes::Bytes;
use lockgate_wire::{FormWriter, Object, PartHead, quote};

use crate::{CONTROL_MEMBERS, Error, Payload, Result};

/// The files of a client's form. Its plain fields are the call's [`body`](crate::Call::body): there, a field that
/// comes several times, or whose name ends with `[]`, is a list under its name without that end.
///
/// The files are held by reference, in the pieces in which they came. Of an *open* upload the rest of the last file,
/// and what may follow it, has not come yet: it is passed on while it comes, or waited for by who needs it.
#[derive(Clone)]
pub struct Upload {
    /// Stands between the parts; does not occur in them.
    pub boundary: String,
    /// The files, in order.
    pub files: Vec<UploadFile>,
    /// Whether more is to come.
    pub open: bool,
}

/// One file of a form.
#[derive(Clone)]
pub struct UploadFile {
    /// The field's name, the file's name, the type of its content.
    pub head: PartHead,
    /// Its content.
    pub content: Payload,
}

impl Upload {
    /// The first file of that field; `image` also means `image[]`.
    pub fn file(&self, field: &str) -> Option<&UploadFile> {
        self.files.iter().find(|file| file.field() == field)
    }
}

impl UploadFile {
    /// The field's name, without the `[]` that says that there may be several.
    pub fn field(&self) -> &str {
        bare(&self.head.name)
    }

    /// The type of the content, as the client says it, or as the file's name tells.
    pub fn mime(&self) -> &str {
        let said = self.head.content_type.as_deref().filter(|said| *said != "application/octet-stream");
        said.unwrap_or_else(|| {
            let name = self.head.filename.as_deref().unwrap_or_default();
            let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
            let known = TYPES.iter().find(|(own, _)| *own == end);
            known.map_or("application/octet-stream", |(_, mime)| mime)
        })
    }

    /// The content in one piece.
    pub fn bytes(&self) -> Bytes {
        self.content.clone().into_bytes()
    }
}

/// Types of files by the end of their names.
const TYPES: [(&str, &str); 14] = [
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("mpga", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("mp4", "audio/mp4"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("webm", "audio/webm"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
];

/// Prints no content: files are private.
impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<usize> = self.files.iter().map(|file| file.content.len()).collect();
        f.debug_struct("Upload").field("files", &sizes).field("open", &self.open).finish_non_exhaustive()
    }
}

/// The plain fields of a form as a JSON object. Values are strings, except for what is the gateway's own and for
/// `stream`: those are read as JSON.
///
/// # Errors
/// None in practice: what is written here is valid.
pub fn fields_object(fields: &[(String, String)]) -> Result<Object> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in fields {
        if !names.contains(&bare(name)) {
            names.push(bare(name));
        }
    }
    let members = names.iter().map(|name| {
        let all: Vec<_> = fields.iter().filter(|(own, _)| bare(own) == *name).collect();
        let list = all.len() > 1 || all.iter().any(|(own, _)| own.ends_with("[]"));
        let values: Vec<String> = all.iter().map(|(_, value)| value_of(name, value)).collect();
        let value = if list { format!("[{}]", values.join(",")) } else { values.concat() };
        format!("{}:{value}", quote(name))
    });
    let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    Object::scan(text.into())
        .map_err(|why| Error::bad_request(format!("The form's fields are not understood: {why}")))
}

fn value_of(name: &str, value: &str) -> String {
    let typed = name == "stream" || CONTROL_MEMBERS.binary_search(&name).is_ok();
    let json = typed.then(|| match value.trim() {
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        text => text.to_owned(),
    });
    json.filter(|text| serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok())
        .unwrap_or_else(|| quote(value))
}

/// Writes an object's members as plain fields: texts as they are, lists as repeated fields, all else as JSON.
pub fn write_fields(object: &Object, form: &mut FormWriter) {
    for member in object.members() {
        let raw = str::from_utf8(member.raw).unwrap_or("null");
        if raw == "null" {
            continue;
        }
        match serde_json::from_str::<Vec<&serde_json::value::RawValue>>(raw) {
            Ok(items) => {
                let name = format!("{}[]", member.key);
                items.iter().for_each(|item| form.field(&name, &plain(item.get())));
            }
            Err(_) => form.field(&member.key, &plain(raw)),
        }
    }
}

fn plain(raw: &str) -> String {
    serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())
}

fn bare(name: &str) -> &str {
    name.strip_suffix("[]").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, &str)]) -> String {
        let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        String::from_utf8(fields_object(&fields).unwrap().source().to_vec()).unwrap()
    }

    #[test]
    fn fields_are_texts_but_for_the_gateways_own() {
        assert_eq!(
            object(&[("model", "whisper-1"), ("prompt", "12"), ("stream", "true"), ("num_retries", "2")]),
            r#"{"model":"whisper-1","prompt":"12","stream":true,"num_retries":2}"#
        );
        assert_eq!(
            object(&[("include[]", "logprobs"), ("g", "a"), ("x", "1"), ("g", "b"), ("api_key", "sk-1")]),
            r#"{"include":["logprobs"],"g":["a","b"],"x":"1","api_key":"sk-1"}"#
        );
    }

    #[test]
    fn members_become_fields_again() {
        let object = Object::scan(Bytes::from(r#"{"a":"x\"","b":["1","2"],"c":0.5,"d":null}"#)).unwrap();
        let mut form = FormWriter::new("b");
        write_fields(&object, &mut form);
        let text = String::from_utf8(form.finish().to_vec()).unwrap();
        for part in ["name=\"a\"\r\n\r\nx\"\r\n", "name=\"b[]\"\r\n\r\n1\r\n", "name=\"c\"\r\n\r\n0.5\r\n"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("name=\"d\""));
    }

    #[test]
    fn types_are_told_by_names_where_the_client_says_nothing() {
        let file = |filename: &str, kind: Option<&str>| UploadFile {
            head: PartHead {
                name: "image[]".into(),
                filename: Some(filename.into()),
                content_type: kind.map(str::to_owned),
            },
            content: Payload::new(),
        };
        assert_eq!(file("a.MP3", None).mime(), "audio/mpeg");
        assert_eq!(file("a.mp3", Some("audio/x")).mime(), "audio/x");
        assert_eq!(file("a", Some("application/octet-stream")).mime(), "application/octet-stream");
        assert_eq!(file("a", None).field(), "image");
    }
}
