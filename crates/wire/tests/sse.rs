//! SSE: the WHATWG rules, and the same events however the stream is cut.

mod support;

use lockgate_wire::{SseDecoder, SseError, SseEvent, write_sse, write_sse_comment};
use support::{Random, mutate};

type Events = Vec<(String, String)>;
type Case = (&'static [u8], &'static [(&'static str, &'static str)]);

/// Streams with their events; all end with a finished event or with nothing worth handing out.
const CORPUS: &[Case] = &[
    (b"", &[]),
    (b"data: a\n\n", &[("", "a")]),
    (b"data:a\n\ndata:  b\n\n", &[("", "a"), ("", " b")]),
    (b"event: ping\ndata: {\"x\":1}\n\n", &[("ping", "{\"x\":1}")]),
    (
        b"data: 1\r\n\r\ndata: 2\r\rdata: 3\n\ndata: 4\r\n\ndata: 5\n\r\n",
        &[("", "1"), ("", "2"), ("", "3"), ("", "4"), ("", "5")],
    ),
    (b"data: a\ndata: b\r\ndata:\rdata: c\n\n", &[("", "a\nb\n\nc")]),
    (b"data\n\ndata:\n\ndata\ndata\n\n", &[("", ""), ("", ""), ("", "\n")]),
    (b": comment\n\n:\n:x\ndata: a\n: between\ndata: b\n\n: end\n\n", &[("", "a\nb")]),
    (b"event: a\nevent: b\ndata: x\n\ndata: y\n\n", &[("b", "x"), ("", "y")]),
    (b"event: lost\n\ndata: x\n\nevent\ndata: y\n\n", &[("", "x"), ("", "y")]),
    (
        b"id: 1\nretry: 10\nfoo: bar\nfoo\nDATA: no\ndatax: no\ndata : no\neventual: no\ndata: x\n\n",
        &[("", "x")],
    ),
    (b"\xEF\xBB\xBFdata: bom\n\n\xEF\xBB\xBFdata: not here\n\ndata: x\n\n", &[("", "bom"), ("", "x")]),
    (b"\xEF\xBB\xBF\n\ndata: x\n\n", &[("", "x")]),
    (b"\xEF\xBB\xBF\xEF\xBB\xBFdata: twice\n\n", &[]),
    (
        "event: déjà\ndata: é€😀\u{feff}\u{2028}\u{85}\n\n".as_bytes(),
        &[("déjà", "é€😀\u{feff}\u{2028}\u{85}")],
    ),
    (b"data: \xff\xc3\ndata: \xc3\xa9\n\ndata: ok\n\n", &[("", "\u{fffd}\u{fffd}\n\u{e9}"), ("", "ok")]),
    (b"data: a:b: c\0\n\n\n\n\r\r\ndata: [DONE]\n\n", &[("", "a:b: c\0"), ("", "[DONE]")]),
];

#[test]
fn decodes_the_corpus() {
    for (stream, events) in CORPUS {
        assert_eq!(decode(&[stream]), owned(events), "{}", stream.escape_ascii());
    }
}

#[test]
fn every_cut_gives_the_same_events() {
    for (stream, events) in CORPUS {
        let events = owned(events);
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let parts = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(decode(&parts), events, "{} cut at {first}, {second}", stream.escape_ascii());
            }
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode(&single), events, "{}", stream.escape_ascii());
    }
}

#[test]
fn random_streams_and_cuts_give_the_same_events() {
    let all: Vec<u8> = CORPUS.iter().flat_map(|(stream, _)| stream.iter().copied()).collect();
    let mut random = Random::new(3);
    for _ in 0..4_000 {
        let mut stream = all.clone();
        for _ in 0..3 {
            mutate(&mut random, &mut stream, b"data: event\r\n\r\n\r\n:\xEF\xBB\xBF\xff");
        }
        let whole = decode(&[&stream]);
        assert_eq!(whole, reference(&stream), "{}", stream.escape_ascii());
        for cuts in [1, 3, 20] {
            let parts = random.cut(&stream, cuts);
            assert_eq!(decode(&parts), whole, "{parts:?}");
        }
    }
}

#[test]
fn events_come_out_as_soon_as_they_are_complete() {
    let mut decoder = SseDecoder::new();
    assert!(decoder.is_idle());
    assert_eq!(feed(&mut decoder, b"data: a\r"), Ok(vec![]));
    assert!(!decoder.is_idle());
    assert_eq!(feed(&mut decoder, b"\r"), Ok(owned(&[("", "a")])));
    assert!(decoder.is_idle());
    // The LF belongs to the CR of the read before, so it ends no event.
    assert_eq!(feed(&mut decoder, b"\ndata: b\r"), Ok(vec![]));
    assert_eq!(feed(&mut decoder, b""), Ok(vec![]));
    assert_eq!(feed(&mut decoder, b"\n"), Ok(vec![]));
    assert_eq!(feed(&mut decoder, b"\n"), Ok(owned(&[("", "b")])));
}

#[test]
fn finish_hands_out_an_event_that_lacks_its_blank_line() {
    for stream in ["event: e\ndata: x\n", "event: e\ndata: x", "event: e\r\ndata: x\r", "data: x\nevent: e"] {
        let mut decoder = SseDecoder::new();
        assert_eq!(feed(&mut decoder, stream.as_bytes()), Ok(vec![]));
        assert_eq!(finish(&mut decoder), owned(&[("e", "x")]), "{stream:?}");
        assert!(decoder.is_idle());
        assert_eq!(finish(&mut decoder), vec![]);
    }
    for stream in ["event: e\n", "dat", ": comment", "\u{feff}"] {
        let mut decoder = SseDecoder::new();
        assert_eq!(feed(&mut decoder, stream.as_bytes()), Ok(vec![]));
        assert_eq!(finish(&mut decoder), vec![], "{stream:?}");
    }
    let mut decoder = SseDecoder::new();
    assert_eq!(feed(&mut decoder, b"data: x\r"), Ok(vec![]));
    finish(&mut decoder);
    // A new stream: its byte order mark is one, its first LF is a line.
    assert_eq!(feed(&mut decoder, b"\xEF\xBB\xBFdata: y\n\n"), Ok(owned(&[("", "y")])));
}

