//! What must hold for every dialect and surface. Each law panics with an explanation when it is broken.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use bytes::Bytes;
use lockgate_core::{Attempt, Encoded, Event, Probe, Result, StreamDecoder, StreamEncoder};
use lockgate_wire::Object;

use crate::sample;

/// A maker of fresh decoders, all alike.
pub type Decoders<'a> = &'a dyn Fn() -> Box<dyn StreamDecoder>;

/// A maker of fresh probes, all alike.
pub type Probes<'a> = &'a dyn Fn() -> Box<dyn Probe>;

/// Reads a stream that arrives in these pieces.
///
/// # Errors
/// As the decoder's.
pub fn decode<'a>(
    mut decoder: Box<dyn StreamDecoder>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut events)?;
    }
    decoder.finish(&mut events)?;
    Ok(events)
}

/// However a good stream is cut into reads, the same events come out. Gives the events.
pub fn any_chunking_gives_the_same_events(make: Decoders<'_>, stream: &[u8]) -> Vec<Event> {
    let whole = decode(make(), [stream]).expect("a good stream is read");
    let expected = format!("{whole:#?}");
    for pieces in chunkings(stream) {
        let cuts: Vec<usize> = pieces.iter().map(|piece| piece.len()).collect();
        let events = decode(make(), pieces).expect("a good stream is read in pieces");
        assert_eq!(format!("{events:#?}"), expected, "pieces of {cuts:?} bytes");
    }
    whole
}

/// A good stream says: start first, usage at most once and before the end, tool calls numbered from zero in the
/// order in which they start, arguments only of a call that has started, one finish for each answer, the end last.
pub fn a_good_stream_is_well_formed(events: &[Event]) {
    assert!(
        matches!(events.first(), Some(Event::Start { .. })),
        "does not begin with Start: {:?}",
        events.first()
    );
    assert!(matches!(events.last(), Some(Event::Done)), "does not end with Done: {:?}", events.last());
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Start { .. })), 1, "more than one Start");
    assert_eq!(count(|event| matches!(event, Event::Done)), 1, "more than one Done");
    assert!(count(|event| matches!(event, Event::Usage(_))) <= 1, "more than one Usage");
    tool_calls_are_numbered(events);
    every_answer_finishes_once(events);
}

fn tool_calls_are_numbered(events: &[Event]) {
    let mut started: BTreeMap<u32, u32> = BTreeMap::new();
    for event in events {
        match event {
            Event::ToolStart { choice, index, name, .. } => {
                let next = started.entry(*choice).or_default();
                assert_eq!(index, next, "tool call {name} of answer {choice} is out of order");
                *next += 1;
            }
            Event::ToolArguments { choice, index, fragment } => {
                let known = started.get(choice).copied().unwrap_or(0);
                assert!(*index < known, "{fragment:?} belongs to tool call {index}, which has not started");
            }
            _ => {}
        }
    }
}

fn every_answer_finishes_once(events: &[Event]) {
    let (mut spoke, mut finished) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match event {
            Event::Text { choice, .. }
            | Event::ToolStart { choice, .. }
            | Event::Reasoning { choice, .. } => {
                assert!(!finished.contains(choice), "answer {choice} goes on after its finish: {event:?}");
                spoke.insert(*choice);
            }
            Event::Finish { choice, .. } => {
                assert!(finished.insert(*choice), "answer {choice} finishes twice")
            }
            _ => {}
        }
    }
    assert!(spoke.is_subset(&finished), "answers {spoke:?} spoke, but only {finished:?} finished");
}

/// A good stream that is cut off anywhere is either an error, or was complete already: its end has been read.
pub fn a_cut_off_stream_is_an_error(make: Decoders<'_>, stream: &[u8]) {
    for length in 0..stream.len() {
        let (head, _) = stream.split_at(length);
        match decode(make(), [head]) {
            Err(_) => {}
            Ok(events) if events.iter().any(|event| matches!(event, Event::Failure(_))) => {}
            Ok(events) => {
                let text = String::from_utf8_lossy(head);
                assert!(
                    matches!(events.last(), Some(Event::Done)),
                    "cut after {length} bytes is no error: {text}"
                );
                every_answer_finishes_once(&events);
                let finished = events.iter().any(|event| matches!(event, Event::Finish { .. }));
                assert!(finished, "cut after {length} bytes counts as whole without a finish: {text}");
            }
        }
    }
}

