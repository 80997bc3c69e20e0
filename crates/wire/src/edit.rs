//! Edits on the top-level members of a JSON object, and the splice that applies them.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::object::key_is;
use crate::payload::Payload;
use crate::scan::Span;
use crate::text::{quote, quote_into};

type Key = Cow<'static, str>;

/// Changes to the top-level members of a JSON object.
///
/// They apply in the order they were made, each to the result of those before, so the last word on a key wins.
/// A key that occurs more than once is edited as one member: what is left of it is a single one.
#[derive(Clone, Default)]
pub struct Edits {
    list: SmallVec<[Edit; 2]>,
}

#[derive(Clone)]
enum Edit {
    Set { key: Key, raw: Bytes },
    Remove { key: Key },
    Rename { from: Key, to: Key },
}

impl Edits {
    /// No changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a member this value: in its place, even if an earlier edit removed it, else as the last member.
    ///
    /// `raw_json` goes out as it is, so it must be valid JSON.
    pub fn set(&mut self, key: impl Into<Cow<'static, str>>, raw_json: impl Into<Bytes>) {
        self.list.push(Edit::Set { key: key.into(), raw: raw_json.into() });
    }

    /// Gives a member this string as its value; see [`Edits::set`].
    pub fn set_str(&mut self, key: impl Into<Cow<'static, str>>, value: &str) {
        self.set(key, quote(value));
    }

    /// Removes a member if it is there.
    pub fn remove(&mut self, key: impl Into<Cow<'static, str>>) {
        self.list.push(Edit::Remove { key: key.into() });
    }

    /// Gives a member another key; its place and value stay. It takes over from a member that had that key before.
    pub fn rename(&mut self, from: impl Into<Cow<'static, str>>, to: impl Into<Cow<'static, str>>) {
        self.list.push(Edit::Rename { from: from.into(), to: to.into() });
    }

    /// Whether there is no change.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// Prints the keys only: values are private.
impl fmt::Debug for Edits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for edit in &self.list {
            match edit {
                Edit::Set { key, .. } => list.entry(&format_args!("set {key:?}")),
                Edit::Remove { key } => list.entry(&format_args!("remove {key:?}")),
                Edit::Rename { from, to } => list.entry(&format_args!("rename {from:?} to {to:?}")),
            };
        }
        list.finish()
    }
}

/// Applies `edits` to a source whose members are at `spans`.
pub(crate) fn splice(source: &Bytes, spans: &[Span], edits: &Edits) -> Payload {
    if edits.is_empty() {
        return source.clone().into();
    }
    let mut draft = Draft::new(source, spans);
    for edit in &edits.list {
        match edit {
            Edit::Set { key, raw } => draft.set(key, raw),
            Edit::Remove { key } => draft.remove(key),
            Edit::Rename { from, to } => draft.rename(from, to),
        }
    }
    draft.write()
}

/// The members as they will be: those of the source in their places, then the added ones.
struct Draft<'a> {
    source: &'a Bytes,
    slots: SmallVec<[Slot<'a>; 24]>,
}

#[derive(Clone, Copy)]
struct Slot<'a> {
    span: Option<&'a Span>,
    /// A key other than the source's.
    key: Option<&'a str>,
    /// A value other than the source's.
    value: Option<&'a Bytes>,
    removed: bool,
}

impl<'a> Draft<'a> {
    fn new(source: &'a Bytes, spans: &'a [Span]) -> Self {
        let slot = |span| Slot { span: Some(span), key: None, value: None, removed: false };
        Self { source, slots: spans.iter().map(slot).collect() }
    }

    fn set(&mut self, key: &'a str, raw: &'a Bytes) {
        let place = self.take(key).or_else(|| self.slots.iter().position(|slot| slot.is(self.source, key)));
        match place.and_then(|at| self.slots.get_mut(at)) {
            Some(slot) => {
                slot.value = Some(raw);
                slot.removed = false;
            }
            None => self.slots.push(Slot { span: None, key: Some(key), value: Some(raw), removed: false }),
        }
    }

