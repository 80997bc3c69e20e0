//! How long a recording is, by its own headers.

use lockgate_core::Payload;

/// Headers lie within so many bytes of the start, and the last page of an Ogg file within as many of the end.
const ENDS: usize = 64 * 1024;

/// Thousandths of seconds of a WAV, MP3, FLAC, Ogg, MP4 or WebM file. `total` is its length in bytes, of which
/// `content` may be the first part only. `None` if the file does not tell.
pub fn audio_millis(content: &Payload, total: u64) -> Option<u64> {
    let head = head(content);
    let seconds = match head.as_slice() {
        [b'R', b'I', b'F', b'F', ..] => wav(&head, total),
        [b'f', b'L', b'a', b'C', ..] => flac(&head),
        [b'O', b'g', b'g', b'S', ..] => ogg(&head, &tail(content)),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => webm(&head),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => mp4(&head).or_else(|| mp4(&content.to_vec())),
        _ => mp3(&head, total),
    }?;
    (seconds.is_finite() && seconds > 0.0).then(|| ((seconds * 1000.0).round() as u64).max(1))
}

fn head(content: &Payload) -> Vec<u8> {
    let mut head = Vec::new();
    for segment in content.segments() {
        let missing = ENDS.saturating_sub(head.len());
        head.extend_from_slice(&segment[..segment.len().min(missing)]);
    }
    head
}

fn tail(content: &Payload) -> Vec<u8> {
    let (mut skip, mut tail) = (content.len().saturating_sub(ENDS), Vec::new());
    for segment in content.segments() {
        let from = skip.min(segment.len());
        skip -= from;
        tail.extend_from_slice(&segment[from..]);
    }
    tail
}

