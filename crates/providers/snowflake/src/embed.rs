//! Embeddings.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, Request, header};
use lockgate_core::{
    Attempt, EmbeddingReply, Encoded, Error, Extra, Memo, Notes, Payload, Raw, Reply, Result, Usage,
    json::{read, to_raw},
    params,
    wire::view,
};

use crate::{EMBEDDING, address};

view! {
    #[derive(Default)]
    struct Answer {
        model: Option<Raw>,
        data: Option<Vec<Item>>,
        usage: Option<Raw>,
    }
}

view! {
    #[derive(Default)]
    struct Item {
        embedding: Option<Raw>,
        index: Option<Raw>,
    }
}

view! {
    #[derive(Default)]
    struct Count {
        prompt_tokens: Option<u64>,
        total_tokens: Option<u64>,
    }
}

/// Writes the request.
///
/// # Errors
/// The input is not text.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let mut notes = Notes::default();
    let request = Cow::Borrowed(attempt.call.embedding()?);
    let request = params::effective(attempt, &attempt.policy(), request, &mut notes)?;
    let mut body = Extra::new();
    body.push("text", to_raw(&request.texts()?));
    body.push("model", to_raw(&*attempt.target.model));
    let options = &attempt.call.options;
    let own = request.extra.iter().filter(|(name, _)| !options.consumed.contains(name));
    let own = own.map(|(name, value)| (name, value.to_owned()));
    let given = attempt.target.extra_body.iter().chain(&options.extra_body);
    for (name, value) in own.chain(given.map(|(name, value)| (name.as_str(), value.clone()))) {
        body.push(name, value);
    }
    params::settle_sizeless(attempt, &attempt.policy(), &request, &mut notes)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(address::embeddings(attempt.target))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::bad_request(format!("The deployment's URL is not valid: {error}")))?;
    let memo = Memo::default();
    Ok(Encoded { request, format: EMBEDDING, relay: false, withhold_usage: false, memo, notes })
}

/// Reads the vectors. Snowflake wraps each in a list of its own.
///
/// # Errors
/// There are none.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer is not valid JSON: {why}")))?;
    let Some(mut items) = answer.data else {
        return Err(malformed("The provider's answer has no `data`.".to_owned()));
    };
    items.sort_by_key(|item| item.index.as_ref().and_then(|index| read::<u64>(index)).unwrap_or(0));
    let vectors = items.into_iter().filter_map(|item| item.embedding).map(unwrapped);
    let model = answer.model.as_deref().and_then(read);
    Ok(Reply::Embedding(Box::new(EmbeddingReply {
        model: model.unwrap_or_else(|| attempt.target.model.to_string()),
        vectors: vectors.collect(),
        usage: answer.usage.as_deref().and_then(usage),
        ..EmbeddingReply::default()
    })))
}

fn unwrapped(vector: Raw) -> Raw {
    let inner = read::<Vec<Raw>>(&vector).and_then(|list| list.into_iter().next());
    inner.filter(|inner| inner.get().starts_with('[')).unwrap_or(vector)
}

fn usage(raw: &serde_json::value::RawValue) -> Option<Usage> {
    let count: Count = read(raw)?;
    let input = count.prompt_tokens.or(count.total_tokens)?;
    Some(Usage { input, raw: Some(raw.to_owned()), ..Usage::default() })
}
