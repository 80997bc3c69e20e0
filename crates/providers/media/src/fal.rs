//! fal: each model is a path.

use bytes::Bytes;
use lockgate_core::{Attempt, Reply, Result};

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
