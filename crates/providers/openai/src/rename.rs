//! The model's name in the chunks of a relayed stream.

use bytes::Bytes;
use lockgate_core::wire::{Object, quote};
use memchr::memmem::{self, Finder};

use crate::frames::{data_of, split, value_at};

/// How the model's name is given to the client.
pub(crate) enum Rename {
    /// As the provider says it.
    Keep,
    /// As the client knows it (a JSON string), once the provider's member is known.
    Wanted(String),
    /// Each occurrence of the first by the second.
    Known(Box<Finder<'static>>, Vec<u8>),
}

impl Rename {
    /// `None`: as the provider says it.
    pub(crate) fn new(client_model: Option<&str>) -> Self {
        client_model.map_or(Self::Keep, |name| Self::Wanted(quote(name)))
    }

    /// Gives the model the name by which the client knows it.
    pub(crate) fn apply(&mut self, block: Bytes) -> Bytes {
        if let Self::Wanted(name) = self {
            let Some(own) = split(&block).find_map(|range| model_member(&block.slice(range))) else {
                return block;
            };
            let value = value_at(&own, 7).unwrap_or_default();
            *self = if value == name.as_bytes() {
                Self::Keep
            } else {
                let mut wanted = own.get(..own.len() - value.len()).unwrap_or_default().to_vec();
                wanted.extend_from_slice(name.as_bytes());
                Self::Known(Box::new(Finder::new(&own).into_owned()), wanted)
            };
        }
        let Self::Known(own, wanted) = self else { return block };
        let Some(first) = own.find(&block) else { return block };
        let mut out = Vec::with_capacity(block.len() + wanted.len());
        let mut copied = 0;
        let mut next = Some(first);
        while let Some(at) = next {
            out.extend_from_slice(block.get(copied..at).unwrap_or_default());
            out.extend_from_slice(wanted);
            copied = at + own.needle().len();
            next = own.find(block.get(copied..).unwrap_or_default()).map(|further| copied + further);
        }
        out.extend_from_slice(block.get(copied..).unwrap_or_default());
        out.into()
    }
}

/// The bytes of an event's top-level `"model": "…"`.
fn model_member(event: &Bytes) -> Option<Vec<u8>> {
    let (data, _) = data_of(event)?;
    let object = Object::scan(data.clone()).ok()?;
    let value = object.raw("model").filter(|value| value.starts_with('"') && *value != "\"\"")?;
    memmem::find_iter(&data, b"\"model\"").find_map(|at| {
        let rest = value_at(&data, at + 7)?;
        rest.starts_with(value.as_bytes()).then(|| {
            let end = data.len() - rest.len() + value.len();
            data.get(at..end).unwrap_or_default().to_vec()
        })
    })
}