/// A relayed stream reaches the client byte by byte as it came, however it is cut. Only for a probe that withholds
/// nothing and a stream that is complete.
pub fn a_relayed_stream_is_untouched(make: Probes<'_>, stream: &[u8]) {
    for pieces in chunkings(stream) {
        let mut probe = make();
        let mut passed = Vec::new();
        for piece in pieces {
            passed
                .extend_from_slice(&probe.pass(Bytes::copy_from_slice(piece)).expect("a good stream passes"));
        }
        let end = probe.finish();
        assert!(end.error.is_none(), "a good stream ends in {:?}", end.error);
        passed.extend_from_slice(&end.rest);
        assert_eq!(String::from_utf8_lossy(&passed), String::from_utf8_lossy(stream));
    }
}

/// A relayed stream that is cut off is told as an error, unless its end has been read.
pub fn a_cut_off_relay_is_an_error(make: Probes<'_>, stream: &[u8], complete: impl Fn(&[u8]) -> bool) {
    for length in 0..stream.len() {
        let (head, _) = stream.split_at(length);
        let mut probe = make();
        let passed = probe.pass(Bytes::copy_from_slice(head));
        let failed = passed.is_err() || probe.finish().error.is_some();
        assert!(
            failed || complete(head),
            "cut after {length} bytes is no error: {}",
            String::from_utf8_lossy(head)
        );
    }
}

/// A relayed request has every member of the client's body, in its order and byte by byte, except those that the
/// target's rules edit.
pub fn a_relayed_request_is_untouched(source: &[u8], encoded: &Encoded, edited: &[&str]) {
    assert!(encoded.relay, "the request is not relayed");
    let members = |bytes: &[u8]| -> Vec<(String, Vec<u8>)> {
        let object = Object::scan(Bytes::copy_from_slice(bytes)).expect("a JSON object");
        let members = object.members().map(|member| (member.key.into_owned(), member.raw.to_vec()));
        members.filter(|(key, _)| !edited.contains(&key.as_str())).collect()
    };
    let sent = encoded.request.body().to_vec();
    let (before, after) = (members(source), members(&sent));
    let show = |list: &[(String, Vec<u8>)]| -> Vec<String> {
        list.iter().map(|(key, raw)| format!("{key}: {}", String::from_utf8_lossy(raw))).collect()
    };
    assert_eq!(show(&after), show(&before));
}

