//! Embeddings: `predict`.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Memo, Notes, Payload, Raw, Reply, Result, Usage,
    json::{raw, to_raw},
    wire::{quote, view},
};

use crate::{PREDICT, claude::uri, place};

/// Members of a request that belong to each text, and how Vertex spells them.
const OF_TEXTS: [&str; 2] = ["task_type", "title"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        predictions: Option<Vec<Prediction>>,
        metadata: Option<Metadata>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metadata {
        characters as "billableCharacterCount": Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Prediction {
        embeddings: Option<Vector>,
        text as "textEmbedding": Option<Raw>,
        image as "imageEmbedding": Option<Raw>,
        video as "videoEmbeddings": Option<Vec<Clip>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Vector {
        values: Option<Raw>,
        statistics: Option<Statistics>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Statistics {
        token_count: Option<serde_json::Number>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Clip {
        embedding: Option<Raw>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let target = attempt.target;
    let given = attempt.call.embedding()?;
    let home = place::home(target, "v1", place::location(target))?;
    let url = format!("{home}/publishers/google/models/{}:predict", target.model);
    let multimodal = is_multimodal(&target.model);
    let mut wishes = Extra::new();
    if let Some(dimensions) = given.dimensions {
        let name = if multimodal { "dimension" } else { "outputDimensionality" };
        wishes.push(name, to_raw(&dimensions));
    }
    for (name, value) in target.defaults.iter() {
        wishes.push(name.as_str(), value.clone());
    }
    for (name, value) in given.extra.iter() {
        if !attempt.call.options.consumed.contains(&name) && value.get() != "null" {
            wishes.push(name, value.to_owned());
        }
    }
    let mut instances = Vec::new();
    for text in given.texts()? {
        let mut one = if multimodal { seen(text)? } else { said(text) };
        for (name, value) in wishes.iter().filter(|(name, _)| !multimodal && OF_TEXTS.contains(name)) {
            one.push(name, value.to_owned());
        }
        instances.push(one);
    }
    let mut body = Extra::new();
    body.push("instances", to_raw(&instances));
    if !multimodal || !wishes.is_empty() {
        body.push("parameters", to_raw(&wishes));
    }
    for (name, value) in target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri(&url)?)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|_| Error::internal("The embedding request cannot be made."))?;
    let mut notes = Notes::default();
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    Ok(Encoded {
        request,
        format: PREDICT,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| {
        Error::invalid_response(format!("The provider's answer cannot be read: {why}"))
            .with_body(body.clone())
    };
    let answer: Answer = serde_json::from_slice(body).map_err(|why| malformed(why.to_string()))?;
    let predictions = answer.predictions.ok_or_else(|| malformed("it has no `predictions`".to_owned()))?;
    let (mut vectors, mut tokens, mut images) = (Vec::new(), None, 0_u64);
    for prediction in predictions {
        if let Some(count) = prediction.embeddings.as_ref().and_then(|one| one.statistics.as_ref()) {
            let count = count.token_count.as_ref().and_then(serde_json::Number::as_f64).unwrap_or(0.0);
            tokens = Some(tokens.unwrap_or(0_u64).saturating_add(count as u64));
        }
        images += u64::from(prediction.image.is_some());
        let clips = prediction.video.into_iter().flatten().filter_map(|clip| clip.embedding);
        let own = prediction.embeddings.and_then(|one| one.values);
        vectors.extend(own.into_iter().chain(prediction.text).chain(prediction.image).chain(clips));
    }
    // Pictures and clips are billed by the piece, not by tokens.
    let tokens = tokens.or_else(|| is_multimodal(&attempt.target.model).then_some(0));
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: attempt.target.model.to_string(),
        vectors,
        usage: tokens.map(|input| Usage {
            input,
            input_characters: answer.metadata.and_then(|metadata| metadata.characters),
            input_images: (images > 0).then_some(images),
            ..Usage::default()
        }),
        ..EmbeddingReply::default()
    })))
}

fn is_multimodal(model: &str) -> bool {
    model.starts_with("multimodalembedding")
}

fn said(text: &str) -> Extra {
    let mut instance = Extra::new();
    instance.push("content", raw(quote(text)));
    instance
}

/// A text, a picture or a clip for the model that sees.
fn seen(text: &str) -> Result<Extra> {
    let mut instance = Extra::new();
    let place = |place: &str| raw(format!("{{\"gcsUri\":{}}}", quote(place)));
    if let Some(data) = text.strip_prefix("data:") {
        let Some((_, data)) = data.split_once(";base64,") else {
            return Err(Error::bad_field(
                "input",
                "A data URL must be base64-encoded (`data:TYPE;base64,…`).",
            ));
        };
        let kind = if text.starts_with("data:video/") { "video" } else { "image" };
        instance.push(kind, raw(format!("{{\"bytesBase64Encoded\":{}}}", quote(data))));
    } else if text.starts_with("gs://") {
        let kind = if text.ends_with(".mp4") || text.ends_with(".mov") { "video" } else { "image" };
        instance.push(kind, place(text));
    } else {
        instance.push("text", raw(quote(text)));
    }
    Ok(instance)
}
