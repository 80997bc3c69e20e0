//! The AI/ML API's pictures: OpenAI's path, other words.

use bytes::Bytes;
use lockgate_core::{Attempt, Reply, Result};

use crate::{
    api::{Api, Asked, Members},
    pictures,
};

pub(crate) struct Aiml;

impl Api for Aiml {
    fn id(&self) -> &'static str {
        "aiml_images"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.image()?;
        let mut body = Members::default();
        body.maybe("prompt", request.prompt.as_ref());
        body.put("model", &*attempt.target.model);
        body.maybe("num_images", request.count().as_ref());
        match request.dimensions() {
            Some((width, height)) => body.put("image_size", &pictures::Size { width, height }),
            None => body.maybe("image_size", request.size.as_ref()),
        }
        body.maybe("quality", request.quality.as_ref());
        body.maybe("style", request.style.as_ref());
        body.maybe("response_format", request.response_format.as_ref());
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{}/images/generations", attempt.base()), &body)
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        pictures::decode(&body)
    }
}
