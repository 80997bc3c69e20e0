//! Images, sounds and files: inline, by Google's own URIs, or fetched.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Error, ErrorKind, Media, Origin, Result,
    data_url::DataUrl,
    hub::{ChatRequest, Content, File, ImageObject, ImageUrl, Part},
    wire::view,
};

use crate::{
    Service,
    wire::{Body, read, to_raw},
};

/// Files that have been uploaded to the Gemini API are named by such a URL.
const UPLOADED: &str = "https://generativelanguage.googleapis.com/";

view! {
    #[derive(Clone, Debug, Default)]
    struct Audio {
        data: Option<String>,
        format: Option<String>,
    }
}

/// URLs in the request that the service does not fetch by itself.
pub(crate) fn fetches(request: &ChatRequest, service: Service) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for message in &request.messages {
        let Some(Content::Parts(parts)) = &message.content else { continue };
        for part in parts {
            let url = match (&part.image_url, &part.file) {
                (Some(image), _) => Some(Cow::Borrowed(image.url())),
                (None, Some(file)) => {
                    file.file_data.as_deref().or(file.file_id.as_deref()).map(Cow::Borrowed)
                }
                (None, None) => video(part).map(|video| Cow::Owned(video.url)),
            };
            let known = |url: &str| urls.iter().any(|own| own == url);
            if let Some(url) = url.filter(|url| is_fetched(url, service) && !known(url)) {
                urls.push(url.into_owned());
            }
        }
    }
    urls
}

/// Whether the URL must be fetched here: plain `http:` always, `https:` where the service takes only its own.
fn is_fetched(url: &str, service: Service) -> bool {
    starts_with(url, "http:")
        || starts_with(url, "https:")
            && service == Service::Studio
            && !url.starts_with(UPLOADED)
            && !is_video_page(url)
}

/// Gemini watches public videos by their page's address.
fn is_video_page(url: &str) -> bool {
    url.starts_with("https://www.youtube.com/") || url.starts_with("https://youtu.be/")
}

/// A part that is no text, as a part of Gemini's; nothing if it is of a type that has no meaning here.
pub(crate) fn part(part: &Part, media: &Media, service: Service) -> Result<Option<Body>> {
    match (&part.image_url, &part.file, &part.input_audio) {
        (Some(image), ..) => self::image(image, media, service).map(Some),
        (_, Some(file), _) => self::file(file, media, service).map(Some),
        (.., Some(audio)) => {
            let audio: Audio = read(audio).ok_or_else(|| {
                Error::bad_field("messages", "`input_audio` must be an object with `data` and `format`.")
            })?;
            let mime = format!("audio/{}", audio.format.as_deref().unwrap_or("wav"));
            Ok(Some(inline(&mime, audio.data.as_deref().unwrap_or_default())))
        }
        (None, None, None) => match video(part) {
            Some(video) => {
                located(&video.url, video.format.as_deref(), "video/mp4", media, service).map(Some)
            }
            None => Ok(None),
        },
    }
}

/// A video by its URL, in the form that servers of open models have brought up.
fn video(part: &Part) -> Option<ImageObject> {
    read(part.extra.get("video_url")?)
}

/// The level of detail that an image is to be seen in, in Gemini's words.
pub(crate) fn resolution(detail: &str) -> Option<&'static str> {
    match detail {
        "low" => Some("MEDIA_RESOLUTION_LOW"),
        "medium" => Some("MEDIA_RESOLUTION_MEDIUM"),
        "high" => Some("MEDIA_RESOLUTION_HIGH"),
        "ultra_high" => Some("MEDIA_RESOLUTION_ULTRA_HIGH"),
        _ => None,
    }
}

fn image(image: &ImageUrl, media: &Media, service: Service) -> Result<Body> {
    located(image.url(), image.object.format.as_deref(), "image/jpeg", media, service)
}