    fn remove(&mut self, key: &str) {
        for slot in &mut self.slots {
            slot.removed |= slot.is(self.source, key);
        }
    }

    fn rename(&mut self, from: &str, to: &'a str) {
        if from == to {
            return;
        }
        if let Some(at) = self.take(from) {
            self.remove(to);
            if let Some(slot) = self.slots.get_mut(at) {
                slot.key = Some(to);
            }
        }
    }

    /// The place of the member that counts under this key; others of the same key are removed.
    fn take(&mut self, key: &str) -> Option<usize> {
        let mut last = None;
        for at in (0..self.slots.len()).rev() {
            let source = self.source;
            let Some(slot) = self.slots.get_mut(at).filter(|slot| !slot.removed && slot.is(source, key))
            else {
                continue;
            };
            slot.removed = last.is_some();
            last = last.or(Some(at));
        }
        last
    }

    fn write(&self) -> Payload {
        let mut writer = Writer::new(self.source);
        for slot in &self.slots {
            match slot.span {
                Some(span) if slot.removed => writer.leave_out(span),
                Some(span) => writer.keep(span, slot),
                None if slot.removed => {}
                None => writer.append(slot),
            }
        }
        writer.finish()
    }
}

impl Slot<'_> {
    fn is(&self, source: &[u8], key: &str) -> bool {
        match (self.key, self.span) {
            (Some(own), _) => own == key,
            (None, Some(span)) => key_is(source, span, key),
            (None, None) => false,
        }
    }
}

/// Walks the members in order and copies the source up to each change.
struct Writer<'a> {
    source: &'a Bytes,
    out: Payload,
    /// The source up to here is written or left out.
    done: usize,
    /// Where the last member that stays ends in the source.
    kept: Option<usize>,
    /// Members at the start were left out, and none has stayed so far.
    headless: bool,
    /// An added member has been written.
    appended: bool,
}

impl<'a> Writer<'a> {
    fn new(source: &'a Bytes) -> Self {
        Self { source, out: Payload::new(), done: 0, kept: None, headless: false, appended: false }
    }

    fn keep(&mut self, span: &Span, slot: &Slot<'_>) {
        if self.headless {
            self.done = span.key.start;
            self.headless = false;
        }
        if let Some(key) = slot.key {
            self.copy_to(span.key.start);
            self.out.push(quote(key));
            self.done = span.key.end;
        }
        if let Some(value) = slot.value {
            self.copy_to(span.value.start);
            self.out.push(value.clone());
            self.done = span.value.end;
        }
        self.kept = Some(span.value.end);
    }

    /// Leaves out the member with the comma before it or, at the start, with the one behind it.
    fn leave_out(&mut self, span: &Span) {
        match self.kept {
            Some(end) => self.copy_to(end),
            None if !self.headless => self.copy_to(span.key.start),
            None => {}
        }
        self.headless = self.kept.is_none();
        self.done = span.value.end;
    }

    fn append(&mut self, slot: &Slot<'_>) {
        let (Some(key), Some(value)) = (slot.key, slot.value) else { return };
        if !self.appended {
            let place = match self.kept {
                Some(end) => end,
                None if self.headless => self.done,
                None => memchr::memchr(b'{', self.source).map_or(0, |at| at + 1),
            };
            self.copy_to(place);
        }
        let comma = self.kept.is_some() || self.appended;
        let mut prefix = String::with_capacity(key.len() + 4);
        prefix.push_str(if comma { "," } else { "" });
        quote_into(&mut prefix, key);
        prefix.push(':');
        self.out.push(prefix);
        self.out.push(value.clone());
        self.appended = true;
    }

    fn finish(mut self) -> Payload {
        self.copy_to(self.source.len());
        self.out
    }

    fn copy_to(&mut self, end: usize) {
        if end > self.done {
            self.out.push(self.source.slice(self.done..end));
            self.done = end;
        }
    }
}
