//! Files inside messages: data URLs, and what a file is by its first bytes.

use crate::{Error, Result};

/// A data URL whose content is base64.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DataUrl<'a> {
    /// The type that it names, without parameters; `text/plain` if it names none.
    pub mime: &'a str,
    /// The content in base64.
    pub base64: &'a str,
}

impl<'a> DataUrl<'a> {
    /// Reads what follows `data:`.
    ///
    /// # Errors
    /// It is not of the form `TYPE;base64,…`.
    pub fn read(rest: &'a str) -> Result<Self> {
        let Some((head, base64)) = rest.split_once(',') else {
            let message = "A data URL has no comma between its type and its data.";
            return Err(Error::bad_field("messages", message));
        };
        if !head.ends_with(";base64") {
            let message = "A data URL must be base64-encoded (`data:TYPE;base64,…`).";
            return Err(Error::bad_field("messages", message));
        }
        let mime = head.split(';').next().filter(|name| !name.is_empty()).unwrap_or("text/plain");
        Ok(Self { mime, base64 })
    }
}

/// The type of a file by the first characters of its base64 form.
pub fn sniff(base64: &str) -> Option<&'static str> {
    const SIGNS: [(&str, &str); 5] = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi0", "application/pdf"),
    ];
    SIGNS.iter().find_map(|(sign, mime)| base64.starts_with(sign).then_some(*mime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_name_their_type() {
        let read = |rest| DataUrl::read(rest).map(|url| (url.mime, url.base64)).ok();
        assert_eq!(read("image/png;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(read("text/plain;charset=utf-8;base64,"), Some(("text/plain", "")));
        assert_eq!(read(";base64,AA=="), Some(("text/plain", "AA==")));
        assert_eq!((read("image/png,AA"), read("image/png")), (None, None));
    }

    #[test]
    fn files_by_their_first_bytes() {
        assert_eq!(sniff("iVBORw0KGgoAAAA"), Some("image/png"));
        assert_eq!(sniff("AAAA"), None);
    }
}
