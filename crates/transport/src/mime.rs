//! What kind of file is this? Its first bytes know better than its server.

/// The type that the first bytes prove, if they prove one.
pub(crate) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-", "application/pdf"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"BM", "image/bmp"),
        (b"ID3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"\x1aE\xdf\xa3", "video/webm"),
    ];
    if bytes.starts_with(b"RIFF") {
        return match bytes.get(8..12) {
            Some(b"WEBP") => Some("image/webp"),
            Some(b"WAVE") => Some("audio/wav"),
            _ => None,
        };
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return match bytes.get(8..12) {
            Some(b"avif") => Some("image/avif"),
            Some(b"heic" | b"heix" | b"mif1") => Some("image/heic"),
            Some(b"M4A ") => Some("audio/mp4"),
            Some(b"qt  ") => Some("video/quicktime"),
            _ => Some("video/mp4"),
        };
    }
    SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)).map(|(_, mime)| *mime)
}

/// The type of a fetched file: what its bytes prove, else what its server says, else what its name says.
pub(crate) fn of_file(content_type: Option<&str>, path: &str, bytes: &[u8]) -> String {
    if let Some(mime) = sniff(bytes) {
        return mime.to_owned();
    }
    let said =
        content_type.and_then(|value| value.split(';').next()).map(|value| value.trim().to_ascii_lowercase());
    match said.as_deref() {
        None | Some("" | "application/octet-stream" | "binary/octet-stream") => by_extension(path)
            .or(said.as_deref().filter(|said| !said.is_empty()))
            .unwrap_or("application/octet-stream")
            .to_owned(),
        Some("image/jpg") => "image/jpeg".to_owned(),
        Some(said) => said.to_owned(),
    }
}

fn by_extension(path: &str) -> Option<&'static str> {
    let extension = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match extension.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beat_header_and_header_beats_name() {
        assert_eq!(of_file(Some("image/jpeg"), "/a.gif", b"\x89PNG\r\n\x1a\n..."), "image/png");
        assert_eq!(of_file(Some("text/plain; charset=utf-8"), "/a.csv", b"a,b"), "text/plain");
        assert_eq!(of_file(Some("application/octet-stream"), "/a.CSV", b"a,b"), "text/csv");
        assert_eq!(of_file(None, "/a.d/b", b"??"), "application/octet-stream");
        assert_eq!(of_file(Some("image/JPG"), "/", b"??"), "image/jpeg");
        assert_eq!(sniff(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(sniff(b"\0\0\0\x20ftypisom"), Some("video/mp4"));
        assert_eq!(sniff(b"RIFF"), None);
    }
}
