//! Answers to rerank requests, in the words of Cohere and of those who came after.

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Extra, Measures, Quirks, Raw, RerankReply, RerankResult, Result, Usage,
    json::{self, Count, raw, to_raw},
    wire::lenient_view,
};

use crate::response;

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct WireRerank {
        id: String,
        results: Vec<WireResult>,
        data: Vec<WireResult>,
        meta: Raw,
        usage: Tokens,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct WireResult {
        index: Count,
        relevance_score: Raw,
        score: Raw,
        document: Raw,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Tokens {
        prompt_tokens: Count,
        completion_tokens: Count,
        total_tokens: Count,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Meta {
        billed_units: Billed,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Billed {
        search_units: Count,
    }
}

/// Reads an answer.
///
/// # Errors
/// It is not understandable, or an error in spite of its status.
pub(crate) fn decode(body: &Bytes, head: &Parts, quirks: &Quirks) -> Result<RerankReply> {
    response::scan(body, &head.headers)?;
    let wire: WireRerank = json::answer(body)?;
    let Some(results) = wire.results.or(wire.data) else {
        return Err(lockgate_core::Error::invalid_response("The provider's answer has no `results`.")
            .with_body(body.clone()));
    };
    let results = results.into_iter().enumerate().map(|(at, result)| RerankResult {
        index: result.index.map_or(at as u64, |Count(index)| index),
        score: result.relevance_score.or(result.score).unwrap_or_else(|| raw("0")),
        document: result.document.map(document),
    });
    let (results, usage) = (results.collect(), usage(wire.meta.as_ref(), wire.usage.as_ref()));
    let meta = wire.meta.or_else(|| wire.usage.map(|tokens| meta(&tokens, quirks)));
    Ok(RerankReply { id: wire.id.unwrap_or_default(), results, meta, usage, extra: Extra::new() })
}

/// A document is an object with a text; some give the bare text.
fn document(document: Raw) -> Raw {
    if document.get().starts_with('"') { raw(format!("{{\"text\":{}}}", document.get())) } else { document }
}

/// The consumption in Cohere's words.
fn meta(tokens: &Tokens, quirks: &Quirks) -> Raw {
    let total = tokens.total_tokens.or(tokens.prompt_tokens).map_or(0, |Count(total)| total);
    let mut meta = Extra::new();
    meta.push("billed_units", raw(format!("{{\"total_tokens\":{total}}}")));
    let mut told = Extra::new();
    for name in &quirks.rerank_tokens {
        let count = match name.as_str() {
            "output_tokens" => tokens.completion_tokens.map_or(0, |Count(tokens)| tokens),
            _ => tokens.prompt_tokens.map_or(total, |Count(tokens)| tokens),
        };
        told.push(name.as_str(), raw(count.to_string()));
    }
    if !quirks.rerank_tokens.is_empty() {
        meta.push("tokens", to_raw(&told));
    }
    to_raw(&meta)
}

/// Reranking is sold by tokens or by searches.
fn usage(meta: Option<&Raw>, tokens: Option<&Tokens>) -> Option<Usage> {
    let meta = meta.and_then(|meta| serde_json::from_str::<Meta>(meta.get()).ok());
    let units = meta.and_then(|meta| meta.billed_units?.search_units).map(|Count(units)| units);
    let input =
        tokens.and_then(|tokens| tokens.total_tokens.or(tokens.prompt_tokens)).map(|Count(tokens)| tokens);
    (units.is_some() || input.is_some()).then(|| Usage {
        input: input.unwrap_or(0),
        ..Usage::measured(Measures { queries: units.unwrap_or(0), ..Measures::default() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, quirks: &Quirks) -> RerankReply {
        let head = http::Response::new(()).into_parts().0;
        decode(&Bytes::copy_from_slice(body.as_bytes()), &head, quirks).unwrap()
    }

    #[test]
    fn words_of_many() {
        let cohere = read(
            r#"{"id":"a","results":[{"index":2,"relevance_score":0.90}],"meta":{"billed_units":{"search_units":3}}}"#,
            &Quirks::default(),
        );
        assert_eq!((cohere.results[0].index, cohere.results[0].score.get()), (2, "0.90"));
        assert_eq!(cohere.usage.unwrap().measures.unwrap().queries, 3);
        let quirks = Quirks {
            rerank_tokens: vec!["input_tokens".to_owned(), "output_tokens".to_owned()],
            ..Quirks::default()
        };
        let voyage = read(
            r#"{"data":[{"index":0,"score":1,"document":"x"}],"usage":{"total_tokens":26},"new":1}"#,
            &quirks,
        );
        assert_eq!(voyage.results[0].document.as_ref().unwrap().get(), r#"{"text":"x"}"#);
        assert_eq!(
            voyage.meta.unwrap().get(),
            r#"{"billed_units":{"total_tokens":26},"tokens":{"input_tokens":26,"output_tokens":0}}"#
        );
        assert_eq!(voyage.usage.unwrap().input, 26);
    }
}
