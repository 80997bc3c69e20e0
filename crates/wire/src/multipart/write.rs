//! Forms, written.

use super::PartHead;
use crate::Payload;

/// Writes a form as a rope: the contents of files are taken over, not copied.
pub struct FormWriter {
    boundary: String,
    payload: Payload,
    text: Vec<u8>,
}

impl FormWriter {
    /// An empty form. The boundary must not occur in what will be written.
    pub fn new(boundary: impl Into<String>) -> Self {
        Self { boundary: boundary.into(), payload: Payload::new(), text: Vec::new() }
    }

    /// The value of the header that goes with it.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Adds a plain field.
    pub fn field(&mut self, name: &str, value: &str) {
        self.head(&PartHead { name: name.to_owned(), ..PartHead::default() });
        self.text.extend_from_slice(value.as_bytes());
        self.text.extend_from_slice(b"\r\n");
    }

    /// Adds a file.
    pub fn file(&mut self, head: &PartHead, content: &Payload) {
        self.begin(head, content);
        self.text.extend_from_slice(b"\r\n");
    }

    /// Ends the form.
    pub fn finish(mut self) -> Payload {
        self.text.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        self.flush();
        self.payload
    }

    /// What has been written so far; more of the form is to follow.
    pub fn unfinished(mut self) -> Payload {
        self.flush();
        self.payload
    }

    /// Ends the bytes within a file whose rest, and all that follows it, comes from elsewhere.
    pub fn finish_open(mut self, head: &PartHead, content: &Payload) -> Payload {
        self.begin(head, content);
        self.flush();
        self.payload
    }

    fn begin(&mut self, head: &PartHead, content: &Payload) {
        self.head(head);
        self.flush();
        for segment in content.segments() {
            self.payload.push(segment.clone());
        }
    }

    fn head(&mut self, head: &PartHead) {
        write_head(&self.boundary, head, &mut self.text);
    }

    fn flush(&mut self) {
        self.payload.push(std::mem::take(&mut self.text));
    }
}

/// Writes a part's delimiter and headers.
pub fn write_head(boundary: &str, head: &PartHead, out: &mut Vec<u8>) {
    let mut text =
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escaped(&head.name));
    if let Some(filename) = &head.filename {
        text.push_str(&format!("; filename=\"{}\"", escaped(filename)));
    }
    if let Some(kind) = &head.content_type {
        text.push_str(&format!("\r\nContent-Type: {}", kind.replace(['\r', '\n'], " ")));
    }
    text.push_str("\r\n\r\n");
    out.extend_from_slice(text.as_bytes());
}

fn escaped(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
