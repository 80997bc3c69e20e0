//! Embeddings: `batchEmbedContents`.

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Notes, Raw, Reply, Result, json, wire::lenient_view,
};

use crate::{
    EMBED, request, usage,
    wire::{Body, array},
};

/// Members of a request that clients may name by themselves, and how Gemini spells them.
const OWN: [(&str, &str); 6] = [
    ("task_type", "taskType"),
    ("taskType", "taskType"),
    ("title", "title"),
    ("outputDimensionality", "outputDimensionality"),
    ("output_dimensionality", "outputDimensionality"),
    ("autoTruncate", "autoTruncate"),
];

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        embeddings: Vec<Vector>,
        embedding: Vector,
        usage as "usageMetadata": Raw,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Vector {
        values: Raw,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, locate: &dyn Fn(&str) -> String) -> Result<Encoded> {
    let mut notes = Notes::default();
    let given = attempt.call.embedding()?;
    let model = format!("models/{}", attempt.target.model.trim_start_matches("models/"));
    let requests = given.texts()?.into_iter().map(|text| {
        let content = format!("{{\"parts\":[{{\"text\":{}}}]}}", lockgate_core::wire::quote(text));
        let mut one = Body::default().with("model", &model);
        one.raw("content", content);
        one.some("outputDimensionality", given.dimensions.as_ref());
        for (name, value) in &*attempt.target.defaults {
            set_own(&mut one, name, value);
        }
        for (name, value) in given.extra.iter() {
            set_own(&mut one, name, value);
        }
        one.into_json()
    });
    let mut body = Body::default();
    body.raw("requests", array(requests));
    if given.user.is_some() {
        notes.dropped.push("user".to_owned());
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.set(name.clone(), value);
    }
    request::post(&locate("batchEmbedContents"), body, EMBED, notes)
}

/// Reads the vectors.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let list = answer.embeddings.or_else(|| Some(vec![answer.embedding?]));
    let Some(list) = list else {
        return Err(
            Error::invalid_response("The provider's answer has no `embeddings`.").with_body(body.clone())
        );
    };
    let asked = attempt.call.embedding()?;
    let vectors = list.into_iter().filter_map(|vector| vector.values);
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: attempt.target.model.to_string(),
        vectors: vectors.collect(),
        // Gemini does not say what embeddings take.
        usage: answer
            .usage
            .as_deref()
            .and_then(usage::hub)
            .or_else(|| asked.counted_together(&attempt.target.facts)),
        ..EmbeddingReply::default()
    })))
}

fn set_own(one: &mut Body, name: &str, value: &serde_json::value::RawValue) {
    if let Some((_, own)) = OWN.iter().find(|(spelling, _)| *spelling == name) {
        one.set(*own, value);
    }
}
