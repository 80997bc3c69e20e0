//! What APIs of pictures have in common.

use bytes::Bytes;
use lockgate_core::{
    Error, ErrorKind, Image, ImagesReply, Measures, Origin, Reply, Result, Usage, wire::view,
};
use serde::Serialize;

use crate::api::{lacking, read};

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
    let answer: Answer = read(body)?;
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
