//! What Gemini says about its answers: sources, ratings, probabilities.

use lockgate_core::{Raw, wire::lenient_view};
use serde_json::value::RawValue;

use crate::wire::{Body, CandidateView, array, is_blank, raw, read};

/// What Gemini says about its answers, under the names that LiteLLM gave it.
pub(crate) fn metadata(candidates: &[CandidateView]) -> Vec<(&'static str, Raw)> {
    type Member = fn(&CandidateView) -> Option<&Raw>;
    let members: [(&str, Member); 4] = [
        ("vertex_ai_grounding_metadata", |candidate| candidate.grounding_metadata.as_ref()),
        ("vertex_ai_url_context_metadata", |candidate| candidate.url_context_metadata.as_ref()),
        ("vertex_ai_safety_results", |candidate| candidate.safety_ratings.as_ref()),
        ("vertex_ai_citation_metadata", |candidate| candidate.citation_metadata.as_ref()),
    ];
    let list = |member: Member| {
        let found: Vec<&str> =
            candidates.iter().filter_map(member).filter(|raw| !is_blank(raw)).map(|raw| raw.get()).collect();
        (!found.is_empty()).then(|| raw(array(found)))
    };
    members.into_iter().filter_map(|(key, member)| Some((key, list(member)?))).collect()
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Grounding {
        queries as "webSearchQueries": Vec<String>,
        chunks as "groundingChunks": Vec<Chunk>,
        supports as "groundingSupports": Vec<Support>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Chunk {
        web: Page,
        retrieved as "retrievedContext": Page,
        maps: Page,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Page {
        uri: String,
        title: String,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Support {
        segment: Segment,
        chunks as "groundingChunkIndices": Vec<usize>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct Segment {
        start as "startIndex": u64,
        end as "endIndex": u64,
    }
}

/// How many searches the answers rest on.
pub(crate) fn searches(candidates: &[CandidateView]) -> Option<u64> {
    let queries = candidates.iter().filter_map(|candidate| {
        Some(read::<Grounding>(candidate.grounding_metadata.as_deref()?)?.queries?.len() as u64)
    });
    queries.reduce(|sum, count| sum + count).filter(|count| *count > 0)
}

/// The passages that rest on search results, as OpenAI's URL citations.
pub(crate) fn annotations(grounding: &RawValue) -> Option<Raw> {
    let grounding: Grounding = read(grounding)?;
    let chunks = grounding.chunks?;
    let mut citations = Vec::new();
    for support in grounding.supports.iter().flatten() {
        let Some(segment) = &support.segment else { continue };
        let pages = support.chunks.iter().flatten().filter_map(|at| {
            let chunk = chunks.get(*at)?;
            [&chunk.web, &chunk.retrieved, &chunk.maps].into_iter().find_map(Option::as_ref)
        });
        citations.extend(pages.map(|page| {
            let mut citation = Body::default()
                .with("start_index", &segment.start.unwrap_or(0))
                .with("end_index", &segment.end.unwrap_or(0));
            citation.some("url", page.uri.as_ref());
            citation.some("title", page.title.as_ref());
            Body::default()
                .with("type", "url_citation")
                .with("url_citation", &citation.into_raw())
                .into_json()
        }));
    }
    (!citations.is_empty()).then(|| raw(array(citations)))
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct LogprobsView {
        chosen as "chosenCandidates": Vec<TokenView>,
        top as "topCandidates": Vec<TopView>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct TopView {
        candidates: Vec<TokenView>,
    }
}

lenient_view! {
    #[derive(Clone, Debug, Default)]
    struct TokenView {
        token: String,
        probability as "logProbability": Raw,
    }
}

/// Log probabilities in OpenAI's shape.
pub(crate) fn logprobs(result: &RawValue) -> Option<Raw> {
    let view: LogprobsView = read(result)?;
    let top = view.top.unwrap_or_default();
    let token = |token: &TokenView| {
        let mut out = Body::default().with("token", token.token.as_deref().unwrap_or_default());
        out.some("logprob", token.probability.as_ref());
        out
    };
    let content = view
        .chosen?
        .iter()
        .enumerate()
        .map(|(at, chosen)| {
            let others = top.get(at).and_then(|top| top.candidates.as_ref());
            let others = others.into_iter().flatten().map(|other| token(other).into_json());
            let mut out = token(chosen);
            out.raw("top_logprobs", array(others));
            out.into_json()
        })
        .collect::<Vec<_>>();
    Some(raw(format!("{{\"content\":{}}}", array(content))))
}
