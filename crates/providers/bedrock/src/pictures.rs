//! Pictures, through Invoke: Amazon's Nova Canvas and Titan, Stability AI's models.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Encoded, Error, ErrorKind, Extra, Format, Image, ImagesReply, Measures, Memo, Notes, Operation,
    Origin, Raw, Reply, Result, Usage,
    hub::ImageRequest,
    json::{self, raw, read, to_raw},
    params,
    wire::view,
};

use crate::{model::Model, request};

mod edit;

/// Pictures in base64.
pub(crate) const PICTURES: Format = Format("bedrock.pictures");

/// Whose words a model of pictures takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Maker {
    /// Nova Canvas, Titan.
    Amazon,
    /// Stable Diffusion XL.
    DiffusionXl,
    /// Stable Diffusion 3 and later, Stable Image.
    Stability,
}

impl Maker {
    fn of(model: &Model<'_>) -> Option<Self> {
        let has = |part: &str| model.known.contains(part);
        if has("nova-canvas") || has("titan-image") {
            Some(Self::Amazon)
        } else if has("stable-diffusion-xl") {
            Some(Self::DiffusionXl)
        } else {
            has("stability.").then_some(Self::Stability)
        }
    }

    /// Of OpenAI's parameters that depend on the model, those that it takes.
    fn takes(self, name: &str) -> bool {
        match self {
            Self::Amazon => ["n", "size", "quality"].contains(&name),
            Self::DiffusionXl => name == "size",
            Self::Stability => name == "output_format",
        }
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        images: Option<Vec<String>>,
        artifacts: Option<Vec<Artifact>>,
        reasons as "finish_reasons": Option<Vec<Option<String>>>,
        error: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Artifact {
        base64: Option<String>,
        reason as "finishReason": Option<String>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let Some(maker) = Maker::of(model) else {
        return Err(Error::bad_request(format!("Bedrock makes no pictures with {}.", model.name)));
    };
    let given = attempt.call.image()?;
    let mut notes = Notes::default();
    let dropped = settle(attempt, maker, given, &mut notes)?;
    let given = &without(given, &dropped);
    let edits = attempt.call.operation == Operation::ImageEdit;
    let mut body = match maker {
        Maker::Amazon if edits => edit::amazon(attempt, given)?,
        Maker::DiffusionXl if edits => edit::diffusion(attempt, diffusion(attempt, given))?,
        Maker::Stability if edits => edit::stability(attempt, model, stability(attempt, given))?,
        Maker::Amazon => amazon(attempt, given),
        Maker::DiffusionXl => diffusion(attempt, given),
        Maker::Stability => stability(attempt, given),
    };
    let added = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
    added.for_each(|(name, value)| body.push(name.as_str(), value.clone()));
    let request = request::post(attempt, model, "invoke", to_raw(&body).get().to_owned().into())?;
    Ok(Encoded {
        request,
        format: PICTURES,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}

/// What is not sent although it was said; a parameter that would change the pictures is refused, unless the operator
/// or the client wants it dropped.
fn settle(
    attempt: &Attempt<'_>,
    maker: Maker,
    given: &ImageRequest,
    notes: &mut Notes,
) -> Result<Vec<&'static str>> {
    let said = [
        ("n", given.count().is_some_and(|count| count != 1) || maker.takes("n") && given.n.is_some()),
        ("size", given.size.is_some()),
        ("quality", given.quality.is_some()),
        ("style", given.style.is_some()),
        ("background", given.background.is_some()),
        ("output_format", given.output_format.is_some()),
        ("output_compression", given.output_compression.is_some()),
        // Pictures come in base64, and have no address.
        ("response_format", given.response_format.as_deref().is_some_and(|format| format != "b64_json")),
        ("stream", given.stream == Some(true)),
    ];
    let policy = attempt.policy();
    let (mut dropped, mut refused) = (Vec::new(), Vec::new());
    for (name, _) in said.into_iter().filter(|(_, said)| *said) {
        let unwanted = policy.additional_drop_params.iter().any(|unwanted| unwanted == name);
        match maker.takes(name) {
            true if !unwanted => {}
            false if !unwanted && !policy.drop_params => refused.push(name),
            _ => dropped.push(name),
        }
    }
    if !refused.is_empty() {
        return Err(params::unsupported(attempt, &refused));
    }
    notes.dropped.extend(dropped.iter().map(|name| (*name).to_owned()));
    let unheard = [("moderation", given.moderation.is_some()), ("user", given.user.is_some())];
    notes.dropped.extend(unheard.into_iter().filter(|(_, said)| *said).map(|(name, _)| name.to_owned()));
    Ok(dropped)
}

fn without(given: &ImageRequest, dropped: &[&str]) -> ImageRequest {
    let mut given = given.clone();
    for name in dropped {
        match *name {
            "n" => given.n = None,
            "size" => given.size = None,
            "quality" => given.quality = None,
            "output_format" => given.output_format = None,
            _ => {}
        }
    }
    given
}

fn amazon(attempt: &Attempt<'_>, given: &ImageRequest) -> Extra {
    let (mut text, mut config, mut top) = (Extra::new(), wishes(given), Extra::new());
    text.push("text", to_raw(given.prompt.as_deref().unwrap_or_default()));
    for (name, value) in foreign(attempt, given) {
        match name {
            "negativeText" | "style" | "controlMode" | "controlStrength" | "conditionImage" => {
                text.push(name, value);
            }
            "cfgScale" | "seed" => config.push(name, value),
            "textToImageParams" => merge(&mut text, &value),
            "imageGenerationConfig" => merge(&mut config, &value),
            _ => top.push(name, value),
        }
    }
    let mut body = Extra::new();
    if !top.contains("taskType") {
        body.push("taskType", raw("\"TEXT_IMAGE\""));
        body.push("textToImageParams", to_raw(&text));
    }
    if config.iter().next().is_some() {
        body.push("imageGenerationConfig", to_raw(&config));
    }
    top.iter().for_each(|(name, value)| body.push(name, value.to_owned()));
    body
}

/// What Amazon's models are told about the pictures to come, whatever they are made of.
fn wishes(given: &ImageRequest) -> Extra {
    let mut config = Extra::new();
    if let Some((width, height)) = given.dimensions() {
        config.push("width", to_raw(&width));
        config.push("height", to_raw(&height));
    }
    if let Some(quality) = given.quality.as_deref().filter(|quality| *quality != "auto") {
        let best = matches!(quality, "hd" | "high" | "premium");
        config.push("quality", to_raw(if best { "premium" } else { "standard" }));
    }
    if let Some(count) = given.count() {
        config.push("numberOfImages", to_raw(&count));
    }
    config
}

fn merge(into: &mut Extra, value: &Raw) {
    let members: Extra = read(value).unwrap_or_default();
    for (name, value) in members.iter() {
        into.remove(name);
        into.push(name, value.to_owned());
    }
}

fn diffusion(attempt: &Attempt<'_>, given: &ImageRequest) -> Extra {
    #[derive(serde::Serialize)]
    struct Prompt<'a> {
        text: &'a str,
        weight: u8,
    }
    let prompt = Prompt { text: given.prompt.as_deref().unwrap_or_default(), weight: 1 };
    let mut body = Extra::new();
    body.push("text_prompts", to_raw(&[prompt]));
    if let Some((width, height)) = given.dimensions() {
        body.push("width", to_raw(&width));
        body.push("height", to_raw(&height));
    }
    for (name, value) in foreign(attempt, given) {
        body.remove(name);
        body.push(name, value);
    }
    body
}

fn stability(attempt: &Attempt<'_>, given: &ImageRequest) -> Extra {
    let mut body = Extra::new();
    body.push("prompt", to_raw(given.prompt.as_deref().unwrap_or_default()));
    if let Some(format) = &given.output_format {
        body.push("output_format", to_raw(format));
    }
    for (name, value) in foreign(attempt, given) {
        body.remove(name);
        body.push(name, value);
    }
    body
}

/// What the client says in the model's own words.
fn foreign<'a>(attempt: &Attempt<'_>, given: &'a ImageRequest) -> Vec<(&'a str, Raw)> {
    let policy = attempt.policy();
    let options = &attempt.call.options;
    let goes = |name: &str| {
        !options.consumed.contains(&name)
            && !policy.additional_drop_params.iter().any(|unwanted| unwanted == name)
    };
    let own = given.extra.iter().filter(|(name, value)| goes(name) && value.get() != "null");
    own.map(|(name, value)| (name, value.to_owned())).collect()
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let artifacts = answer.artifacts.unwrap_or_default();
    let mut reasons: Vec<String> = answer.reasons.unwrap_or_default().into_iter().flatten().collect();
    reasons.extend(artifacts.iter().filter_map(|artifact| artifact.reason.clone()));
    reasons.extend(answer.error);
    let made =
        artifacts.into_iter().filter(|artifact| artifact.reason.as_deref() != Some("CONTENT_FILTERED"));
    let pictures = answer.images.unwrap_or_default().into_iter().chain(made.filter_map(|made| made.base64));
    let images: Vec<Image> = pictures
        .filter(|picture| !picture.is_empty())
        .map(|picture| Image { base64: Some(picture), ..Image::default() })
        .collect();
    if images.is_empty() {
        return Err(none(&reasons).with_body(body.clone()));
    }
    let size = attempt.call.image()?.size.clone();
    let measures = Measures { output_images: images.len() as u64, image_size: size, ..Measures::default() };
    let usage = Some(Usage::measured(measures));
    Ok(Reply::Images(Box::new(ImagesReply { images, usage, ..ImagesReply::default() })))
}

/// Why there is no picture.
fn none(reasons: &[String]) -> Error {
    match reasons.iter().find(|reason| *reason != "SUCCESS") {
        Some(reason) => {
            let message = format!("The provider made no picture: {reason}");
            Error::new(ErrorKind::ContentPolicy, Origin::Upstream, message)
        }
        None => Error::invalid_response("The provider's answer has no pictures."),
    }
}
