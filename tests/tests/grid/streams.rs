//! STR-1, STR-3, STR-4: streams of every upstream to clients of every surface.

use std::collections::BTreeSet;

use lockgate_core::{Error, ErrorKind, Origin};
use lockgate_testkit::{grammar, laws::Dice};
use lockgate_tests::grid::{self, Called, Client, Said, Scene, Script, Site, Stop, Upstream, clients};
use serde_json::json;

/// A pair with its call and the words of its upstream.
struct Path<'a> {
    client: &'static Client,
    site: &'a Site,
    call: lockgate_core::Call,
    encoded: lockgate_core::Encoded,
    upstream: &'static Upstream,
}

impl Path<'_> {
    fn framed(&self, events: &[Vec<u8>]) -> Vec<u8> {
        self.site.framed(self.encoded.format.0, events)
    }

    fn stream(&self, pieces: &[&[u8]]) -> (Vec<u8>, Option<Error>) {
        grid::stream(&self.call, self.site, &self.encoded, pieces)
    }

    /// What a client hears of these bytes, if they make a whole answer.
    fn heard(&self, sites: &[Site], bytes: &[u8]) -> Result<Vec<String>, String> {
        let read =
            grid::read(self.client, sites, &self.call, bytes).map_err(|error| error.message().to_owned())?;
        if !self.encoded.relay {
            let ending = grammar::read(self.client.surface, bytes)?;
            if !ending.finished {
                return Err(format!("told {:?}", ending.error));
            }
        }
        Ok(read)
    }

    fn name(&self) -> String {
        format!("{} over {}", self.client.surface, self.site.name)
    }
}

/// A path of each client to each manner of speaking.
fn paths(sites: &[Site]) -> Vec<Path<'_>> {
    let (mut paths, mut known) = (Vec::new(), BTreeSet::new());
    for client in clients() {
        for site in sites {
            let call = grid::call(client, &client.request(Scene::Text), true).unwrap();
            let (encoded, _) = grid::prepare(&call, &site.deployment).unwrap();
            let upstream = site.upstream(encoded.format.0).unwrap();
            let framed = site.framed(encoded.format.0, &upstream.frames(&said(), &Script::default()));
            let manner = (client.surface, upstream.name, encoded.relay, site.stream_type(&framed));
            // Where a whole answer comes there is no stream to cut.
            if known.insert(manner) && manner.3 != "application/json" {
                paths.push(Path { client, site, call, encoded, upstream });
            }
        }
    }
    paths
}

/// Words of several bytes a letter, thoughts, two calls.
fn said() -> Said {
    Said { text: "Grüße 🗼 dort.".to_owned(), thoughts: Some("Hm, é?".to_owned()), ..Said::usual(true) }
}

fn fitting(upstream: &Upstream) -> Said {
    let mut said = said();
    if !upstream.words.calls {
        said = Said { calls: Vec::new(), stop: Stop::End, thoughts: None, ..said };
    }
    if upstream.name == "gigachat" {
        said.calls.truncate(1);
    }
    said.signature = upstream.words.signs.map(str::to_owned);
    said
}

/// Some calls, and the pieces of their arguments as they come.
fn interleaved(dice: &mut Dice, alternate: bool) -> (Vec<Called>, Vec<(usize, String)>) {
    let count = 1 + dice.below(5);
    let calls: Vec<Called> = (0..count)
        .map(|n| Called {
            id: format!("call_{n}"),
            name: "f".to_owned(),
            arguments: json!({"n": n, "text": "ü\"\\ }{".repeat(dice.below(4)), "x": [1, {"y": true}]})
                .to_string(),
        })
        .collect();
    let mut left: Vec<Vec<char>> = calls.iter().map(|call| call.arguments.chars().rev().collect()).collect();
    let mut pieces = Vec::new();
    while let Some(first) = left.iter().position(|chars| !chars.is_empty()) {
        let at = if alternate { dice.below(count) } else { first };
        let keep = left[at].len().saturating_sub(1 + dice.below(20));
        let piece: String = left[at].split_off(keep).into_iter().rev().collect();
        if !piece.is_empty() {
            pieces.push((at, piece));
        }
    }
    (calls, pieces)
}

/// STR-1: parallel calls, their pieces in any order, keep their ids and their arguments. Some thousands of orders, 60 for
/// each pair of a surface and a manner of speaking.
#[test]
fn interleaved_calls_stay_apart() {
    let sites = grid::sites();
    let mut dice = Dice::new(4711);
    for path in
        paths(&sites).iter().filter(|path| path.upstream.words.calls && path.upstream.name != "gigachat")
    {
        let words = path.upstream.words;
        for round in 0..60 {
            let (calls, order) = interleaved(&mut dice, words.interleaves);
            let spoken =
                Said { calls: calls.clone(), thoughts: None, text: String::new(), ..Said::usual(true) };
            let script = Script { order, ..Script::default() };
            let stream = path.framed(&path.upstream.frames(&spoken, &script));
            let (bytes, _) = path.stream(&[&stream]);
            let shown = || format!("{}, round {round}: {}", path.name(), String::from_utf8_lossy(&bytes));
            let read = path.heard(&sites, &bytes).unwrap_or_else(|why| panic!("{why}: {}", shown()));
            let of = |kind: &str| -> Vec<&str> {
                read.iter().filter_map(|fact| fact.strip_prefix(kind)).collect()
            };
            let wanted: Vec<String> = calls.iter().map(|call| format!("f {}", call.arguments)).collect();
            assert_eq!(of("calls: "), wanted, "{}", shown());
            let ids: BTreeSet<&str> = of("id: ").into_iter().collect();
            assert_eq!(ids.len(), calls.len(), "{}", shown());
            if words.ids && path.client.words.ids {
                assert!(calls.iter().all(|call| ids.contains(call.id.as_str())), "{ids:?}: {}", shown());
            }
        }
    }
}

