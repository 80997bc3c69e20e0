//! Recraft: pictures from a picture, sent as a form.

use bytes::Bytes;
use lockgate_core::{Attempt, Reply, Result, wire::FormWriter};

use crate::{
    api::{Api, Asked, foreign_fields},
    pictures,
};

/// How far the new picture may be from the old one, for those who do not say.
const STRENGTH: &str = "0.2";

pub(crate) struct RecraftEdits;

impl Api for RecraftEdits {
    fn id(&self) -> &'static str {
        "recraft_edits"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, image) = (attempt.call.image()?, attempt.call.file("image")?);
        let mut form = FormWriter::new(pictures::boundary(attempt));
        form.field("model", &attempt.target.model);
        form.field("prompt", request.prompt.as_deref().unwrap_or_default());
        let mut optional = |name: &str, value: Option<&str>| {
            if let Some(value) = value {
                form.field(name, value);
            }
        };
        optional("n", request.count().map(|count| count.to_string()).as_deref());
        optional("style", request.style.as_deref());
        optional("response_format", request.response_format.as_deref());
        let mask = attempt.call.file("mask").ok();
        if mask.is_none() && !request.extra.contains("strength") {
            form.field("strength", STRENGTH);
        }
        foreign_fields(attempt, &request.extra, &mut form);
        form.file(&image.head, &image.content);
        if let Some(mask) = mask {
            form.file(&mask.head, &mask.content);
        }
        let verb = if mask.is_some() { "inpaint" } else { "imageToImage" };
        Ok(Asked::form(format!("{}/images/{verb}", attempt.base()), form))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        pictures::decode(&body)
    }
}
