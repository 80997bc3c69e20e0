//! Images, documents and videos: inline, or in Amazon's own storage.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Call, Error, ErrorKind, Media, Operation, Origin, Result,
    data_url::sniff,
    hub::{Content, Part},
};

use crate::{
    names,
    wire::{Block, Media as Written, Source},
};

/// URLs that must be fetched: Bedrock takes files inline or from S3.
pub(crate) fn fetches(call: &Call) -> Result<Vec<String>> {
    let mut urls: Vec<String> = Vec::new();
    if call.operation != Operation::Chat {
        return Ok(urls);
    }
    for message in &call.chat()?.messages {
        let Some(Content::Parts(parts)) = &message.content else { continue };
        for url in parts.iter().filter_map(|part| Some(place(part)?.0)) {
            if is_web(url) && !urls.iter().any(|own| own == url) {
                urls.push(url.to_owned());
            }
        }
    }
    Ok(urls)
}

/// The block for a part that is a file of any kind; none if it is not.
pub(crate) fn block<'a>(part: &'a Part, media: &Media) -> Option<Result<Block<'a>>> {
    let (url, declared) = place(part)?;
    Some(read(url, declared, media))
}

/// Where a part's file is, and its type if the client says.
fn place(part: &Part) -> Option<(&str, Option<&str>)> {
    match (&part.image_url, &part.file) {
        (Some(image), _) => Some((image.url(), image.object.format.as_deref())),
        (None, Some(file)) => {
            let url = file.file_data.as_deref().or(file.file_id.as_deref())?;
            Some((url, file.format.as_deref()))
        }
        (None, None) => None,
    }
}

fn read<'a>(url: &'a str, declared: Option<&'a str>, media: &Media) -> Result<Block<'a>> {
    if url.starts_with("s3://") {
        let format = format_of_path(url).ok_or_else(|| unknown(declared.unwrap_or(url)))?;
        return written(declared.and_then(format_of).unwrap_or(format), Source::S3Location { uri: url });
    }
    if is_web(url) {
        let Some(file) = media.0.get(url) else {
            let message = format!("The file at {url} was not fetched, and Bedrock takes files only inline.");
            return Err(Error::new(ErrorKind::ImageFetch, Origin::Client, message));
        };
        let mime = declared.unwrap_or(&file.mime);
        let format = format_of(mime).or_else(|| format_of_path(url)).ok_or_else(|| unknown(mime))?;
        return written(format, Source::Bytes(Cow::Owned(STANDARD.encode(&file.bytes))));
    }
    if let Some((scheme, _)) = url.split_once("://") {
        let message = format!("Bedrock takes files inline, from S3 and from the web, not by `{scheme}:`.");
        return Err(Error::bad_field("messages", message));
    }
    let Some((head, data)) = url.strip_prefix("data:").and_then(|rest| rest.split_once(',')) else {
        let mime = declared.or_else(|| sniff(url)).unwrap_or("application/pdf");
        return written(format_of(mime).ok_or_else(|| unknown(mime))?, Source::Bytes(Cow::Borrowed(url)));
    };
    if !head.ends_with(";base64") {
        let message = "A data URL must be base64-encoded (`data:TYPE;base64,…`).";
        return Err(Error::bad_field("messages", message));
    }
    let mime = declared.unwrap_or_else(|| head.split(';').next().unwrap_or_default());
    let format = format_of(mime).ok_or_else(|| unknown(mime))?;
    // What an image is counts more than what it is said to be: Bedrock compares.
    let format = sniff(data).and_then(format_of).filter(|_| format.0 == Kind::Image).unwrap_or(format);
    written(format, Source::Bytes(Cow::Borrowed(data)))
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Image,
    Document,
    Video,
}

