//! The parameters of headers: what a part is, and the boundary of a form.

/// The boundary that a `Content-Type` names, if it is that of a form.
pub fn form_boundary(content_type: &str) -> Option<String> {
    let (kind, _) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let (_, boundary) = disposition(content_type).into_iter().find(|(key, _)| key == "boundary")?;
    (!boundary.is_empty() && boundary.len() <= 256).then_some(boundary)
}

/// The parameters of a `Content-Disposition`.
pub(super) fn disposition(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = value.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim().trim_start_matches(';').trim().to_ascii_lowercase();
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        found.push((key, value));
        rest = tail.trim_start().trim_start_matches(';');
    }
    found
}

/// The text up to the closing quote, and what follows it. Browsers write quotes and line ends as `%22`, `%0D`, `%0A`.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                end = at + 1;
                break;
            }
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                // Old browsers put Windows paths here.
                Some((_, other)) => value.extend(['\\', other]),
                None => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    (value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"), &text[end..])
}

/// `UTF-8''na%C3%AFve.png`.
pub(super) fn extended(value: &str) -> Option<String> {
    let (_, encoded) = value.split_once("''")?;
    let (mut bytes, mut rest) = (Vec::new(), encoded.as_bytes());
    while let Some((byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        match (byte, hex) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
