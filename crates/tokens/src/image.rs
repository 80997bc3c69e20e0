//! Tokens of images by OpenAI's tile rule, and the sizes of images from their first bytes.

use base64::{Engine, engine::DecodePaddingMode, engine::general_purpose};

/// Tokens of an image at low detail, and what an image costs before its tiles.
pub const IMAGE_BASE_TOKENS: u64 = 85;

/// The flat figure for an image that need not be looked at.
pub const IMAGE_DEFAULT_TOKENS: u64 = 250;

const TILE_TOKENS: u64 = 170;
const TILE: u64 = 512;
const SHORT_SIDE: u64 = 768;
const LONG_SIDE: u64 = 2000;

/// What a picture of unknown size is taken for.
const UNKNOWN: (u64, u64) = (1024, 1024);

/// JPEG keeps its size behind whatever its camera had to say; this much of it is searched.
const SEARCHED_BASE64: usize = 512 * 1024;

/// Tokens of an image of that size: a flat figure at `low` and `auto` detail, at `high` one more for each tile of the
/// picture, which is first made to fit.
pub fn image_tokens(width: u64, height: u64, detail: Option<&str>) -> u64 {
    if detail != Some("high") {
        return IMAGE_BASE_TOKENS;
    }
    let (width, height) = fit(width, height);
    IMAGE_BASE_TOKENS + TILE_TOKENS * width.div_ceil(TILE) * height.div_ceil(TILE)
}

/// Tokens of the image behind a URL, which is looked into only if it is a `data:` URL.
pub(crate) fn url_tokens(url: &str, detail: Option<&str>) -> u64 {
    if detail != Some("high") {
        return IMAGE_BASE_TOKENS;
    }
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")).map(|(_, data)| data);
    let (width, height) = data.and_then(base64_dimensions).unwrap_or(UNKNOWN);
    image_tokens(width, height, detail)
}

/// Width and height of a PNG, JPEG, GIF or WebP image, from its first bytes.
pub fn dimensions(bytes: &[u8]) -> Option<(u64, u64)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some((be32(bytes, 16)?, be32(bytes, 20)?));
    }
    if bytes.starts_with(b"GIF8") {
        return Some((le(bytes, 6, 2)?, le(bytes, 8, 2)?));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return webp(bytes);
    }
    if bytes.starts_with(&[0xFF, 0xD8]) {
        return jpeg(bytes);
    }
    None
}

fn base64_dimensions(data: &str) -> Option<(u64, u64)> {
    let mut end = data.len().min(SEARCHED_BASE64);
    end -= end % 4;
    let start = data.as_bytes().get(..end)?;
    let config = general_purpose::GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = general_purpose::GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    dimensions(&engine.decode(start).ok()?)
}

/// Shrinks to 768 on the short side and 2000 on the long one; small pictures stay as they are.
fn fit(width: u64, height: u64) -> (u64, u64) {
    if width <= SHORT_SIDE && height <= SHORT_SIDE {
        return (width.max(1), height.max(1));
    }
    let (long, short) = (u128::from(width.max(height)), u128::from(width.min(height).max(1)));
    let mut fitted = (u128::from(SHORT_SIDE) * long / short, u128::from(SHORT_SIDE));
    if fitted.0 > u128::from(LONG_SIDE) {
        fitted = (u128::from(LONG_SIDE), (u128::from(LONG_SIDE) * short / long).max(1));
    }
    let (long, short) = (fitted.0 as u64, fitted.1 as u64);
    if width > height { (long, short) } else { (short, long) }
}

fn webp(bytes: &[u8]) -> Option<(u64, u64)> {
    match bytes.get(12..16)? {
        b"VP8 " => Some((le(bytes, 26, 2)? & 0x3FFF, le(bytes, 28, 2)? & 0x3FFF)),
        b"VP8L" => {
            let bits = le(bytes, 21, 4)?;
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8X" => Some((le(bytes, 24, 3)? + 1, le(bytes, 27, 3)? + 1)),
        _ => None,
    }
}

/// Walks over the segments to the frame header, which has the size.
fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xFF {
            return None;
        }
        match *bytes.get(at + 1)? {
            0xFF => at += 1,
            0x01 | 0xD0..=0xD9 => at += 2,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Some((be16(bytes, at + 7)?, be16(bytes, at + 5)?));
            }
            _ => at += 2 + usize::try_from(be16(bytes, at + 2)?).ok()?,
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(2)?)?;
    Some(field.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn be32(bytes: &[u8], at: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(4)?)?;
    Some(field.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn le(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles() {
        assert_eq!(image_tokens(4000, 3000, None), 85);
        assert_eq!(image_tokens(4000, 3000, Some("low")), 85);
        assert_eq!(image_tokens(512, 512, Some("high")), 85 + 170);
        assert_eq!(image_tokens(1024, 1024, Some("high")), 85 + 4 * 170);
        assert_eq!(image_tokens(4096, 512, Some("high")), 85 + 4 * 170);
        assert_eq!(image_tokens(0, u64::MAX, Some("high")), 85 + 4 * 170);
    }

    #[test]
    fn sizes_of_all_formats() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x03\0";
        assert_eq!(dimensions(png), Some((1024, 768)));
        assert_eq!(dimensions(b"GIF89a\x20\x03\x58\x02"), Some((800, 600)));
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xC0\0\x11\x08\x02\x58\x03\x20";
        assert_eq!(dimensions(jpeg), Some((800, 600)));
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x03\x58\x02";
        assert_eq!(dimensions(lossy), Some((800, 600)));
        let extended = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0";
        assert_eq!(dimensions(extended), Some((800, 600)));
        for end in 0..jpeg.len() - 1 {
            assert_eq!(dimensions(&jpeg[..end]), None);
        }
    }
}
