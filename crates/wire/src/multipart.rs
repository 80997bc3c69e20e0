//! `multipart/form-data`: read in pieces of any size without copying what the parts hold, and written as a rope.

mod head;
mod write;

use std::fmt;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use self::head::{disposition, extended};
pub use self::{
    head::form_boundary,
    write::{FormWriter, write_head},
};

/// Headers of one part may not be longer than this.
const LONGEST_HEAD: usize = 16 * 1024;

/// What stands before the content of a part.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PartHead {
    /// The field's name.
    pub name: String,
    /// The file's name; parts without one are plain fields.
    pub filename: Option<String>,
    /// The type of the content.
    pub content_type: Option<String>,
}

/// One thing that a form says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FormEvent {
    /// A part begins.
    Part(PartHead),
    /// More of the part's content; shares the memory of what was fed.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The form is complete. What follows means nothing.
    End,
}

/// Why bytes are not a form.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FormError {
    /// A part's headers make no sense.
    Head(&'static str),
    /// The form broke off.
    Incomplete,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(why) => write!(f, "a part of the form {why}"),
            Self::Incomplete => f.write_str("the form breaks off before its end"),
        }
    }
}

impl std::error::Error for FormError {}

/// Reads a form, however its bytes are cut.
pub struct FormDecoder {
    /// `\r\n--BOUNDARY`.
    delimiter: Vec<u8>,
    /// Bytes that cannot be judged yet.
    carry: Bytes,
    state: State,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Preamble,
    /// A delimiter was read; a line end or two dashes follow.
    Delimiter,
    Head,
    Content,
    End,
}

impl FormDecoder {
    /// A decoder for forms with this boundary.
    pub fn new(boundary: &str) -> Self {
        // The first delimiter has no line end before it; it is given one.
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            carry: Bytes::from_static(b"\r\n"),
            state: State::Preamble,
        }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// A part has no name, or its headers are endless.
    pub fn feed(&mut self, bytes: Bytes, out: &mut Vec<FormEvent>) -> Result<(), FormError> {
        let mut rest = if self.carry.is_empty() { bytes } else { joined(&self.carry, &bytes) };
        self.carry = Bytes::new();
        while self.step(&mut rest, out)? {}
        self.carry = rest;
        Ok(())
    }

    /// The bytes are at their end.
    ///
    /// # Errors
    /// The form is not.
    pub fn finish(&self) -> Result<(), FormError> {
        if self.state == State::End { Ok(()) } else { Err(FormError::Incomplete) }
    }

    /// Whether it goes on with what is left of `rest`.
    fn step(&mut self, rest: &mut Bytes, out: &mut Vec<FormEvent>) -> Result<bool, FormError> {
        match self.state {
            State::Preamble | State::Content => Ok(self.content(rest, out)),
            State::Delimiter => Ok(self.delimiter(rest, out)),
            State::Head => self.head(rest, out),
            State::End => {
                rest.clear();
                Ok(false)
            }
        }
    }

    fn content(&mut self, rest: &mut Bytes, out: &mut Vec<FormEvent>) -> bool {
        let inside = self.state == State::Content;
        let mut give = |data: Bytes| {
            if inside && !data.is_empty() {
                out.push(FormEvent::Data(data));
            }
        };
        match memmem::find(rest, &self.delimiter) {
            Some(at) => {
                give(rest.split_to(at));
                let _ = rest.split_to(self.delimiter.len());
                if inside {
                    out.push(FormEvent::PartEnd);
                }
                self.state = State::Delimiter;
                true
            }
            None => {
                let keep = begun(rest, &self.delimiter);
                give(rest.split_to(rest.len() - keep));
                false
            }
        }
    }

    fn delimiter(&mut self, rest: &mut Bytes, out: &mut Vec<FormEvent>) -> bool {
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let _ = rest.split_to(padding);
        match rest.get(..2) {
            None => false,
            Some(b"--") => {
                out.push(FormEvent::End);
                self.state = State::End;
                true
            }
            Some(b"\r\n") => {
                // The line end stays: a part without headers has only this and the next.
                self.state = State::Head;
                true
            }
            // The text of a longer boundary: no delimiter after all. Nobody writes such forms.
            Some(_) => {
                self.state = State::Preamble;
                true
            }
        }
    }

    fn head(&mut self, rest: &mut Bytes, out: &mut Vec<FormEvent>) -> Result<bool, FormError> {
        let Some(end) = memmem::find(rest, b"\r\n\r\n") else {
            return if rest.len() > LONGEST_HEAD {
                Err(FormError::Head("has endless headers"))
            } else {
                Ok(false)
            };
        };
        let head = rest.split_to(end);
        // The line end of an empty content may be the one of the delimiter.
        let _ = rest.split_to(4);
        out.push(FormEvent::Part(part_head(&head)?));
        self.state = State::Content;
        Ok(true)
    }
}

