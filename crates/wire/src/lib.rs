//! Framing and JSON surgery on bytes: SSE, NDJSON, multipart, top-level object scan, splice, rope payload.
//!
//! Everything here is synchronous and pure: bytes in, bytes out. Nothing knows about HTTP, clocks or sockets.
//!
//! - [`Object`] checks a JSON text in one pass and remembers its top-level members; [`Edits`] change some of them
//!   while every other byte stays as it was; [`Payload`] is the result, a rope that shares the source's memory.
//! - [`view!`] declares a typed view of a JSON object that keeps the members it does not know in [`Extra`];
//!   [`lenient_view!`] one for what others send, where a member of another type than expected is missing.
//! - [`Fields`] looks into an object inside a checked text without copies.
//! - [`SseDecoder`] and [`NdjsonDecoder`] turn reads of any size into events and lines;
//!   [`FormDecoder`] turns them into the parts of a form, and [`FormWriter`] writes one.

mod edit;
mod fields;
mod lenient;
mod multipart;
mod ndjson;
mod object;
mod payload;
mod raw;
mod repair;
mod scan;
mod sse;
mod text;
mod view;
mod walk;

pub use edit::Edits;
pub use fields::{Fields, elements, text};
pub use lenient::{Lenient, Take, take};
pub use multipart::{FormDecoder, FormError, FormEvent, FormWriter, PartHead, form_boundary, write_head};
pub use ndjson::{NdjsonDecoder, NdjsonError};
pub use object::{Member, Members, Object, members};
pub use payload::Payload;
pub use raw::Extra;
pub use repair::repaired;
pub use scan::ScanError;
pub use sse::{SseDecoder, SseError, SseEvent, write_sse, write_sse_comment};
pub use text::{quote, quote_into, strings_of, texts_of};
pub use view::Whole;

/// What [`view!`] expands to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::lenient::Found;
    pub use crate::view::{AlwaysPresent, Key, Presence, ReadAny, Reader, in_member};
    pub use serde;
    pub use serde_json;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
