//! What other providers say about their answers, in Gemini's words: sources, probabilities.

use lockgate_core::{Raw, wire::lenient_view};
use serde_json::value::RawValue;

use crate::wire::{Body, array, read};

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Annotation {
        citation as "url_citation": Citation,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Citation {
        url: String,
        title: String,
        start as "start_index": u64,
        end as "end_index": u64,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Logprobs {
        content: Vec<Token>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Token {
        token: String,
        logprob: Raw,
        top as "top_logprobs": Vec<Token>,
    }
}

/// URL citations as `groundingMetadata`.
pub(super) fn grounding<'a>(annotations: impl Iterator<Item = &'a RawValue>) -> Option<Raw> {
    let (mut chunks, mut supports) = (Vec::new(), Vec::new());
    for annotation in annotations.filter_map(read::<Vec<Annotation>>).flatten() {
        let Some(citation) = annotation.citation else { continue };
        let Some(url) = citation.url else { continue };
        let mut web = Body::default().with("uri", &url);
        web.some("title", citation.title.as_ref());
        if let (Some(start), Some(end)) = (citation.start, citation.end) {
            let segment = Body::default().with("startIndex", &start).with("endIndex", &end).into_raw();
            let support =
                Body::default().with("segment", &segment).with("groundingChunkIndices", &[chunks.len()]);
            supports.push(support.into_json());
        }
        chunks.push(Body::default().with("web", &web.into_raw()).into_json());
    }
    if chunks.is_empty() {
        return None;
    }
    let mut out = Body::default();
    out.raw("groundingChunks", array(chunks));
    if !supports.is_empty() {
        out.raw("groundingSupports", array(supports));
    }
    Some(out.into_raw())
}

/// Log probabilities as `logprobsResult`.
pub(super) fn logprobs<'a>(all: impl Iterator<Item = &'a RawValue>) -> Option<Raw> {
    let (mut chosen, mut top) = (Vec::new(), Vec::new());
    for token in all.filter_map(read::<Logprobs>).filter_map(|one| one.content).flatten() {
        let others = token.top.iter().flatten().map(self::token);
        top.push(format!("{{\"candidates\":{}}}", array(others)));
        chosen.push(self::token(&token));
    }
    if chosen.is_empty() {
        return None;
    }
    let mut out = Body::default();
    out.raw("chosenCandidates", array(chosen));
    out.raw("topCandidates", array(top));
    Some(out.into_raw())
}

fn token(token: &Token) -> String {
    let mut out = Body::default().with("token", token.token.as_deref().unwrap_or_default());
    out.some("logProbability", token.logprob.as_ref());
    out.into_json()
}