/// Other ways to write the same events.
fn written_otherwise(stream: &str) -> Vec<String> {
    if !stream.starts_with("data:") && !stream.starts_with("event:") {
        return vec![stream.replace('\n', "\r\n")];
    }
    // No CR right before a LF: the two would be one end of line.
    let mixed = stream.split_inclusive('\n').enumerate();
    let mixed = mixed.map(|(n, line)| line.replace('\n', ["\r\n", "\n", "\r"][n % 3])).collect();
    vec![
        stream.replace('\n', "\r\n"),
        stream.replace('\n', "\r"),
        format!("\u{feff}{stream}"),
        stream.replace("\n\n", "\n\n: a comment\n\n:\n\n"),
        stream.replace("data: {", "data:{"),
        stream.replace("data: {", "id: 7\nretry: 10\ndata: {\ndata: "),
        mixed,
    ]
}

/// STR-3: however the bytes are cut, and in whatever way events are written, the client gets the same. Cut at each byte at
/// once, and in two at places drawn by lot, others for each pair of a surface and a manner of speaking.
#[test]
fn cuts_and_ways_of_writing_make_no_difference() {
    let sites = grid::sites();
    let mut dice = Dice::new(815);
    for path in &paths(&sites) {
        let stream = path.framed(&path.upstream.frames(&fitting(path.upstream), &Script::default()));
        let (whole, failed) = path.stream(&[&stream]);
        assert!(failed.is_none(), "{}: {failed:?}", path.name());
        let mut ways = vec![stream.clone()];
        if !path.encoded.relay
            && let Ok(text) = std::str::from_utf8(&stream)
            && stream.first() != Some(&0)
        {
            ways.extend(written_otherwise(text).into_iter().map(String::into_bytes));
        }
        for (kind, way) in ways.iter().enumerate() {
            let shown = String::from_utf8_lossy(way);
            let same = |pieces: &[&[u8]], how: &str| {
                let (bytes, _) = path.stream(pieces);
                let (bytes, whole) = (String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&whole));
                assert_eq!(bytes, whole, "{}: {how} of {shown}", path.name());
            };
            same(&[way], "all");
            let single: Vec<&[u8]> = way.chunks(1).collect();
            same(&single, "each byte");
            // Each offset would take minutes: a sample, drawn anew for each row and repeatable.
            let step = if kind == 0 { 31 } else { 211 };
            for _ in 0..way.len() / step {
                let at = 1 + dice.below(way.len() - 1);
                let (head, tail) = way.split_at(at);
                same(&[head, tail], "two parts");
            }
        }
    }
}

/// STR-4: a stream that ends too early, breaks, or tells of a failure ends for the client with an error in its own
/// protocol; or nothing at all is missing.
#[test]
fn what_is_not_whole_is_an_error() {
    let sites = grid::sites();
    let reset = Error::new(ErrorKind::Connection, Origin::Upstream, "The connection was reset.");
    for path in paths(&sites) {
        let frames = path.upstream.frames(&fitting(path.upstream), &Script::default());
        let (whole, _) = path.stream(&[&path.framed(&frames)]);
        let facts = path.heard(&sites, &whole).unwrap();
        let missing = |read: &[String]| {
            let told = |fact: &&String| {
                !["usage", "cached", "written", "thought"].iter().any(|own| fact.starts_with(own))
            };
            facts.iter().filter(told).filter(|fact| !read.contains(fact)).count()
        };
        for count in 0..frames.len() {
            let head = path.framed(&frames[..count]);
            let mut inside = path.framed(&frames[..=count]);
            inside.truncate(head.len() + (inside.len() - head.len()) / 2);
            let mut failing = frames[..count].to_vec();
            failing.push(path.upstream.failure());
            let failing = path.framed(&failing);
            for (how, sent, broken) in [
                ("closed", &head, None),
                ("closed within an event", &inside, None),
                ("reset", &head, Some(&reset)),
                ("failing", &failing, None),
            ] {
                if !path.upstream.words.ends && how.starts_with("closed") || sent.is_empty() {
                    continue;
                }
                let (bytes, failed) =
                    grid::stream_until(&path.call, path.site, &path.encoded, &[sent], broken);
                let place = || {
                    format!(
                        "{}, {how} after {count} events: {}",
                        path.name(),
                        String::from_utf8_lossy(&bytes)
                    )
                };
                match path.heard(&sites, &bytes) {
                    Ok(read) => assert_eq!(missing(&read), 0, "a normal end, {}", place()),
                    Err(_) => assert!(failed.is_some(), "nobody knows that it failed, {}", place()),
                }
                if !path.encoded.relay {
                    let ending = match grammar::read(path.client.surface, &bytes) {
                        // Only the mark of the end was still to come.
                        Err(why) if why.starts_with("all is said") && count + 4 > frames.len() => continue,
                        ending => ending.unwrap_or_else(|why| panic!("{why}, {}", place())),
                    };
                    assert!(ending.finished || ending.error.is_some(), "{}", place());
                    let said = ending.error.map(|error| error.to_string()).unwrap_or_default();
                    let named = how != "failing" || ending.finished || said.contains("It broke.");
                    assert!(named, "the provider's words are lost, {}", place());
                }
            }
        }
    }
}