fn big_endian(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn little_endian(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

/// The byte rate of `fmt `, and the length of `data`; a stream that was written without knowing it ends with the file.
fn wav(head: &[u8], total: u64) -> Option<f64> {
    let (mut at, mut rate) = (12, None);
    loop {
        let (name, length) = (head.get(at..at + 4)?, little_endian(head, at + 4, 4)?);
        let start = at as u64 + 8;
        match name {
            b"fmt " => rate = little_endian(head, at + 16, 4),
            b"data" => {
                let rest = total.checked_sub(start)?;
                return Some(length.min(rest) as f64 / rate.filter(|rate| *rate > 0)? as f64);
            }
            _ => {}
        }
        at = usize::try_from(start.checked_add(length + length % 2)?).ok()?;
    }
}

/// Sample rate and number of samples of the first block.
fn flac(head: &[u8]) -> Option<f64> {
    let rate = big_endian(head, 18, 3)? >> 4;
    let samples = big_endian(head, 21, 5)? & 0xf_ffff_ffff;
    (rate > 0 && samples > 0).then(|| samples as f64 / rate as f64)
}

/// The position of the last page, at Opus' 48 kHz or Vorbis' own rate.
fn ogg(head: &[u8], tail: &[u8]) -> Option<f64> {
    let rate = match find(head, b"OpusHead") {
        Some(_) => 48_000,
        None => little_endian(head, find(head, b"\x01vorbis")? + 12, 4)?,
    };
    let last = tail.windows(4).rposition(|window| window == b"OggS")?;
    let position = little_endian(tail, last + 6, 8)?;
    (rate > 0).then(|| position as f64 / rate as f64)
}

/// `Duration` in units of `TimestampScale`.
fn webm(head: &[u8]) -> Option<f64> {
    let at = find(head, &[0x44, 0x89])?;
    let duration = match head.get(at + 2)? {
        0x84 => f64::from(f32::from_bits(u32::try_from(big_endian(head, at + 3, 4)?).ok()?)),
        0x88 => f64::from_bits(big_endian(head, at + 3, 8)?),
        _ => return None,
    };
    let scale = find(head, &[0x2a, 0xd7, 0xb1]).and_then(|at| {
        let length = usize::from(head.get(at + 3)? & 0x7f);
        big_endian(head, at + 4, length.min(8))
    });
    Some(duration * scale.unwrap_or(1_000_000) as f64 / 1e9)
}

/// The movie header's duration in its own time scale.
fn mp4(bytes: &[u8]) -> Option<f64> {
    let at = find(bytes, b"mvhd")? + 4;
    let (scale, duration) = match bytes.get(at)? {
        0 => (big_endian(bytes, at + 12, 4)?, big_endian(bytes, at + 16, 4)?),
        _ => (big_endian(bytes, at + 20, 4)?, big_endian(bytes, at + 24, 8)?),
    };
    (scale > 0).then(|| duration as f64 / scale as f64)
}

/// Frames counted in the first one (Xing, Info), else the length at the first frame's bit rate.
fn mp3(head: &[u8], total: u64) -> Option<f64> {
    const RATES: [u64; 3] = [44_100, 48_000, 32_000];
    const BITS: [[u64; 15]; 2] = [
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let tag = if head.starts_with(b"ID3") {
        let size = head.get(6..10)?.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        size + 10
    } else {
        0
    };
    let audio = head.get(tag..)?;
    let at = audio.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xe6 == 0xe2)?;
    let frame = audio.get(at..)?;
    let version = frame.get(1)? >> 3 & 3;
    let rate = RATES.get(usize::from(frame.get(2)? >> 2 & 3))?
        >> match version {
            3 => 0,
            2 => 1,
            _ => 2,
        };
    let samples = if version == 3 { 1152 } else { 576 };
    let near = frame.get(..frame.len().min(256))?;
    if let Some(mark) = find(near, b"Xing").or_else(|| find(near, b"Info"))
        && big_endian(near, mark + 4, 4)? & 1 == 1
    {
        return Some((big_endian(near, mark + 8, 4)? * samples) as f64 / rate as f64);
    }
    let kilobits = BITS[usize::from(version != 3)].get(usize::from(frame.get(2)? >> 4))?;
    let bytes = total.checked_sub((tag + at) as u64)?;
    (*kilobits > 0).then(|| (bytes * 8) as f64 / (kilobits * 1000) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(bytes: Vec<u8>) -> Option<u64> {
        let total = bytes.len() as u64;
        // In small pieces, as uploads come.
        let mut content = Payload::new();
        bytes.chunks(7).for_each(|piece| content.push(piece.to_vec()));
        audio_millis(&content, total)
    }

    fn wave(data: usize) -> Vec<u8> {
        let mut wav =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".to_vec();
        wav.extend((data as u32).to_le_bytes());
        wav.resize(wav.len() + data, 0);
        wav
    }

    #[test]
    fn waves_by_their_byte_rate() {
        assert_eq!(millis(wave(16)), Some(1));
        assert_eq!(millis(wave(32_000)), Some(2000));
        // A recorder that did not know the length says the longest there is.
        let mut endless = wave(32_000);
        endless[40..44].copy_from_slice(&[0xff; 4]);
        assert_eq!(millis(endless), Some(2000));
    }

    #[test]
    fn other_formats() {
        let mut flac = b"fLaC\0\0\0\x22".to_vec();
        flac.extend([0; 10]);
        flac.extend([0x0a, 0xc4, 0x42, 0xf0, 0, 0, 0xac, 0x44]);
        assert_eq!(millis(flac), Some(1000));

        let mut ogg = b"OggS\0\x02\0\0\0\0\0\0\0\0..............OpusHead".to_vec();
        ogg.extend(b"OggS\0\x04");
        ogg.extend(96_000u64.to_le_bytes());
        assert_eq!(millis(ogg), Some(2000));

        let mut mp4 = b"\0\0\0\x18ftypM4A ....mvhd\0\0\0\0........".to_vec();
        mp4.extend([0, 0, 3, 0xe8, 0, 0, 9, 0xc4]);
        assert_eq!(millis(mp4), Some(2500));

        let mut webm =
            vec![0x1a, 0x45, 0xdf, 0xa3, 0x2a, 0xd7, 0xb1, 0x83, 0x0f, 0x42, 0x40, 0x44, 0x89, 0x88];
        webm.extend(1500f64.to_be_bytes());
        assert_eq!(millis(webm), Some(1500));

        // MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 16,000 bytes a second.
        let mut mp3 = vec![0xff, 0xfb, 0x90, 0x00];
        mp3.resize(32_000, 0);
        assert_eq!(millis(mp3.clone()), Some(2000));
        mp3[36..48].copy_from_slice(b"Xing\0\0\0\x01\0\0\0\x64");
        assert_eq!(millis(mp3), Some(2612));
    }

    #[test]
    fn what_does_not_tell() {
        for bytes in
            [&b""[..], b"RIFF", b"fLaC", b"OggS", b"\0\0\0\x18ftyp", b"\x1aE\xdf\xa3", b"ID3\x04", b"text"]
        {
            assert_eq!(millis(bytes.to_vec()), None, "{bytes:?}");
        }
    }
}
