//! AWS's event streams, read and written without the crates that the dialects use.

use std::collections::BTreeMap;

/// Writes a frame: `event` or `exception`, its name, its payload.
pub fn frame(kind: &str, name: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (own, value) in [(format!(":{kind}-type"), name), (":message-type".to_owned(), kind)] {
        headers.push(own.len() as u8);
        headers.extend_from_slice(own.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let mut out = Vec::new();
    out.extend_from_slice(&((headers.len() + payload.len() + 16) as u32).to_be_bytes());
    out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
    out.extend_from_slice(&checksum(&out).to_be_bytes());
    out.extend_from_slice(&headers);
    out.extend_from_slice(payload.as_bytes());
    out.extend_from_slice(&checksum(&out).to_be_bytes());
    out
}

/// A frame: its headers, its payload, and the bytes behind it.
pub type Frame<'a> = (BTreeMap<String, String>, &'a [u8], &'a [u8]);

/// Reads the first frame.
///
/// # Errors
/// What is wrong with it: its length, a checksum, a header.
pub fn first(bytes: &[u8]) -> Result<Frame<'_>, String> {
    let number = |from: usize| -> Result<u32, String> {
        let four = bytes.get(from..from + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_be_bytes).ok_or_else(|| "a frame is cut off".to_owned())
    };
    let (total, length) = (number(0)? as usize, number(4)? as usize);
    ensure(total >= length + 16 && total <= bytes.len(), "a frame of a wrong length")?;
    ensure(number(8)? == checksum(&bytes[..8]), "a wrong checksum of the lengths")?;
    ensure(number(total - 4)? == checksum(&bytes[..total - 4]), "a wrong checksum")?;
    let (mut headers, mut rest) = (BTreeMap::new(), &bytes[12..12 + length]);
    while let [size, more @ ..] = rest {
        let (name, more) = more.split_at_checked(usize::from(*size)).ok_or("a header is cut off")?;
        let [7, high, low, more @ ..] = more else { return Err("a header that is no text".to_owned()) };
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, more) = more.split_at_checked(size).ok_or("a header is cut off")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        headers.insert(text(name), text(value));
        rest = more;
    }
    Ok((headers, &bytes[12 + length..total - 4], &bytes[total..]))
}

/// CRC-32 as in zip files.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

fn ensure(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_zip() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn what_is_written_is_read() {
        let stream = [frame("event", "a", "{}"), frame("exception", "b", "")].concat();
        let (headers, payload, rest) = first(&stream).unwrap();
        assert_eq!((headers[":event-type"].as_str(), payload), ("a", b"{}".as_slice()));
        assert_eq!(first(rest).unwrap().0[":exception-type"], "b");
    }
}
