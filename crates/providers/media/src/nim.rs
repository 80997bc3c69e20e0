//! NVIDIA's retrieval service.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Measures, Raw, Reply, RerankReply, RerankResult, Result, Usage,
    hub::RerankRequest,
    json::{self, raw, to_raw},
    wire::view,
};

use crate::api::{Api, Asked, Members, lacking};

/// Where it is for those who name no address: not where the chats are.
const HOME: &str = "https://ai.api.nvidia.com";

pub(crate) struct Nim;

view! {
    #[derive(Clone, Debug, Default)]
    struct Text {
        text: String,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        rankings: Option<Vec<Ranking>>,
        usage: Tokens,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Ranking {
        index: u64,
        logit: Option<Raw>,
        score: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Tokens {
        total_tokens: Option<u64>,
    }
}

fn text(text: String) -> Text {
    Text { text, ..Text::default() }
}

impl Api for Nim {
    fn id(&self) -> &'static str {
        "nim_rerank"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let (request, model) = (attempt.call.rerank()?, &attempt.target.model);
        let base = if attempt.target.custom_base { &*attempt.target.base } else { HOME };
        let base = base.strip_suffix("/v1").unwrap_or(base);
        let passages: Vec<Text> =
            request.documents.iter().map(|one| text(RerankRequest::document_text(one))).collect();
        let mut body = Members::default();
        body.put("model", &spoken(model));
        body.put("query", &text(request.query_text().unwrap_or_default()));
        body.put("passages", &passages);
        body.maybe("top_k", request.top_n.as_ref());
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{base}/v1/retrieval/{model}/reranking"), &body)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let rankings = answer.rankings.ok_or_else(|| lacking("rankings", &body))?;
        let documents = &attempt.call.rerank()?.documents;
        let total = answer.usage.total_tokens.unwrap_or(rankings.len() as u64);
        let results = rankings.into_iter().map(|ranking| RerankResult {
            index: ranking.index,
            score: ranking.logit.or(ranking.score).unwrap_or_else(|| raw("0")),
            document: usize::try_from(ranking.index)
                .ok()
                .and_then(|index| documents.get(index))
                .map(|document| to_raw(&text(RerankRequest::document_text(document)))),
        });
        Ok(Reply::Rerank(Box::new(RerankReply {
            results: results.collect(),
            meta: Some(raw(format!("{{\"billed_units\":{{\"total_tokens\":{total}}}}}"))),
            usage: Some(Usage {
                input: answer.usage.total_tokens.unwrap_or(0),
                ..Usage::measured(Measures { queries: 1, ..Measures::default() })
            }),
            ..RerankReply::default()
        })))
    }
}

/// Names in paths have underscores where the models' own have dots: `llama-3_2`.
fn spoken(model: &str) -> String {
    let digit = |at: Option<char>| at.is_some_and(|char| char.is_ascii_digit());
    let chars: Vec<char> = model.chars().collect();
    let spoken = chars.iter().enumerate().map(|(at, char)| {
        let between = digit(at.checked_sub(1).and_then(|before| chars.get(before)).copied())
            && digit(chars.get(at + 1).copied());
        if *char == '_' && between { '.' } else { *char }
    });
    spoken.collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn dots_between_digits() {
        assert_eq!(super::spoken("nvidia/llama-3_2-nv_x-1b-v2"), "nvidia/llama-3.2-nv_x-1b-v2");
    }
}
