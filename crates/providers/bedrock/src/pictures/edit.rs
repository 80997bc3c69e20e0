//! Pictures made of pictures, which go along in base64.

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Attempt, Extra, Result,
    hub::ImageRequest,
    json::{raw, to_raw},
};

use super::{foreign, merge, wishes};
use crate::model::Model;

/// Nova Canvas and Titan paint into a picture where a mask says where, and else vary it.
pub(super) fn amazon(attempt: &Attempt<'_>, given: &ImageRequest) -> Result<Extra> {
    let images = contents(attempt)?;
    let (mut task, mut config, mut top) = (Extra::new(), wishes(given), Extra::new());
    if let Some(prompt) = given.prompt.as_deref().filter(|prompt| !prompt.is_empty()) {
        task.push("text", to_raw(prompt));
    }
    let mask = attempt.call.file("mask").ok();
    let (kind, params) = match mask {
        Some(mask) => {
            task.push("image", to_raw(&images.first()));
            task.push("maskImage", to_raw(&STANDARD.encode(mask.bytes())));
            ("INPAINTING", "inPaintingParams")
        }
        None => {
            task.push("images", to_raw(&images));
            ("IMAGE_VARIATION", "imageVariationParams")
        }
    };
    for (name, value) in foreign(attempt, given) {
        match name {
            "negativeText" | "similarityStrength" | "maskPrompt" => task.push(name, value),
            "cfgScale" | "seed" => config.push(name, value),
            "imageGenerationConfig" => merge(&mut config, &value),
            name if name == params => merge(&mut task, &value),
            _ => top.push(name, value),
        }
    }
    let mut body = Extra::new();
    body.push("taskType", to_raw(kind));
    body.push(params, to_raw(&task));
    let config = typed(config);
    if !config.is_empty() {
        body.push("imageGenerationConfig", to_raw(&config));
    }
    top.iter().for_each(|(name, value)| body.push(name, value.to_owned()));
    Ok(body)
}

/// Stable Diffusion XL starts from a picture.
pub(super) fn diffusion(attempt: &Attempt<'_>, mut body: Extra) -> Result<Extra> {
    body.push("init_image", to_raw(&contents(attempt)?.first()));
    if let Ok(mask) = attempt.call.file("mask") {
        body.push("mask_image", to_raw(&STANDARD.encode(mask.bytes())));
        if !body.contains("mask_source") {
            body.push("mask_source", raw("\"MASK_IMAGE_WHITE\""));
        }
    }
    Ok(body)
}

/// Stability's services each do one thing to a picture; its makers of pictures start from one.
pub(super) fn stability(attempt: &Attempt<'_>, model: &Model<'_>, mut body: Extra) -> Result<Extra> {
    let images = contents(attempt)?;
    let has = |part: &str| model.known.contains(part);
    if body.get("prompt").is_some_and(|prompt| prompt.get() == "\"\"") {
        body.remove("prompt");
    }
    if has("style-transfer") {
        body.push("init_image", to_raw(&images.first()));
        if let Some(style) = images.get(1).filter(|_| !body.contains("style_image")) {
            body.push("style_image", to_raw(style));
        }
    } else {
        body.push("image", to_raw(&images.first()));
    }
    if has("sd3") || has("stable-image-ultra") {
        if has("sd3") {
            body.push("mode", raw("\"image-to-image\""));
        }
        if !body.contains("strength") {
            body.push("strength", raw("0.7"));
        }
    }
    if let Ok(mask) = attempt.call.file("mask") {
        body.push("mask", to_raw(&STANDARD.encode(mask.bytes())));
    }
    Ok(typed(body))
}

/// Members that are numbers.
const NUMBERS: [&str; 10] = [
    "seed",
    "cfgScale",
    "strength",
    "grow_mask",
    "left",
    "right",
    "up",
    "down",
    "creativity",
    "control_strength",
];

/// The fields of a form are texts.
fn typed(mut body: Extra) -> Extra {
    for name in NUMBERS {
        let text = body.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        if let Some(number) = text.and_then(|text| serde_json::from_str::<serde_json::Number>(&text).ok()) {
            body.remove(name);
            body.push(name, raw(number.to_string()));
        }
    }
    body
}

/// The pictures in base64.
fn contents(attempt: &Attempt<'_>) -> Result<Vec<String>> {
    attempt.call.file("image")?;
    let files = attempt.call.upload.iter().flat_map(|upload| &upload.files);
    let images = files.filter(|file| file.field() == "image");
    Ok(images.map(|file| STANDARD.encode(file.bytes())).collect())
}
