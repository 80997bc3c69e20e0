//! Stability AI: a form in, a picture in JSON out; some edits are jobs.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use lockgate_core::{
    Attempt, Error, Exchange, Image, Operation, Payload, Reply, Result, Step, json,
    wire::{FormWriter, PartHead, view},
};

use crate::{
    api::{Api, Asked, foreign_fields, lacking},
    jobs::{Asking, Job, Next, bare, is_id},
    pictures,
};

pub(crate) struct Stability;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        id: Option<String>,
        image: Option<String>,
        finish_reason: Option<String>,
    }
}

/// What pictures are done to pictures, by the group of the API that it is in.
const EDITS: [(&str, &[&str]); 3] = [
    (
        "edit",
        &[
            "inpaint",
            "outpaint",
            "erase",
            "search-and-replace",
            "search-and-recolor",
            "remove-background",
            "replace-background-and-relight",
        ],
    ),
    ("upscale", &["fast", "conservative", "creative"]),
    ("control", &["sketch", "structure", "style", "style-transfer"]),
];

/// Stands between the parts: none of them is long or free enough to hold it by accident.
const BOUNDARY: &str = "----lockgate-c1f5a0d2b7e94836";

impl Api for Stability {
    fn id(&self) -> &'static str {
        "stability"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let path = match attempt.call.operation {
            Operation::ImageEdit => edit(&attempt.target.model),
            _ => generate(&attempt.target.model),
        };
        let asked = match attempt.call.operation {
            Operation::ImageEdit => change(attempt)?,
            _ => make(attempt)?,
        };
        let url = format!("{}/v2beta/stable-image/{path}", attempt.base());
        Ok(Asked::form(url, asked).with("accept", "application/json"))
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let edits = attempt.call.operation == Operation::ImageEdit;
        edits.then(|| {
            Box::new(Asking::new(Editing { base: attempt.base().into_owned() })) as Box<dyn Exchange>
        })
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        if answer.finish_reason.as_deref() == Some("CONTENT_FILTERED") {
            return Err(pictures::filtered());
        }
        let image = answer.image.ok_or_else(|| lacking("picture", &body))?;
        let image = Image { base64: Some(image), ..Image::default() };
        Ok(pictures::reply(vec![image], None, None))
    }
}

fn generate(model: &str) -> String {
    let service = match model {
        "stable-image-ultra" | "ultra" => "ultra",
        "stable-image-core" | "core" => "core",
        _ => "sd3",
    };
    format!("generate/{service}")
}

fn edit(model: &str) -> String {
    let group = EDITS.iter().find(|(_, names)| names.contains(&model)).map_or("edit", |(group, _)| group);
    format!("{group}/{model}")
}

/// A form for a new picture.
fn make(attempt: &Attempt<'_>) -> Result<FormWriter> {
    let (request, model) = (attempt.call.image()?, &*attempt.target.model);
    let mut form = FormWriter::new(BOUNDARY);
    form.field("prompt", request.prompt.as_deref().unwrap_or_default());
    if generate(model).ends_with("sd3") && model != "sd3.5-large" {
        form.field("model", model);
    }
    if let Some((width, height)) = request.dimensions() {
        form.field("aspect_ratio", pictures::shape(width, height));
    }
    form.field("output_format", request.output_format.as_deref().unwrap_or("png"));
    foreign_fields(attempt, &request.extra, &mut form);
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
    Ok(form)
}

/// A form for a picture made of others.
fn change(attempt: &Attempt<'_>) -> Result<FormWriter> {
    let (request, upload) = (attempt.call.image()?, attempt.call.upload.as_ref());
    attempt.call.file("image")?;
    pictures::only_one(attempt, request)?;
    let mut form = FormWriter::new(pictures::boundary(attempt));
    if let Some(prompt) = request.prompt.as_deref().filter(|prompt| !prompt.is_empty()) {
        form.field("prompt", prompt);
    }
    form.field("output_format", request.output_format.as_deref().unwrap_or("png"));
    foreign_fields(attempt, &request.extra, &mut form);
    let transfers = &*attempt.target.model == "style-transfer";
    for (at, file) in upload.into_iter().flat_map(|upload| &upload.files).enumerate() {
        let name = match (file.field(), transfers, at) {
            ("image", true, 0) => "init_image",
            ("image", true, _) => "style_image",
            (own, ..) => own,
        };
        form.file(&PartHead { name: name.to_owned(), ..file.head.clone() }, &file.content);
    }
    Ok(form)
}

/// An edit that may be a job.
struct Editing {
    base: String,
}

impl Job for Editing {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        let answer: Answer = json::answer(body)?;
        let Some(id) = answer.id.filter(|_| answer.image.is_none()) else {
            return Ok(Next::Step(Step::Done));
        };
        if !is_id(&id) {
            return Err(lacking("id", body));
        }
        let mut request = bare(Method::GET, &format!("{}/v2beta/results/{id}", self.base))?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Next::Ask(request))
    }
}
