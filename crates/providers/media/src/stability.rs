//! Stability AI: a form in, a picture in JSON out.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Error, Image, Payload, Reply, Result,
    wire::{FormWriter, PartHead, view},
};

use crate::{
    api::{Api, Asked, foreign, lacking, read},
    pictures,
};

pub(crate) struct Stability;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        image: Option<String>,
        finish_reason: Option<String>,
    }
}

/// Stands between the parts: none of them is long or free enough to hold it by accident.
const BOUNDARY: &str = "----lockgate-c1f5a0d2b7e94836";

impl Api for Stability {
    fn id(&self) -> &'static str {
        "stability"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, model) = (attempt.call.image()?, &*attempt.target.model);
        let service = match model {
            "stable-image-ultra" | "ultra" => "ultra",
            "stable-image-core" | "core" => "core",
            _ => "sd3",
        };
        let mut form = FormWriter::new(BOUNDARY);
        form.field("prompt", request.prompt.as_deref().unwrap_or_default());
        if service == "sd3" && model != "sd3.5-large" {
            form.field("model", model);
        }
        if let Some((width, height)) = request.dimensions() {
            form.field("aspect_ratio", pictures::shape(width, height));
        }
        form.field("output_format", request.output_format.as_deref().unwrap_or("png"));
        for (name, value) in foreign(attempt, &request.extra) {
            form.field(name, &serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned()));
        }
        // The API's own examples send this empty file, so that a form is sent in any case.
        let none = PartHead {
            name: "none".to_owned(),
            filename: Some("upload".to_owned()),
            content_type: Some("application/octet-stream".to_owned()),
        };
        form.file(&none, &Payload::new());
        if request.prompt.as_deref().unwrap_or_default().contains(BOUNDARY) {
            return Err(Error::bad_field("prompt", "`prompt` holds the boundary of the form."));
        }
        Ok(Asked {
            url: format!("{}/v2beta/stable-image/generate/{service}", attempt.base()),
            content_type: form.content_type(),
            body: form.finish(),
            headers: vec![("accept", "application/json")],
            relay: false,
        })
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = read(&body)?;
        if answer.finish_reason.as_deref() == Some("CONTENT_FILTERED") {
            return Err(pictures::filtered());
        }
        let image = answer.image.ok_or_else(|| lacking("picture", &body))?;
        let image = Image { base64: Some(image), ..Image::default() };
        Ok(pictures::reply(vec![image], None, None))
    }
}
