//! Black Forest Labs: pictures are jobs, whose results have addresses.

use bytes::Bytes;
use http::Method;
use lockgate_core::{
    Attempt, Exchange, Operation, Raw, Reply, Result, Step, exchange::is_trusted, json, uri::escaped,
    wire::view,
};

use crate::{
    api::{Api, Asked, Members, lacking},
    jobs::{Asking, Job, Next, bare, failed},
    pictures,
};

/// The provider's own hosts, which may have the key.
const DOMAIN: &str = "bfl.ai";

pub(crate) struct BlackForestLabs;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        id: Option<String>,
        polling_url: Option<String>,
        status: Option<String>,
        result: Option<Made>,
        details: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Made {
        sample: Option<String>,
    }
}

impl Api for BlackForestLabs {
    fn id(&self) -> &'static str {
        "black_forest_labs"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, model) = (attempt.call.image()?, &*attempt.target.model);
        let mut body = Members::default();
        body.maybe("prompt", request.prompt.as_ref());
        if attempt.call.operation == Operation::ImageEdit {
            sources(attempt, model, &mut body)?;
        }
        let ultra = model.contains("ultra");
        match request.dimensions() {
            Some((width, height)) if ultra || model.contains("kontext") => {
                body.put("aspect_ratio", pictures::shape(width, height));
            }
            Some((width, height)) if !works_on_a_canvas(model) => {
                body.put("width", &width);
                body.put("height", &height);
            }
            _ => {}
        }
        if ultra {
            body.maybe("num_images", request.count().as_ref());
            if request.quality.as_deref() == Some("hd") {
                body.put("raw", &true);
            }
        } else {
            pictures::only_one(attempt, request)?;
        }
        body.maybe("output_format", request.output_format.as_ref());
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{}/v1/{model}", root(&attempt.base())), &body)
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let base = root(&attempt.base()).to_owned();
        Some(Box::new(Asking::new(Picture { base, content: pictures::wants_content(attempt), asked: false })))
    }

    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        pictures::decode(&body)
    }
}

/// The pictures to start from.
fn sources(attempt: &Attempt<'_>, model: &str, body: &mut Members) -> Result<()> {
    let content = |url: &String| pictures::inline(url).unwrap_or_default().to_owned();
    let images: Vec<String> = pictures::urls_of(attempt, "image")?.iter().map(content).collect();
    if works_on_a_canvas(model) {
        body.maybe("image", images.first());
    } else {
        for (name, image) in (1..).map(name).zip(&images) {
            body.put(&name, image);
        }
    }
    if attempt.call.file("mask").is_ok() {
        body.put("mask", &pictures::base64_of(attempt, "mask")?);
    }
    Ok(())
}

fn name(number: u32) -> String {
    if number == 1 { "input_image".to_owned() } else { format!("input_image_{number}") }
}

/// Models that paint into one picture, or around it.
fn works_on_a_canvas(model: &str) -> bool {
    ["fill", "expand", "canny", "depth"].iter().any(|word| model.contains(word))
}

fn root(base: &str) -> &str {
    base.strip_suffix("/v1").unwrap_or(base)
}

/// A picture in the making.
struct Picture {
    base: String,
    content: bool,
    asked: bool,
}

impl Job for Picture {
    fn next(&mut self, body: &Bytes) -> Result<Next> {
        if self.asked && self.content && !body.starts_with(b"{") {
            return Ok(Next::Step(Step::Answer(pictures::whole(body))));
        }
        let answer: Answer = json::answer(body)?;
        match answer.status.as_deref() {
            Some("Ready") => {
                let url =
                    answer.result.and_then(|made| made.sample).ok_or_else(|| lacking("sample", body))?;
                return Ok(Next::Step(match self.content {
                    true => Step::File(url),
                    false => Step::Answer(pictures::listed(&[url])),
                }));
            }
            Some("Request Moderated" | "Content Moderated") => {
                return Err(pictures::filtered().with_body(body.clone()));
            }
            Some(word @ ("Error" | "Failed" | "Task not found")) => {
                let details = answer.details.map(|details| format!("{word} {}", details.get()));
                return Err(failed(details.as_deref().unwrap_or(word)).with_body(body.clone()));
            }
            _ => {}
        }
        self.asked = true;
        let own = answer.polling_url.filter(|url| is_trusted(&self.base, url, DOMAIN));
        let url = match (own, answer.id) {
            (Some(url), _) => url,
            (None, Some(id)) => format!("{}/v1/get_result?id={}", self.base, escaped(&id)),
            (None, None) => return Err(lacking("polling_url", body)),
        };
        Ok(Next::Ask(bare(Method::GET, &url)?))
    }
}