fn joined(carry: &Bytes, bytes: &Bytes) -> Bytes {
    let mut whole = BytesMut::with_capacity(carry.len() + bytes.len());
    whole.extend_from_slice(carry);
    whole.extend_from_slice(bytes);
    whole.freeze()
}

/// How many bytes at the end may be the start of the delimiter.
fn begun(bytes: &[u8], delimiter: &[u8]) -> usize {
    let longest = bytes.len().min(delimiter.len() - 1);
    (1..=longest).rev().find(|length| bytes.ends_with(&delimiter[..*length])).unwrap_or(0)
}

fn part_head(head: &[u8]) -> Result<PartHead, FormError> {
    let text = String::from_utf8_lossy(head);
    let (mut part, mut named) = (PartHead::default(), false);
    for line in text.split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" => part.content_type = Some(value.trim().to_owned()),
            "content-disposition" => {
                for (key, value) in disposition(value) {
                    match key.as_str() {
                        "name" => {
                            part.name = value;
                            named = true;
                        }
                        "filename" if part.filename.is_none() => part.filename = Some(value),
                        "filename*" => part.filename = extended(&value).or(part.filename.take()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    if named { Ok(part) } else { Err(FormError::Head("has no name")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b\r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".wav\"\r\nContent-Type: audio/wav\r\n\r\n\
        RI\r\n--\r\n-FF\r\n--b\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--b--\r\nepilogue";

    fn read(text: &str, size: usize) -> Result<Vec<(PartHead, Vec<u8>)>, FormError> {
        let mut decoder = FormDecoder::new("b");
        let mut events = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            decoder.feed(Bytes::copy_from_slice(chunk), &mut events)?;
        }
        decoder.finish()?;
        let mut parts: Vec<(PartHead, Vec<u8>)> = Vec::new();
        for event in events {
            match event {
                FormEvent::Part(head) => parts.push((head, Vec::new())),
                FormEvent::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(&data),
                FormEvent::PartEnd | FormEvent::End => {}
            }
        }
        Ok(parts)
    }

    #[test]
    fn any_chunking_gives_the_same_parts() {
        let whole = read(FORM, FORM.len()).unwrap();
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[0].1, b"whisper-1");
        assert_eq!(whole[1].0.filename.as_deref(), Some("a \"b\".wav"));
        assert_eq!(whole[1].0.content_type.as_deref(), Some("audio/wav"));
        assert_eq!(whole[1].1, b"RI\r\n--\r\n-FF");
        assert_eq!((whole[2].0.name.as_str(), whole[2].1.len()), ("empty", 0));
        for size in 1..FORM.len() {
            assert_eq!(read(FORM, size).unwrap(), whole, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut writer = FormWriter::new("b");
        writer.field("prompt", "a\"b");
        let file = PartHead {
            name: "image[]".to_owned(),
            filename: Some("q\"\r\n.png".to_owned()),
            content_type: Some("image/png".to_owned()),
        };
        let content = Bytes::from(vec![7u8; 100]);
        writer.file(&file, &content.clone().into());
        assert_eq!(writer.content_type(), "multipart/form-data; boundary=b");
        let payload = writer.finish();
        assert!(payload.segments().iter().any(|segment| segment.as_ptr() == content.as_ptr()), "copied");
        let parts = read(str::from_utf8(&payload.to_vec()).unwrap(), 9).unwrap();
        assert_eq!(parts[0].1, b"a\"b");
        assert_eq!(parts[1], (file, content.to_vec()));
    }

    #[test]
    fn contents_are_not_copied() {
        let mut decoder = FormDecoder::new("b");
        let mut events = Vec::new();
        decoder
            .feed(Bytes::from("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n"), &mut events)
            .unwrap();
        let data = Bytes::from(vec![7u8; 1000]);
        events.clear();
        decoder.feed(data.clone(), &mut events).unwrap();
        assert!(matches!(&events[..], [FormEvent::Data(given)] if given.as_ptr() == data.as_ptr()));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert_eq!(
            read("--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1", 9),
            Err(FormError::Incomplete)
        );
        assert!(matches!(read("--b\r\nX: y\r\n\r\n1\r\n--b--", 9), Err(FormError::Head(_))));
        assert!(matches!(read(&format!("--b\r\n{}", "x".repeat(40_000)), 999), Err(FormError::Head(_))));
        assert_eq!(read("", 1), Err(FormError::Incomplete));
    }

    #[test]
    fn boundaries_are_found() {
        let quoted = "Multipart/Form-Data; charset=utf-8; boundary=\"a;b\"";
        assert_eq!(form_boundary(quoted).as_deref(), Some("a;b"));
        for none in ["application/json", "multipart/form-data", "multipart/mixed; boundary=a", ""] {
            assert_eq!(form_boundary(none), None, "{none}");
        }
        assert_eq!(extended("UTF-8''na%C3%AFve.png").as_deref(), Some("naïve.png"));
    }
}
