//! A body under edit.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Notes,
    wire::{Edits, Object, quote},
};
use memchr::memmem;

use crate::params::Support;

/// A body with edits on it that can already be looked at.
pub(crate) struct Draft<'a> {
    body: &'a Object,
    /// Members that were not written into the body, where an empty list stands for them: names and JSON texts.
    aside: &'a [(&'static str, Bytes)],
    pub(crate) edits: Edits,
    /// What the edits have changed: the last word on a key is the last of its entries.
    changed: Vec<(Cow<'static, str>, Option<Bytes>)>,
    pub(crate) notes: Notes,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(body: &'a Object, aside: &'a [(&'static str, Bytes)]) -> Self {
        Self { body, aside, edits: Edits::new(), changed: Vec::new(), notes: Notes::default() }
    }

    /// The JSON text of a member as it will be sent.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        match self.changed.iter().rev().find(|(own, _)| own == key) {
            Some((_, value)) => value.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok()),
            None => match self.aside(key) {
                Some(text) => std::str::from_utf8(text).ok(),
                None => self.body.raw(key),
            },
        }
    }

    /// As [`Draft::get`], as bytes: for a look into a long text, which takes no check then.
    pub(crate) fn bytes(&self, key: &str) -> Option<Bytes> {
        match self.changed.iter().rev().find(|(own, _)| own == key) {
            Some((_, value)) => value.clone(),
            None => self.aside(key).cloned().or_else(|| self.body.raw_bytes(key)),
        }
    }

    /// Whether the member may hold this string anywhere; a `true` may be wrong.
    pub(crate) fn may_hold(&self, key: &str, word: &str) -> bool {
        let says = |text: &Bytes| memmem::find(text, quote(word).as_bytes()).is_some();
        self.is_changed(key) || self.aside(key).map_or_else(|| self.body.mentions(word), says)
    }

    /// Whether the member may hold a `null` anywhere; a `true` may be wrong.
    pub(crate) fn may_hold_null(&self, key: &str) -> bool {
        let says = |text: &Bytes| memmem::find(text, b"null").is_some();
        self.is_changed(key) || self.aside(key).map_or_else(|| self.body.mentions_null(), says)
    }

    /// The member as it was set aside, if it was, and nobody has changed it since.
    pub(crate) fn untouched(&self, key: &str) -> Option<&'a Bytes> {
        self.aside(key).filter(|_| !self.is_changed(key))
    }

    /// Puts what was set aside, and nobody has changed since, where the empty lists stand.
    pub(crate) fn put_back(&mut self) {
        for (name, _) in self.aside {
            if let Some(text) = self.untouched(name) {
                self.set(*name, text.clone());
            }
        }
    }

    fn aside(&self, key: &str) -> Option<&'a Bytes> {
        self.aside.iter().find(|(name, _)| *name == key).map(|(_, text)| text)
    }

    fn is_changed(&self, key: &str) -> bool {
        self.changed.iter().any(|(own, _)| own == key)
    }

    /// As [`Draft::get`], `null` taken as missing.
    pub(crate) fn given(&self, key: &str) -> Option<&str> {
        self.get(key).filter(|value| *value != "null")
    }

    pub(crate) fn set(&mut self, key: impl Into<Cow<'static, str>>, json: impl Into<Bytes>) {
        let (key, json) = (key.into(), json.into());
        self.edits.set(key.clone(), json.clone());
        self.changed.push((key, Some(json)));
    }

    pub(crate) fn remove(&mut self, key: impl Into<Cow<'static, str>>) {
        let key = key.into();
        if self.get(&key).is_some() {
            self.edits.remove(key.clone());
            self.changed.push((key, None));
        }
    }

    /// Removes a parameter that the caller will miss.
    pub(crate) fn drop(&mut self, key: &str) {
        self.remove(key.to_owned());
        self.notes.dropped.push(key.to_owned());
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let Some(value) = self.get(from).map(|value| Bytes::copy_from_slice(value.as_bytes())) else {
            return;
        };
        if self.untouched(from).is_some() {
            self.edits.remove(from.to_owned());
            self.edits.set(to.to_owned(), value.clone());
        } else {
            self.edits.rename(from.to_owned(), to.to_owned());
        }
        self.changed.push((Cow::Owned(from.to_owned()), None));
        self.changed.push((Cow::Owned(to.to_owned()), Some(value)));
        self.notes.rewritten.push(from.to_owned());
    }

    /// The known parameters that will be sent, each once.
    pub(crate) fn known(&self) -> Vec<&'static str> {
        let mut names = Vec::with_capacity(8);
        let own = self.body.members().filter_map(|member| Support::known(&member.key));
        for name in own.chain(self.changed.iter().filter_map(|(key, _)| Support::known(key))) {
            if !names.contains(&name) && self.get(name).is_some() {
                names.push(name);
            }
        }
        names
    }
}
