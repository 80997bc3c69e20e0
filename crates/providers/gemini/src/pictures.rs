//! Pictures: Imagen predicts them, Gemini's own models generate them as content.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, ErrorKind, Image, ImagesReply, Measures, Memo, Notes, Operation, Origin,
    Payload, Raw, Reply, Result, UploadFile, Usage,
    hub::ImageRequest,
    json,
    wire::{lenient_view, quote},
};

use crate::{
    GENERATE, Service, error, usage,
    wire::{AnswerView, Body, array},
};

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Predicted {
        predictions: Vec<Prediction>,
        error: Raw,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Prediction {
        picture as "bytesBase64Encoded": String,
        prompt: String,
        filtered as "raiFilteredReason": String,
    }
}

/// Writes the request.
///
/// # Errors
/// The call cannot be read.
pub(crate) fn encode(
    attempt: &Attempt<'_>,
    service: Service,
    locate: &dyn Fn(&str) -> String,
) -> Result<Encoded> {
    let request = attempt.call.image()?;
    if attempt.call.operation == Operation::ImageEdit {
        attempt.call.file("image")?;
    }
    let (mut body, verb) = if predicts(&attempt.target.model) {
        (prediction(attempt, request), "predict")
    } else {
        (generation(attempt, service, request), "generateContent")
    };
    let options = &attempt.call.options;
    for (name, value) in attempt.target.extra_body.iter().chain(&options.extra_body) {
        body.set(name.clone(), value);
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(locate(verb))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(body.into_json()))
        .map_err(|error| Error::internal(format!("The upstream's URL is invalid: {error}")))?;
    Ok(Encoded {
        request,
        format: GENERATE,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

fn predicts(model: &str) -> bool {
    model.contains("imagen")
}

fn prediction(attempt: &Attempt<'_>, request: &ImageRequest) -> Body {
    let mut wishes = Body::default();
    wishes.some("sampleCount", request.count().as_ref());
    if let Some((width, height)) = request.dimensions() {
        wishes.set("aspectRatio", shape(width, height));
        wishes.set("imageSize", if width.max(height) > 1792 { "2K" } else { "1K" });
    }
    for (name, value) in request.extra.iter().filter(|(name, _)| !own(attempt, name)) {
        wishes.set(name.to_owned(), value);
    }
    let mut body = Body::default();
    let prompt = quote(request.prompt.as_deref().unwrap_or_default());
    let references = references(attempt, &mut wishes);
    body.raw("instances", format!("[{{\"prompt\":{prompt}{references}}}]"));
    body.raw("parameters", wishes.into_json());
    body
}

/// The pictures that Imagen starts from; white in the mask is what it paints anew.
fn references(attempt: &Attempt<'_>, wishes: &mut Body) -> String {
    if attempt.call.operation != Operation::ImageEdit {
        return String::new();
    }
    let mut listed = Vec::new();
    for file in files(attempt) {
        let (number, content) = (listed.len() + 1, quote(&STANDARD.encode(file.bytes())));
        let (kind, mask) = match file.field() {
            "mask" => ("MASK", r#","maskImageConfig":{"maskMode":"MASK_MODE_USER_PROVIDED"}"#),
            _ => ("RAW", ""),
        };
        listed.push(format!(
            "{{\"referenceType\":\"REFERENCE_TYPE_{kind}\",\"referenceId\":{number},\
             \"referenceImage\":{{\"bytesBase64Encoded\":{content}}}{mask}}}"
        ));
    }
    if !wishes.has("editMode") {
        let masked = attempt.call.file("mask").is_ok();
        wishes.set("editMode", if masked { "EDIT_MODE_INPAINT_INSERTION" } else { "EDIT_MODE_DEFAULT" });
    }
    format!(",\"referenceImages\":{}", array(listed))
}

/// The client's pictures.
fn files<'a>(attempt: &Attempt<'a>) -> impl Iterator<Item = &'a UploadFile> {
    attempt.call.upload.iter().flat_map(|upload| &upload.files)
}

/// A file as a part of a content.
pub(crate) fn inline(file: &UploadFile) -> String {
    let (mime, content) = (quote(file.mime()), STANDARD.encode(file.bytes()));
    format!("{{\"inlineData\":{{\"mimeType\":{mime},\"data\":\"{content}\"}}}}")
}

fn generation(attempt: &Attempt<'_>, service: Service, request: &ImageRequest) -> Body {
    let prompt = quote(request.prompt.as_deref().unwrap_or_default());
    let mut config = Body::default();
    let role = match service {
        Service::Studio => {
            config.raw("response_modalities", r#"["IMAGE","TEXT"]"#.to_owned());
            ""
        }
        Service::Vertex => {
            config.raw("responseModalities", r#"["IMAGE"]"#.to_owned());
            r#""role":"user","#
        }
    };
    config.some("candidateCount", request.count().filter(|count| *count > 1).as_ref());
    if let Some((width, height)) = request.dimensions() {
        config.raw("imageConfig", format!("{{\"aspectRatio\":\"{}\"}}", shape(width, height)));
    }
    let mut body = Body::default();
    let sources = match attempt.call.operation {
        Operation::ImageEdit => files(attempt).map(|file| format!("{},", inline(file))).collect(),
        _ => String::new(),
    };
    body.raw("contents", format!("[{{{role}\"parts\":[{sources}{{\"text\":{prompt}}}]}}]"));
    body.raw("generationConfig", config.into_json());
    for (name, value) in request.extra.iter().filter(|(name, _)| !own(attempt, name)) {
        body.set(name.to_owned(), value);
    }
    body
}

/// Whether a member of the client's body is the gateway's.
pub(crate) fn own(attempt: &Attempt<'_>, name: &str) -> bool {
    attempt.call.options.consumed.contains(&name)
}

/// The shape, of those that Google knows, that is closest to a size.
fn shape(width: u32, height: u32) -> &'static str {
    const SHAPES: [(&str, f64); 5] =
        [("1:1", 1.0), ("16:9", 16.0 / 9.0), ("9:16", 9.0 / 16.0), ("4:3", 4.0 / 3.0), ("3:4", 0.75)];
    let wanted = f64::from(width.max(1)) / f64::from(height.max(1));
    let distance = |shape: f64| (shape / wanted).ln().abs();
    let best = SHAPES.iter().min_by(|(_, one), (_, other)| distance(*one).total_cmp(&distance(*other)));
    best.map_or("1:1", |(name, _)| name)
}

/// Reads the pictures.
///
/// # Errors
/// There are none: the prompt or the pictures were held back, or the answer is no answer.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let (images, usage, why) = if predicts(&attempt.target.model) {
        let answer: Predicted = json::answer(body)?;
        error::check(answer.error.as_ref(), body)?;
        let predictions = answer.predictions.unwrap_or_default();
        let why = predictions.iter().find_map(|prediction| prediction.filtered.clone());
        let images = predictions.into_iter().filter_map(|prediction| {
            let revised_prompt = prediction.prompt;
            Some(Image { base64: Some(prediction.picture?), revised_prompt, ..Image::default() })
        });
        (images.collect(), None, why)
    } else {
        generated(body)?
    };
    if images.is_empty() {
        return Err(none(why.as_deref()).with_body(body.clone()));
    }
    let measures = Measures { output_images: images.len() as u64, ..Measures::default() };
    let usage = Usage { measures: Some(Box::new(measures)), ..usage.unwrap_or_default() };
    Ok(Reply::Images(Box::new(ImagesReply { images, usage: Some(usage), ..ImagesReply::default() })))
}

type Pictures = (Vec<Image>, Option<Usage>, Option<String>);

fn generated(body: &Bytes) -> Result<Pictures> {
    let answer: AnswerView = json::answer(body)?;
    error::check(answer.error.as_ref(), body)?;
    let usage = answer.usage.as_deref().and_then(usage::hub);
    let blocked = answer.prompt_feedback.and_then(|feedback| feedback.block_reason);
    let candidates = answer.candidates.unwrap_or_default();
    let finish = candidates.iter().find_map(|candidate| candidate.finish_reason.clone());
    let parts = candidates
        .into_iter()
        .filter_map(|candidate| candidate.content?.parts)
        .flatten()
        .filter_map(|part| part.inline_data?.data);
    let images = parts.map(|data| Image { base64: Some(data), ..Image::default() }).collect();
    Ok((images, usage, blocked.or(finish)))
}

fn none(why: Option<&str>) -> Error {
    match why {
        None | Some("STOP") => Error::invalid_response("The provider's answer has no pictures."),
        Some(why) => {
            let message = format!("The provider gave no picture: {why}");
            Error::new(ErrorKind::ContentPolicy, Origin::Upstream, message)
        }
    }
}
