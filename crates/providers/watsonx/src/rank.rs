//! Documents by relevance.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Notes, Raw, Reply, RerankReply, RerankResult, Result, Usage,
    hub::RerankRequest,
    json::{raw, to_raw},
    wire::{quote, view},
};

use crate::{RERANK, generation};

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        results: Option<Vec<Ranked>>,
        input_token_count: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Ranked {
        index: u64,
        score: Option<Raw>,
        input: Option<Raw>,
    }
}

/// Writes the request.
///
/// # Errors
/// Nobody said for which project.
pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let request = attempt.call.rerank()?;
    let mut wishes = Extra::new();
    if let Some(most) = request.top_n {
        wishes.push("top_n", to_raw(&most));
    }
    if let Some(back) = request.return_documents {
        wishes.push("inputs", to_raw(&back));
    }
    let mut parameters = Extra::new();
    if let Some(most) = request.max_tokens_per_doc {
        parameters.push("truncate_input_tokens", to_raw(&most));
    }
    parameters.push("return_options", to_raw(&wishes));
    let texts = request.documents.iter().map(RerankRequest::document_text);
    let inputs: Vec<Raw> = texts.map(|text| raw(format!("{{\"text\":{}}}", quote(&text)))).collect();
    let mut body = Extra::new();
    body.push("query", to_raw(&request.query_text().unwrap_or_default()));
    body.push("inputs", to_raw(&inputs));
    body.push("parameters", to_raw(&parameters));
    generation::post(attempt, "text/rerank", body, RERANK, Notes::default())
}

/// Reads the ranking.
///
/// # Errors
/// There is none.
pub(crate) fn decode(body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let Some(results) = answer.results else {
        return Err(malformed("The provider's answer has no `results`.".to_owned()));
    };
    let results = results.into_iter().map(|ranked| RerankResult {
        index: ranked.index,
        score: ranked.score.unwrap_or_else(|| raw("0")),
        document: ranked.input,
    });
    let tokens = answer.input_token_count;
    Ok(Reply::Rerank(Box::new(RerankReply {
        results: results.collect(),
        meta: tokens.map(|tokens| raw(format!("{{\"tokens\":{{\"input_tokens\":{tokens}}}}}"))),
        usage: tokens.map(|input| Usage { input, ..Usage::default() }),
        ..RerankReply::default()
    })))
}
