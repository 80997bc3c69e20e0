//! Images and files: by URL, inline, by id.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Error, ErrorKind, Media, Origin, Result,
    data_url::{DataUrl, sniff},
    hub::{ChatRequest, Content, File, ImageUrl, Part},
};
use serde_json::value::RawValue;

use crate::wire::{Block, Source};

/// URLs that Anthropic cannot fetch by itself: it takes `https:` only.
pub(crate) fn fetches(request: &ChatRequest) -> Vec<String> {
    let mut urls = Vec::new();
    for message in &request.messages {
        let Some(Content::Parts(parts)) = &message.content else { continue };
        for part in parts {
            let url = match (&part.image_url, &part.file) {
                (Some(image), _) => Some(image.url()),
                (None, Some(file)) => file.file_data.as_deref(),
                (None, None) => None,
            };
            if let Some(url) =
                url.filter(|url| starts_with(url, "http:") && !urls.iter().any(|own| own == url))
            {
                urls.push(url.to_owned());
            }
        }
    }
    urls
}

/// An image part. Some clients send PDFs and texts this way, too.
pub(crate) fn image<'a>(image: &'a ImageUrl, part: &'a Part, media: &Media) -> Result<Block<'a>> {
    block(image.url(), image.object.format.as_deref(), part.cache_control.as_deref(), media)
}

/// A file part.
pub(crate) fn file<'a>(file: &'a File, part: &'a Part, media: &Media) -> Result<Block<'a>> {
    let cache_control = part.cache_control.as_deref();
    if let Some(data) = &file.file_data {
        return block(data, file.format.as_deref(), cache_control, media);
    }
    let Some(file_id) = file.file_id.as_deref() else {
        return Err(Error::bad_field("messages", "A file part needs `file_id` or `file_data`."));
    };
    if is_url(file_id) {
        return block(file_id, file.format.as_deref(), cache_control, media);
    }
    let kind = match file.format.as_deref() {
        Some(format) if format.starts_with("image/") => "image",
        Some("application/pdf" | "text/plain") => "document",
        _ => return Ok(Block::Upload { file_id, cache_control }),
    };
    Ok(Block::Media { kind, source: Source::File(file_id), cache_control })
}

fn block<'a>(
    url: &'a str,
    format: Option<&'a str>,
    cache_control: Option<&'a RawValue>,
    media: &Media,
) -> Result<Block<'a>> {
    if let Some(data_url) = url.strip_prefix("data:") {
        return inline(data_url, format, cache_control);
    }
    if starts_with(url, "http:") {
        let Some(file) = media.0.get(url) else {
            return Err(Error::new(
                ErrorKind::ImageFetch,
                Origin::Client,
                format!("The file at {url} was not fetched, and Anthropic takes only `https:` URLs."),
            ));
        };
        let data = Cow::Owned(STANDARD.encode(&file.bytes));
        let media_type = format.map_or_else(|| Cow::Owned(file.mime.clone()), Cow::Borrowed);
        return encoded(media_type, data, cache_control);
    }
    if !is_url(url) {
        // Neither a URL nor a data URL: bare base64, whose first characters tell what it is.
        let media_type = format.or_else(|| sniff(url)).unwrap_or("application/pdf");
        return encoded(Cow::Borrowed(media_type), Cow::Borrowed(url), cache_control);
    }
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let pdf = format == Some("application/pdf") || path.to_ascii_lowercase().ends_with(".pdf");
    let kind = if pdf { "document" } else { "image" };
    Ok(Block::Media { kind, source: Source::Url(url), cache_control })
}

/// What follows `data:` in a URL.
fn inline<'a>(
    data_url: &'a str,
    format: Option<&'a str>,
    cache_control: Option<&'a RawValue>,
) -> Result<Block<'a>> {
    let DataUrl { mime, base64 } = DataUrl::read(data_url)?;
    encoded(Cow::Borrowed(format.unwrap_or(mime)), Cow::Borrowed(base64), cache_control)
}

fn encoded<'a>(
    media_type: Cow<'a, str>,
    data: Cow<'a, str>,
    cache_control: Option<&'a RawValue>,
) -> Result<Block<'a>> {
    if media_type.starts_with("text/") {
        let text = STANDARD.decode(data.as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(text) = text else {
            return Err(Error::bad_field("messages", "A text file is not base64-encoded UTF-8."));
        };
        return Ok(Block::Media { kind: "document", source: Source::Text(text), cache_control });
    }
    if media_type.starts_with("image/") {
        // Anthropic refuses an image whose content is not of the declared type.
        let media_type = match sniff(&data) {
            Some(actual) if actual.starts_with("image/") => Cow::Borrowed(actual),
            _ if media_type == "image/jpg" => Cow::Borrowed("image/jpeg"),
            _ => media_type,
        };
        return Ok(Block::Media {
            kind: "image",
            source: Source::Base64 { media_type, data },
            cache_control,
        });
    }
    Ok(Block::Media { kind: "document", source: Source::Base64 { media_type, data }, cache_control })
}

fn is_url(text: &str) -> bool {
    starts_with(text, "http:") || starts_with(text, "https:")
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(url: &str) -> String {
        let media = Media::default();
        serde_json::to_string(&block(url, None, None, &media).unwrap()).unwrap()
    }

    #[test]
    fn what_the_url_says_decides_the_block() {
        assert_eq!(
            written("https://example.com/a.PDF?x=1"),
            r#"{"type":"document","source":{"type":"url","url":"https://example.com/a.PDF?x=1"}}"#
        );
        assert_eq!(
            written("data:image/png;base64,/9j/AAAA"),
            r#"{"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"/9j/AAAA"}}"#
        );
        assert_eq!(
            written("data:text/plain;base64,aGk="),
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"hi"}}"#
        );
        assert!(block("data:image/png;base64", None, None, &Media::default()).is_err());
        assert!(block("http://example.com/a.png", None, None, &Media::default()).is_err());
    }
}
