//! Embeddings of an endpoint.

use bytes::Bytes;
use lockgate_core::{
    Attempt, EmbeddingReply, Error, Extra, Format, Notes, Raw, Reply, Result,
    json::{self, read, to_raw},
    params,
    wire::view,
};

/// Bodies and answers of embeddings.
pub(crate) const EMBED: Format = Format("sagemaker.embed");

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        embedding: Option<Raw>,
        embeddings: Option<Raw>,
    }
}

pub(crate) fn body(attempt: &Attempt<'_>, notes: &mut Notes) -> Result<Extra> {
    let given = attempt.call.embedding()?;
    params::settle_sizeless(attempt, &attempt.policy(), given, notes)?;
    let mut body = Extra::new();
    body.push("inputs", to_raw(&given.texts()?));
    let consumed = &attempt.call.options.consumed;
    for (name, value) in attempt.target.defaults.iter() {
        body.push(name.as_str(), value.clone());
    }
    for (name, value) in given.extra.iter().filter(|(name, _)| !consumed.contains(name)) {
        body.push(name, value.to_owned());
    }
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    Ok(body)
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Raw = json::answer(body)?;
    let list = match read::<Answer>(&answer) {
        Some(named) => named.embedding.or(named.embeddings),
        None => Some(answer),
    };
    let vectors: Option<Vec<Raw>> = list.as_deref().and_then(read);
    let vectors = vectors.filter(|vectors| vectors.iter().all(|vector| vector.get().starts_with('[')));
    let vectors = vectors.ok_or_else(|| {
        Error::invalid_response("The endpoint's answer has no list of vectors.").with_body(body.clone())
    })?;
    let usage = attempt.call.embedding()?.counted(&attempt.target.facts);
    let model = attempt.target.model.to_string();
    Ok(Reply::Embedding(Box::new(EmbeddingReply { model, vectors, usage, ..EmbeddingReply::default() })))
}