type Format = (Kind, &'static str);

fn written((kind, format): Format, source: Source<'_>) -> Result<Block<'_>> {
    let name = match (&source, kind) {
        (Source::Bytes(data), Kind::Document) => Some(names::document(data, format)),
        (Source::S3Location { uri }, Kind::Document) => Some(names::document(uri, format)),
        _ => None,
    };
    let file = Written { source, format: Cow::Borrowed(format), name };
    Ok(match kind {
        Kind::Image => Block::Image(file),
        Kind::Document => Block::Document(file),
        Kind::Video => Block::Video(file),
    })
}

/// Bedrock's word for a type.
fn format_of(mime: &str) -> Option<Format> {
    const FORMATS: [(&str, Format); 21] = [
        ("image/png", (Kind::Image, "png")),
        ("image/jpeg", (Kind::Image, "jpeg")),
        ("image/jpg", (Kind::Image, "jpeg")),
        ("image/gif", (Kind::Image, "gif")),
        ("image/webp", (Kind::Image, "webp")),
        ("application/pdf", (Kind::Document, "pdf")),
        ("text/csv", (Kind::Document, "csv")),
        ("text/html", (Kind::Document, "html")),
        ("text/plain", (Kind::Document, "txt")),
        ("text/markdown", (Kind::Document, "md")),
        ("application/msword", (Kind::Document, "doc")),
        ("application/vnd.ms-excel", (Kind::Document, "xls")),
        ("video/mp4", (Kind::Video, "mp4")),
        ("video/quicktime", (Kind::Video, "mov")),
        ("video/x-matroska", (Kind::Video, "mkv")),
        ("video/webm", (Kind::Video, "webm")),
        ("video/x-flv", (Kind::Video, "flv")),
        ("video/mpeg", (Kind::Video, "mpeg")),
        ("video/mpg", (Kind::Video, "mpg")),
        ("video/x-ms-wmv", (Kind::Video, "wmv")),
        ("video/3gpp", (Kind::Video, "three_gp")),
    ];
    let mime = mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase();
    if mime.ends_with("wordprocessingml.document") {
        return Some((Kind::Document, "docx"));
    }
    if mime.ends_with("spreadsheetml.sheet") {
        return Some((Kind::Document, "xlsx"));
    }
    FORMATS.iter().find(|(own, _)| *own == mime).map(|(_, format)| *format)
}

/// The same by the end of a path.
fn format_of_path(url: &str) -> Option<Format> {
    const ENDS: [(&str, Format); 20] = [
        ("png", (Kind::Image, "png")),
        ("jpg", (Kind::Image, "jpeg")),
        ("jpeg", (Kind::Image, "jpeg")),
        ("gif", (Kind::Image, "gif")),
        ("webp", (Kind::Image, "webp")),
        ("pdf", (Kind::Document, "pdf")),
        ("csv", (Kind::Document, "csv")),
        ("doc", (Kind::Document, "doc")),
        ("docx", (Kind::Document, "docx")),
        ("xls", (Kind::Document, "xls")),
        ("xlsx", (Kind::Document, "xlsx")),
        ("html", (Kind::Document, "html")),
        ("txt", (Kind::Document, "txt")),
        ("md", (Kind::Document, "md")),
        ("mp4", (Kind::Video, "mp4")),
        ("mov", (Kind::Video, "mov")),
        ("mkv", (Kind::Video, "mkv")),
        ("webm", (Kind::Video, "webm")),
        ("wmv", (Kind::Video, "wmv")),
        ("3gp", (Kind::Video, "three_gp")),
    ];
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let end = path.rsplit_once('.')?.1.to_ascii_lowercase();
    ENDS.iter().find(|(own, _)| *own == end).map(|(_, format)| *format)
}

fn is_web(url: &str) -> bool {
    let starts =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts("http:") || starts("https:")
}

fn unknown(mime: &str) -> Error {
    let mime: String = mime.chars().take(80).collect();
    Error::bad_field(
        "messages",
        format!(
            "Bedrock takes no files of the type `{mime}`: it takes png, jpeg, gif, webp; pdf, csv, doc, docx, xls, \
             xlsx, html, txt, md; mkv, mov, mp4, webm, flv, mpeg, mpg, wmv, three_gp."
        ),
    )
}