/// Same input, same bytes: providers' prompt caches live on it.
pub fn encoding_is_deterministic(attempt: &Attempt<'_>) {
    let bytes = || attempt.dialect().encode(attempt).map(|encoded| encoded.request.body().to_vec());
    let (first, second) = (bytes().expect("encodes"), bytes().expect("encodes"));
    assert_eq!(String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
}

/// Every refusal of an upstream, in whatever shape, becomes an error that says something, keeps the status, and does
/// not carry the credential.
pub fn every_refusal_is_explained(attempt: &Attempt<'_>, said: &str) {
    let message = format!("{{\"error\":{{\"message\":\"{said}\",\"type\":\"some_type\",\"code\":null}}}}");
    let bodies = [
        "",
        "{}",
        "null",
        "[]",
        "not json",
        "{\"error\":null}",
        "{\"error\":\"plain words\"}",
        "{\"error\":{\"message\":null}}",
        "{\"detail\":[{\"msg\":\"field required\"}]}",
        "{\"message\":\"plain words\"}",
        "<html><body>502 Bad Gateway</body></html>",
        "{\"error\":{\"message\":\"cut o",
        message.as_str(),
    ];
    for status in (400..=429).chain([451, 498, 499, 500, 501, 502, 503, 504, 520, 524, 529, 599]) {
        for body in bodies {
            for content_type in ["application/json", "text/html", "text/event-stream"] {
                let head = sample::head(status, content_type);
                let error =
                    attempt.dialect().reject(attempt, &head, &Bytes::copy_from_slice(body.as_bytes()));
                let place = format!("status {status}, body {body:?}");
                assert!(!error.message().trim().is_empty(), "{place}: says nothing");
                assert!(error.kind().status() >= 400, "{place}: {:?} is no failure", error.kind());
                assert_eq!(error.status(), Some(status), "{place}: the upstream's status is lost");
                let client = status < 500;
                assert_eq!(error.kind().status() < 500, client, "{place}: told as {:?}", error.kind());
                no_secret(&error, &place);
                if body == message {
                    assert!(error.message().contains(said), "{place}: the provider's words are lost");
                }
            }
        }
    }
}

/// The sample target's credential is not in the `Debug` form of a value.
pub fn no_secret(value: &dyn Debug, place: &str) {
    assert!(!format!("{value:?}").contains(sample::SECRET), "{place}: the credential can be read");
}

/// Whatever arrives instead of a good stream, the decoder and the probe return; they never panic.
pub fn garbage_never_panics(decoders: Decoders<'_>, probes: Probes<'_>, stream: &[u8], rounds: u32) {
    let mut dice = Dice::new(0x5eed);
    for _ in 0..rounds {
        let bytes = dice.mutate(stream);
        let cut = dice.below(bytes.len() + 1);
        let (head, tail) = bytes.split_at(cut);
        let _ = decode(decoders(), [head, tail]);
        let mut probe = probes();
        if probe.pass(Bytes::copy_from_slice(head)).is_ok() {
            let _ = probe.pass(Bytes::copy_from_slice(tail));
        }
        let _ = (probe.finish(), probe.usage(), probe.chunks());
    }
}

/// Writes events as a surface does, and gives the bytes.
pub fn encode(mut encoder: Box<dyn StreamEncoder>, events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        encoder.event(event, &mut out);
    }
    out
}

/// Ways to cut a stream: whole, byte by byte, in two at every place (at most some hundred), at random.
fn chunkings(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut all = vec![vec![stream], stream.chunks(1).collect(), stream.chunks(7).collect()];
    let step = (stream.len() / 300).max(1);
    for at in (0..stream.len()).step_by(step) {
        let (head, tail) = stream.split_at(at);
        all.push(vec![head, tail]);
    }
    let mut dice = Dice::new(7);
    for _ in 0..20 {
        let (mut rest, mut pieces) = (stream, Vec::new());
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(1 + dice.below(rest.len().min(90)));
            pieces.push(piece);
            rest = tail;
        }
        all.push(pieces);
    }
    all
}

/// A seeded generator: every run rolls the same.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Equal seeds, equal rolls.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number.
    #[expect(clippy::should_implement_trait, reason = "an endless generator, not an iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`; 0 if there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// These bytes with a few faults: flipped, removed, doubled or foreign bytes, a cut.
    pub fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        const FOREIGN: [&[u8]; 12] = [
            b"null",
            b"\"",
            b"{",
            b"}",
            b"[",
            b"-1e999",
            b"\\ud800",
            b"\xff\xfe",
            b"\n\n",
            b"\r",
            b"99999999999999999999",
            b"\0",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(12)).min(bytes.len());
            match self.below(5) {
                0 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.below(8);
                    }
                }
                1 => drop(bytes.drain(at.min(end)..end)),
                2 => {
                    let copy = bytes.get(at..end).unwrap_or_default().to_vec();
                    bytes.splice(at.min(end)..at.min(end), copy);
                }
                3 => {
                    let piece = FOREIGN[self.below(FOREIGN.len())];
                    bytes.splice(at.min(end)..end, piece.iter().copied());
                }
                _ if self.below(4) == 0 => bytes.truncate(at),
                _ => {}
            }
        }
        bytes
    }
}