fn file(file: &File, media: &Media, service: Service) -> Result<Body> {
    let Some(source) = file.file_data.as_deref().or(file.file_id.as_deref()) else {
        return Err(Error::bad_field("messages", "A file part needs `file_id` or `file_data`."));
    };
    let mime = file.format.as_deref().or_else(|| mime_of_path(file.filename.as_deref()?));
    let mut part = if file.file_data.is_some() && !is_url(source) && !source.starts_with("data:") {
        inline(mime.unwrap_or("application/pdf"), source)
    } else {
        located(source, mime, "application/pdf", media, service)?
    };
    if let Some(metadata) = file.extra.get("video_metadata") {
        part.set("video_metadata", metadata);
    }
    Ok(part)
}

/// A file by its URL: inline data, a fetched file, or a reference.
fn located(url: &str, mime: Option<&str>, usual: &str, media: &Media, service: Service) -> Result<Body> {
    if let Some(data) = url.strip_prefix("data:") {
        return data_url(data, mime);
    }
    if is_fetched(url, service) {
        let Some(file) = media.0.get(url) else {
            return Err(Error::new(
                ErrorKind::ImageFetch,
                Origin::Client,
                format!("The file at {url} was not fetched, and Gemini does not fetch it by itself."),
            ));
        };
        return Ok(inline(mime.unwrap_or(&file.mime), &STANDARD.encode(&file.bytes)));
    }
    let mime = match mime.or_else(|| mime_of_path(Some(url)?.split(['?', '#']).next()?)) {
        Some(mime) => Some(mime),
        None if url.starts_with(UPLOADED) || is_video_page(url) || !is_url(url) => None,
        None => Some(usual),
    };
    let mut data = Body::default();
    data.some("mime_type", mime.as_ref());
    data.set("file_uri", url);
    let mut part = Body::default();
    part.raw("file_data", data.into_json());
    Ok(part)
}

/// What follows `data:` in a URL.
fn data_url(data_url: &str, mime: Option<&str>) -> Result<Body> {
    let DataUrl { mime: declared, base64 } = DataUrl::read(data_url)?;
    Ok(inline(mime.unwrap_or(declared), base64))
}

fn inline(mime: &str, data: &str) -> Body {
    let mime = if mime == "image/jpg" { "image/jpeg" } else { mime };
    let mut part = Body::default();
    part.raw(
        "inline_data",
        to_raw(&Body::default().with("data", data).with("mime_type", mime).into_raw()).get(),
    );
    part
}

fn mime_of_path(path: &str) -> Option<&'static str> {
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "md" => "text/markdown",
        "html" => "text/html",
        "csv" => "text/csv",
        "json" => "application/json",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "ogg" => "audio/ogg",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mpeg" | "mpg" => "video/mpeg",
        "avi" => "video/x-msvideo",
        "wmv" => "video/wmv",
        "flv" => "video/x-flv",
        "3gp" | "3gpp" => "video/3gpp",
        _ => return None,
    })
}

fn is_url(text: &str) -> bool {
    starts_with(text, "http:") || starts_with(text, "https:") || starts_with(text, "gs:")
}

fn starts_with(text: &str, scheme: &str) -> bool {
    text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(url: &str, service: Service) -> String {
        located(url, None, "image/jpeg", &Media::default(), service).unwrap().into_json()
    }

    #[test]
    fn what_the_url_says_decides_the_part() {
        assert_eq!(
            written("gs://bucket/cat.PNG", Service::Studio),
            r#"{"file_data":{"mime_type":"image/png","file_uri":"gs://bucket/cat.PNG"}}"#
        );
        assert_eq!(
            written("data:image/jpg;base64,AA==", Service::Studio),
            r#"{"inline_data":{"data":"AA==","mime_type":"image/jpeg"}}"#
        );
        assert_eq!(
            written("https://h/x?y=1", Service::Vertex),
            r#"{"file_data":{"mime_type":"image/jpeg","file_uri":"https://h/x?y=1"}}"#
        );
        assert_eq!(
            written("https://youtu.be/abc", Service::Studio),
            r#"{"file_data":{"file_uri":"https://youtu.be/abc"}}"#
        );
        assert!(located("https://h/x.png", None, "", &Media::default(), Service::Studio).is_err());
        assert!(data_url("image/png", None).is_err());
    }
}
