//! Watching a relayed stream of this API.
//!
//! Events that carry the response object get its declared edits; all others go through as they came. The events that
//! only say that the response exists are held back until more comes, so that a failure right behind them can still be
//! answered by another deployment.

use bytes::{Bytes, BytesMut};
use lockgate_core::{
    Encoded, Error, Memo, Probe, Result, StreamEnd, Usage,
    refusal::is_error,
    signed,
    wire::{Edits, Object, write_sse},
};
use memchr::memmem::Finder;

use super::{encoder, relay};
use crate::{
    error,
    frames::{data_of, last_boundary, split, value_at},
    stream::cut_off,
};

pub(crate) struct Watcher {
    /// The start of an event whose end has not come.
    carry: BytesMut,
    /// Opening events that wait for more.
    held: BytesMut,
    memo: Memo,
    usage: Option<Usage>,
    deltas: u64,
    /// Events so far: the sequence number of the next one.
    events: u64,
    passed: bool,
    done: bool,
    failure: Option<Error>,
    /// Whether the upstream's own event told the client of the failure.
    told: bool,
    response: Finder<'static>,
    error: Finder<'static>,
    delta: Finder<'static>,
}

impl Watcher {
    pub(crate) fn new(encoded: &Encoded) -> Self {
        Self {
            carry: BytesMut::new(),
            held: BytesMut::new(),
            memo: encoded.memo.clone(),
            usage: None,
            deltas: 0,
            events: 0,
            passed: false,
            done: false,
            failure: None,
            told: false,
            response: Finder::new(b"\"response\""),
            error: Finder::new(b"\"error\""),
            delta: Finder::new(b".delta\""),
        }
    }

    /// Looks at whole events and gives what goes to the client.
    fn look(&mut self, block: &Bytes) -> Result<Bytes> {
        let mut out = BytesMut::with_capacity(block.len());
        for range in split(block) {
            let event = block.slice(range);
            if event.trim_ascii().is_empty() || event.starts_with(b":") {
                // Comments keep their place, and say nothing that would bind us to this provider.
                let waits = !self.held.is_empty() || (!self.passed && out.is_empty());
                if waits {
                    self.held.extend_from_slice(&event)
                } else {
                    out.extend_from_slice(&event)
                }
                continue;
            }
            self.events += 1;
            self.deltas += u64::from(self.delta.find(&event).is_some());
            match self.event(&event) {
                Seen::Plain(bytes) => {
                    out.extend_from_slice(&self.held.split());
                    out.extend_from_slice(&bytes);
                }
                Seen::Opening(bytes) => self.held.extend_from_slice(&bytes),
                Seen::Failure(error, _) if !self.passed && out.trim_ascii().is_empty() => return Err(error),
                Seen::Failure(error, bytes) => {
                    out.extend_from_slice(&self.held.split());
                    out.extend_from_slice(&bytes);
                    self.failure.get_or_insert(error);
                    self.told = true;
                }
            }
        }
        self.passed |= !out.trim_ascii().is_empty();
        let out = out.freeze();
        Ok(match &self.memo.account {
            Some(account) => signed::with_account(out, account),
            None => out,
        })
    }

    fn event(&mut self, event: &Bytes) -> Seen {
        let member = |finder: &Finder<'_>, length: usize| {
            finder.find_iter(event).any(|at| value_at(event, at + length).is_some())
        };
        let (has_response, may_fail) =
            (member(&self.response, 10), member(&self.error, 7) || self.error.find(event).is_some());
        if !has_response && !may_fail {
            return Seen::Plain(event.clone());
        }
        let Some((data, at)) = data_of(event) else { return Seen::Plain(event.clone()) };
        let Ok(outer) = Object::scan(data) else { return Seen::Plain(event.clone()) };
        let kind = outer.str("type").unwrap_or_default();
        if kind == "error" {
            let inner = outer.raw("error").filter(|text| is_error(text));
            let error = error::in_stream(inner.unwrap_or_else(|| text(outer.source())));
            return Seen::Failure(error, event.clone());
        }
        let inner = outer.raw_bytes("response").and_then(|raw| Object::scan(raw).ok());
        let Some(inner) = inner else { return Seen::Plain(event.clone()) };
        let edited = self.edited(event, &outer, &inner, at);
        match &*kind {
            "response.created" | "response.in_progress" => Seen::Opening(edited),
            "response.failed" => {
                self.usage = relay::usage(&inner).or(self.usage.take());
                let said = inner.raw("error").filter(|text| is_error(text));
                let error = error::in_stream(said.unwrap_or("{\"message\":\"The response failed.\"}"));
                // Before anything was said another deployment may answer; if none does, these are the answer.
                let events = (!self.passed).then(|| [&self.held, &*edited].concat());
                let error = events.into_iter().fold(error, |error, events| error.with_stream(events.into()));
                Seen::Failure(error, edited)
            }
            "response.completed" | "response.incomplete" | "response.cancelled" => {
                self.done = true;
                self.usage = relay::usage(&inner).or(self.usage.take());
                Seen::Plain(edited)
            }
            _ => Seen::Plain(edited),
        }
    }

    /// The event with the edits of its response object.
    fn edited(&self, event: &Bytes, outer: &Object, inner: &Object, at: std::ops::Range<usize>) -> Bytes {
        let edits = relay::edits(inner, &self.memo);
        if edits.is_empty() {
            return event.clone();
        }
        let mut around = Edits::new();
        around.set("response", inner.splice(&edits).to_vec());
        let data = outer.splice(&around).to_vec();
        let (before, after) =
            (event.get(..at.start).unwrap_or_default(), event.get(at.end..).unwrap_or_default());
        [before, &data, after].concat().into()
    }
}

/// What an event is to the watcher, with the bytes for the client.
enum Seen {
    Plain(Bytes),
    Opening(Bytes),
    Failure(Error, Bytes),
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl Probe for Watcher {
    fn pass(&mut self, frame: Bytes) -> Result<Bytes> {
        self.carry.extend_from_slice(&frame);
        let whole = last_boundary(&self.carry);
        if whole == 0 {
            return Ok(Bytes::new());
        }
        let block = self.carry.split_to(whole).freeze();
        self.look(&block)
    }

    fn finish(&mut self) -> StreamEnd {
        let carry = self.carry.split().freeze();
        let last = if carry.trim_ascii().is_empty() {
            Ok(Bytes::new())
        } else {
            self.look(&[&carry, b"\n\n".as_slice()].concat().into())
        };
        let mut rest = match last {
            Ok(bytes) => bytes.to_vec(),
            Err(error) => return StreamEnd { error: Some(error), ..StreamEnd::default() },
        };
        if self.done || self.failure.is_some() {
            return StreamEnd { rest: rest.into(), error: self.failure.take(), told: self.told };
        }
        let error = cut_off(self.passed);
        if self.passed {
            write_sse(&mut rest, Some("error"), &encoder::failure(&error, self.events));
        }
        StreamEnd { rest: rest.into(), error: Some(error), told: self.passed }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage.clone()
    }

    fn chunks(&self) -> u64 {
        self.deltas
    }
}