#[test]
fn too_long_events_are_errors_however_they_are_cut() {
    let streams: [&[u8]; 5] = [
        b"data: 0123456789\n\n",
        b"data: 0123\ndata: 456\ndata: 7\n\n",
        b"event: 01234\ndata: 5678\n\n",
        b": a long comment\n\n",
        b"event: 0123\nevent: 4567\ndata: 89\n\n",
    ];
    for (stream, limit, fits) in [
        (streams[0], 16, true),
        (streams[0], 15, false),
        (streams[1], 10, true),
        (streams[1], 9, false),
        (streams[2], 12, true),
        (streams[2], 11, false),
        (streams[3], 16, true),
        (streams[3], 15, false),
        (streams[4], 11, true),
        (streams[4], 10, false),
    ] {
        for size in 1..=stream.len() {
            let mut decoder = SseDecoder::with_limit(limit);
            let result = stream.chunks(size).try_for_each(|part| feed(&mut decoder, part).map(drop));
            assert_eq!(result.is_ok(), fits, "{} limit {limit} reads of {size}", stream.escape_ascii());
        }
    }
    let mut decoder = SseDecoder::with_limit(64);
    let endless = (0..100).try_for_each(|_| feed(&mut decoder, b"data: x\n").map(drop));
    assert_eq!(endless, Err(SseError::TooLong));
}

#[test]
fn an_error_of_the_receiver_stops_the_feed() {
    #[derive(Debug, PartialEq)]
    struct Stop;
    impl From<SseError> for Stop {
        fn from(_: SseError) -> Self {
            Stop
        }
    }
    let mut seen = 0;
    let result = SseDecoder::new().feed(b"data: 1\n\ndata: 2\n\n", &mut |_: SseEvent<'_>| {
        seen += 1;
        Err(Stop)
    });
    assert_eq!((result, seen), (Err(Stop), 1));
}

#[test]
fn what_is_written_is_read_back() {
    let mut out = Vec::new();
    write_sse(&mut out, None, "{\"a\":1}");
    assert_eq!(out, b"data: {\"a\":1}\n\n");
    write_sse_comment(&mut out, "keep alive");
    write_sse(&mut out, Some("e"), " two\nlines\r\nand\rmore\n");
    write_sse(&mut out, Some("bad\ndata: injected"), "");
    write_sse_comment(&mut out, "a\ndata: injected");
    let expected = [("", "{\"a\":1}"), ("e", " two\nlines\nand\nmore\n"), ("bad", "")];
    assert_eq!(decode(&[&out]), owned(&expected));
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = Random::new(11);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(300)).map(|_| random.next().to_le_bytes()[0]).collect();
        let parts = random.cut(&bytes, 4);
        let mut decoder = SseDecoder::with_limit(random.below(100));
        let _ = parts.iter().try_for_each(|part| feed(&mut decoder, part).map(drop));
        finish(&mut decoder);
    }
}

fn owned(events: &[(&str, &str)]) -> Events {
    events.iter().map(|(event, data)| ((*event).to_owned(), (*data).to_owned())).collect()
}

fn feed(decoder: &mut SseDecoder, bytes: &[u8]) -> Result<Events, SseError> {
    let mut events = Vec::new();
    decoder.feed(bytes, &mut |event: SseEvent<'_>| {
        events.push((event.event.to_owned(), event.data.to_owned()));
        Ok::<(), SseError>(())
    })?;
    Ok(events)
}

fn finish(decoder: &mut SseDecoder) -> Events {
    let mut events = Vec::new();
    let result = decoder.finish(&mut |event: SseEvent<'_>| {
        events.push((event.event.to_owned(), event.data.to_owned()));
        Ok::<(), SseError>(())
    });
    // Only the limit can fail here, and then nothing is handed out.
    if result.is_err() { Vec::new() } else { events }
}

fn decode(parts: &[&[u8]]) -> Events {
    let mut decoder = SseDecoder::new();
    let mut events: Events =
        parts.iter().flat_map(|part| feed(&mut decoder, part).unwrap_or_default()).collect();
    events.extend(finish(&mut decoder));
    events
}

/// The rules written down the slow way: terminators made equal, then split.
fn reference(stream: &[u8]) -> Events {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut plain = Vec::new();
    for (at, &byte) in stream.iter().enumerate() {
        match byte {
            b'\n' if at > 0 && stream[at - 1] == b'\r' => {}
            b'\r' => plain.push(b'\n'),
            _ => plain.push(byte),
        }
    }
    plain.extend(b"\n\n");
    let (mut events, mut event, mut data) = (Vec::new(), Vec::new(), Vec::<u8>::new());
    for line in plain.split(|&byte| byte == b'\n') {
        let (field, value) = match line.iter().position(|&byte| byte == b':') {
            Some(colon) => {
                (&line[..colon], line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]))
            }
            None => (line, &b""[..]),
        };
        match field {
            b"data" => data.extend(value.iter().chain(b"\n")),
            b"event" => event = value.to_vec(),
            _ => {}
        }
        if line.is_empty() {
            if let Some((_, text)) = data.split_last() {
                events.push((
                    String::from_utf8_lossy(&event).into_owned(),
                    String::from_utf8_lossy(text).into_owned(),
                ));
            }
            event.clear();
            data.clear();
        }
    }
    events
}
