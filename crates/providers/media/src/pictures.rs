//! What APIs of pictures have in common.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Attempt, Error, ErrorKind, Image, ImagesReply, Measures, Origin, Reply, Result, Usage, hub::ImageRequest,
    json, params, wire::view,
};
use serde::Serialize;

use crate::api::lacking;

/// Width and height in pixels.
#[derive(Serialize)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        created: Option<i64>,
        images: Option<Vec<Picture>>,
        data: Option<Vec<Picture>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Picture {
        url: Option<String>,
        b64_json: Option<String>,
        revised_prompt: Option<String>,
    }
}

/// Reads a list of pictures under either of its usual names.
pub(crate) fn decode(body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let pictures = answer.images.or(answer.data).ok_or_else(|| lacking("pictures", body))?;
    let images = pictures.into_iter().map(|picture| {
        // A picture may come in its own address.
        let inline = picture.url.as_deref().and_then(inline).map(str::to_owned);
        Image {
            base64: picture.b64_json.or(inline.clone()),
            url: picture.url.filter(|_| inline.is_none()),
            revised_prompt: picture.revised_prompt,
            ..Image::default()
        }
    });
    Ok(reply(images.collect(), answer.created, None))
}

/// The content of a `data:` URL.
pub(crate) fn inline(url: &str) -> Option<&str> {
    url.strip_prefix("data:")?.split_once(";base64,").map(|(_, content)| content)
}

/// The reply with these pictures, counted.
pub(crate) fn reply(images: Vec<Image>, created: Option<i64>, usage: Option<Usage>) -> Reply {
    let measures = Measures { output_images: images.len() as u64, ..Measures::default() };
    let usage = Usage { measures: Some(Box::new(measures)), ..usage.unwrap_or_default() };
    Reply::Images(Box::new(ImagesReply { created, images, usage: Some(usage), ..ImagesReply::default() }))
}

/// A list of these addresses, in the form that [`decode`] reads.
pub(crate) fn listed(urls: &[String]) -> Bytes {
    let images: Vec<Picture> =
        urls.iter().map(|url| Picture { url: Some(url.clone()), ..Picture::default() }).collect();
    let answer = Answer { images: Some(images), ..Answer::default() };
    lockgate_core::json::to_raw(&answer).get().to_owned().into()
}

/// A list of one picture, in the form that [`decode`] reads.
pub(crate) fn whole(content: &[u8]) -> Bytes {
    let picture = Picture { b64_json: Some(STANDARD.encode(content)), ..Picture::default() };
    let answer = Answer { images: Some(vec![picture]), ..Answer::default() };
    lockgate_core::json::to_raw(&answer).get().to_owned().into()
}

/// Whether the client wants the picture itself, not its address.
pub(crate) fn wants_content(attempt: &Attempt<'_>) -> bool {
    attempt.call.image().is_ok_and(|request| request.response_format.as_deref() == Some("b64_json"))
}

/// For APIs that make one picture at a time.
///
/// # Errors
/// More are wanted, and neither the operator nor the client said that such a wish may be dropped.
pub(crate) fn only_one(attempt: &Attempt<'_>, request: &ImageRequest) -> Result<()> {
    match request.count() {
        Some(count) if count > 1 && !attempt.policy().drop_params => {
            Err(params::unsupported(attempt, &["n"]))
        }
        _ => Ok(()),
    }
}

/// The file of that field in base64.
///
/// # Errors
/// There is none.
pub(crate) fn base64_of(attempt: &Attempt<'_>, field: &'static str) -> Result<String> {
    Ok(STANDARD.encode(attempt.call.file(field)?.bytes()))
}

/// All files of that field as `data:` URLs.
///
/// # Errors
/// There is none.
pub(crate) fn urls_of(attempt: &Attempt<'_>, field: &'static str) -> Result<Vec<String>> {
    attempt.call.file(field)?;
    let files = attempt.call.upload.iter().flat_map(|upload| &upload.files);
    let files = files.filter(|file| file.field() == field);
    Ok(files.map(|file| format!("data:{};base64,{}", file.mime(), STANDARD.encode(file.bytes()))).collect())
}

/// What a form is written with: the boundary of the client's own, which does not occur in its files.
pub(crate) fn boundary<'a>(attempt: &Attempt<'a>) -> &'a str {
    attempt.call.upload.as_ref().map_or("", |upload| &upload.boundary)
}

/// A picture that a filter held back.
pub(crate) fn filtered() -> Error {
    let message = "The provider's content filter held the picture back.";
    Error::new(ErrorKind::ContentPolicy, Origin::Upstream, message)
}

/// The shape closest to a size.
pub(crate) fn shape(width: u32, height: u32) -> &'static str {
    const SHAPES: [(&str, f64); 9] = [
        ("1:1", 1.0),
        ("16:9", 16.0 / 9.0),
        ("9:16", 9.0 / 16.0),
        ("3:2", 1.5),
        ("2:3", 2.0 / 3.0),
        ("5:4", 1.25),
        ("4:5", 0.8),
        ("21:9", 21.0 / 9.0),
        ("9:21", 9.0 / 21.0),
    ];
    let wanted = f64::from(width.max(1)) / f64::from(height.max(1));
    let distance = |shape: f64| (shape / wanted).ln().abs();
    let best = SHAPES.iter().min_by(|(_, one), (_, other)| distance(*one).total_cmp(&distance(*other)));
    best.map_or("1:1", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    #[test]
    fn shapes_are_the_closest() {
        for (size, expected) in [
            ((1024, 1024), "1:1"),
            ((1792, 1024), "16:9"),
            ((1024, 1792), "9:16"),
            ((1536, 1024), "3:2"),
            ((0, 0), "1:1"),
        ] {
            assert_eq!(super::shape(size.0, size.1), expected);
        }
    }
}
