//! Embeddings in the format of the pipelines.

use bytes::Bytes;
use http::{Method, Request, header, response::Parts};
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Memo, Payload, Raw, Reply, Result, Target, Usage,
    json::{read, to_raw},
    params,
};

use crate::FEATURES;

/// In which TEI says how much an answer took.
const TOKENS: &str = "x-compute-tokens";

/// Whether the server takes embeddings in OpenAI's format.
pub(crate) fn speaks_openai(target: &Target) -> bool {
    target.custom_base && target.base.ends_with("/v1")
}

/// Writes the request.
///
/// # Errors
/// The input is not text.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = lockgate_core::Notes::default();
    let request = std::borrow::Cow::Borrowed(attempt.call.embedding()?);
    let request = params::effective(attempt, &attempt.policy(), request, &mut notes)?;
    let mut body = Extra::new();
    body.push("inputs", to_raw(&request.texts()?));
    if let Some(dimensions) = &request.dimensions {
        body.push("dimensions", to_raw(dimensions));
    }
    notes.dropped.extend(request.user.is_some().then(|| "user".to_owned()));
    let options = &attempt.call.options;
    let own = request.extra.iter().filter(|(name, _)| !options.consumed.contains(name));
    let own = own.map(|(name, value)| (name, value.to_owned()));
    let given = attempt.target.extra_body.iter().chain(&options.extra_body);
    for (name, value) in own.chain(given.map(|(name, value)| (name.as_str(), value.clone()))) {
        body.push(name, value);
    }
    let request = Request::builder()
        .method(Method::POST)
        .uri(url(attempt.target))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::bad_request(format!("The deployment's URL is not valid: {error}")))?;
    Ok(Encoded {
        request,
        format: FEATURES,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}

fn url(target: &Target) -> String {
    if target.custom_base {
        return target.base.to_string();
    }
    let root = target.base.strip_suffix("/v1").unwrap_or(&target.base);
    format!("{root}/hf-inference/models/{}/pipeline/feature-extraction", target.model)
}

/// Reads the vectors.
///
/// # Errors
/// There are none.
pub(crate) fn decode(attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Result<Reply> {
    let request = attempt.call.embedding()?;
    let Some(vectors) = vectors(body) else {
        let message = "The provider's answer holds no vectors.";
        return Err(Error::invalid_response(message).with_body(body.clone()));
    };
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: attempt.target.model.to_string(),
        vectors,
        usage: told(head).or_else(|| request.counted(&attempt.target.facts)),
        ..EmbeddingReply::default()
    })))
}

/// One vector for each text, whether or not the answer is wrapped. Models that do not pool give a vector for each token:
/// the first stands for the text.
fn vectors(body: &[u8]) -> Option<Vec<Raw>> {
    let mut list: Vec<Raw> = match serde_json::from_slice(body) {
        Ok(list) => list,
        Err(_) => read(serde_json::from_slice::<Extra>(body).ok()?.get("embeddings")?)?,
    };
    if list.first()?.get().starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        return Some(vec![to_raw(&list)]);
    }
    for vector in &mut list {
        let first = read::<Vec<Raw>>(vector)?.into_iter().next()?;
        if first.get().starts_with('[') {
            *vector = first;
        }
    }
    Some(list)
}

fn told(head: &Parts) -> Option<Usage> {
    let input = head.headers.get(TOKENS)?.to_str().ok()?.parse().ok()?;
    Some(Usage { input, ..Usage::default() })
}

#[cfg(test)]
mod tests {
    use super::vectors;

    #[test]
    fn vectors_of_any_depth() {
        let found = |body: &str| {
            vectors(body.as_bytes())
                .map(|list| list.iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(found("[[1,2],[3]]").unwrap(), ["[1,2]", "[3]"]);
        assert_eq!(found("[1,-2.5]").unwrap(), ["[1,-2.5]"]);
        assert_eq!(found("[[[1],[2]],[[3]]]").unwrap(), ["[1]", "[3]"]);
        assert_eq!(found(r#"{"embeddings":[[1]]}"#).unwrap(), ["[1]"]);
        for none in ["", "[]", "{}", "[[]]", "[\"a\"]", "7", r#"{"embeddings":{}}"#] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
