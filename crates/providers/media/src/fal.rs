//! fal: each model is a path.

use bytes::Bytes;
use lockgate_core::{Attempt, Operation, Reply, Result};

use crate::{
    api::{Api, Asked, Members},
    pictures,
};

pub(crate) struct Fal;

impl Api for Fal {
    fn id(&self) -> &'static str {
        "fal_ai"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, model) = (attempt.call.image()?, &attempt.target.model);
        let mut body = Members::default();
        body.maybe("prompt", request.prompt.as_ref());
        if attempt.call.operation == Operation::ImageEdit {
            sources(attempt, &mut body)?;
        }
        body.maybe("num_images", request.count().as_ref());
        // Some models know only shapes.
        let by_shape = ["ultra", "imagen", "nano-banana"].iter().any(|word| model.contains(word));
        match request.dimensions() {
            Some((width, height)) if by_shape => body.put("aspect_ratio", pictures::shape(width, height)),
            Some((width, height)) => body.put("image_size", &pictures::Size { width, height }),
            None => body.maybe("image_size", request.size.as_ref()),
        }
        body.maybe("output_format", request.output_format.as_ref());
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{}/{model}", attempt.base()), &body)
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        pictures::decode(&body)
    }
}

/// Models that take one picture know it by another name than those that take several.
const TAKE_ONE: [&str; 8] =
    ["kontext", "fill", "inpaint", "image-to-image", "redux", "upscale", "remove", "recraft"];

/// The pictures to start from.
fn sources(attempt: &Attempt<'_>, body: &mut Members) -> Result<()> {
    let (urls, model) = (pictures::urls_of(attempt, "image")?, &attempt.target.model);
    let several = model.contains("multi") || !TAKE_ONE.iter().any(|word| model.contains(word));
    match several {
        true => body.put("image_urls", &urls),
        false => body.maybe("image_url", urls.first()),
    }
    if let Ok(masks) = pictures::urls_of(attempt, "mask") {
        body.maybe("mask_url", masks.first());
    }
    Ok(())
}
