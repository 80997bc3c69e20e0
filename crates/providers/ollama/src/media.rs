//! Images: Ollama takes them as base64, beside a message's text.

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Error, ErrorKind, Media, Origin, Result,
    hub::{ChatRequest, Content, Part},
};

/// Types that are no pictures, whatever part they stand in: Messages' documents, videos.
const NO_IMAGES: [&str; 5] = ["application/pdf", "audio/", "font/", "text/", "video/"];

/// What a message says, and the images that it shows.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) images: Vec<String>,
}

/// URLs of images that must be fetched.
pub(crate) fn fetches(request: &ChatRequest) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for message in &request.messages {
        let Some(Content::Parts(parts)) = &message.content else { continue };
        for url in parts.iter().filter_map(image) {
            if is_remote(url) && !urls.iter().any(|own| own == url) {
                urls.push(url.to_owned());
            }
        }
    }
    urls
}

/// Takes a message's content apart.
pub(crate) fn shown(content: Option<&Content>, media: &Media) -> Result<Shown> {
    let mut shown = Shown::default();
    match content {
        None => {}
        Some(Content::Text(text)) => shown.text.clone_from(text),
        Some(Content::Parts(parts)) => {
            for part in parts {
                match (&part.text, image(part)) {
                    (_, Some(url)) => shown.images.push(base64(url, media)?),
                    (Some(text), None) => shown.text.push_str(text),
                    (None, None) => {
                        let message =
                            format!("Ollama takes texts and images, not parts of type `{}`.", part.kind);
                        return Err(Error::bad_field("messages", message));
                    }
                }
            }
        }
    }
    Ok(shown)
}

/// The URL of a part that is an image, given as such or as a file.
fn image(part: &Part) -> Option<&str> {
    let file = || {
        let data = part.file.as_ref()?.file_data.as_deref()?;
        data.starts_with("data:image/").then_some(data)
    };
    part.image_url.as_ref().map(|image| image.url()).or_else(file)
}

fn base64(url: &str, media: &Media) -> Result<String> {
    if let Some(data) = url.strip_prefix("data:") {
        return match data.split_once(',') {
            Some((head, _)) if NO_IMAGES.iter().any(|start| head.starts_with(start)) => {
                let kind = head.split(';').next().unwrap_or_default();
                let message = format!("Ollama takes texts and images, not files of the type `{kind}`.");
                Err(Error::bad_field("messages", message))
            }
            Some((head, data)) if head.ends_with(";base64") => Ok(data.to_owned()),
            _ => {
                Err(Error::bad_field("messages", "A data URL must be base64-encoded (`data:TYPE;base64,…`)."))
            }
        };
    }
    if !is_remote(url) {
        return Ok(url.to_owned());
    }
    let file = media.0.get(url).ok_or_else(|| {
        let message = format!("The image at {url} was not fetched, and Ollama does not fetch it by itself.");
        Error::new(ErrorKind::ImageFetch, Origin::Client, message)
    })?;
    Ok(STANDARD.encode(&file.bytes))
}

fn is_remote(url: &str) -> bool {
    let starts =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    starts("http://") || starts("https://")
}
