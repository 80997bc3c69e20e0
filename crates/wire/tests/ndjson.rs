//! NDJSON: the same lines however the stream is cut.

mod support;

use lockgate_wire::{NdjsonDecoder, NdjsonError};
use support::Random;

const STREAM: &[u8] = b"{\"a\":1}\n\n  \r\n{\"b\":\"\xc3\xa9\"}\r\n[\xff]\n{\"last\":true}";
const LINES: [&str; 4] = ["{\"a\":1}", "{\"b\":\"é\"}", "[\u{fffd}]", "{\"last\":true}"];

#[test]
fn every_cut_gives_the_same_lines() {
    for first in 0..=STREAM.len() {
        for second in first..=STREAM.len() {
            let parts = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
            assert_eq!(decode(&parts, 100).unwrap(), LINES, "cut at {first}, {second}");
        }
    }
}

#[test]
fn finish_resets() {
    let mut decoder = NdjsonDecoder::new();
    let mut lines = Vec::new();
    let mut on = |line: &str| {
        lines.push(line.to_owned());
        Ok::<(), NdjsonError>(())
    };
    decoder.feed(b"1\n2", &mut on).unwrap();
    assert!(!decoder.is_idle());
    decoder.finish(&mut on).unwrap();
    assert!(decoder.is_idle());
    decoder.feed(b"3\n", &mut on).unwrap();
    decoder.finish(&mut on).unwrap();
    assert_eq!(lines, ["1", "2", "3"]);
}

#[test]
fn too_long_lines_are_errors_however_they_are_cut() {
    for size in 1..=STREAM.len() {
        let parts: Vec<&[u8]> = STREAM.chunks(size).collect();
        assert!(decode(&parts, 13).is_ok());
        assert_eq!(decode(&parts, 12), Err(NdjsonError::TooLong));
    }
}

#[test]
fn arbitrary_bytes_never_panic() {
    let mut random = Random::new(5);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| *random.pick(b"a\n\r \xff\xc3\xa9{")).collect();
        let whole = decode(&[&bytes], 1000);
        let parts = random.cut(&bytes, 5);
        assert_eq!(decode(&parts, 1000), whole);
    }
}

fn decode(parts: &[&[u8]], limit: usize) -> Result<Vec<String>, NdjsonError> {
    let mut decoder = NdjsonDecoder::with_limit(limit);
    let mut lines = Vec::new();
    let mut on = |line: &str| {
        lines.push(line.to_owned());
        Ok::<(), NdjsonError>(())
    };
    for part in parts {
        decoder.feed(part, &mut on)?;
    }
    decoder.finish(&mut on)?;
    Ok(lines)
}
