//! Topaz: a picture in, a better one out.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{Attempt, Image, Reply, Result, wire::FormWriter};

use crate::{
    api::{Api, Asked, foreign_fields, lacking},
    pictures,
};

/// How files of pictures begin: JPEG, PNG, TIFF, WebP.
const BEGINNINGS: [&[u8]; 5] = [b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"RIFF"];

pub(crate) struct Topaz;

impl Api for Topaz {
    fn id(&self) -> &'static str {
        "topaz"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, image) = (attempt.call.image()?, attempt.call.file("image")?);
        pictures::only_one(attempt, request)?;
        let mut form = FormWriter::new(pictures::boundary(attempt));
        form.field("model", &attempt.target.model);
        if let Some((width, height)) = request.dimensions() {
            form.field("output_width", &width.to_string());
            form.field("output_height", &height.to_string());
        }
        if let Some(format) = &request.output_format {
            form.field("output_format", format);
        }
        foreign_fields(attempt, &request.extra, &mut form);
        form.file(&image.head, &image.content);
        let url = format!("{}/image/v1/enhance", attempt.base());
        Ok(Asked::form(url, form).with("accept", "image/*"))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        if !BEGINNINGS.iter().any(|beginning| body.starts_with(beginning)) {
            return Err(lacking("picture", &body));
        }
        let image = Image { base64: Some(STANDARD.encode(&body)), ..Image::default() };
        Ok(pictures::reply(vec![image], None, None))
    }
}
