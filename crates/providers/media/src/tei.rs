//! Hugging Face's text embeddings inference.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Raw, Reply, RerankReply, RerankResult, Result, hub::RerankRequest, json, json::raw, wire::view,
};

use crate::api::{Api, Asked, Members};

pub(crate) struct Tei;

view! {
    #[derive(Clone, Debug, Default)]
    struct Ranked {
        index: u64,
        score: Option<Raw>,
        text: Option<Raw>,
    }
}

impl Api for Tei {
    fn id(&self) -> &'static str {
        "tei_rerank"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.rerank()?;
        let base = attempt.base();
        let url = if base.ends_with("/rerank") { base.into_owned() } else { format!("{base}/rerank") };
        let texts: Vec<String> = request.documents.iter().map(RerankRequest::document_text).collect();
        let mut body = Members::default();
        body.put("query", &request.query_text().unwrap_or_default());
        body.put("texts", &texts);
        body.put("raw_scores", &false);
        body.put("return_text", &request.return_documents.unwrap_or(false));
        body.extra(attempt, &request.extra);
        Asked::json(attempt, url, &body)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let ranked: Vec<Ranked> = json::answer(&body)?;
        let most = attempt.call.rerank()?.top_n.and_then(|top| usize::try_from(top).ok());
        let results = ranked.into_iter().take(most.unwrap_or(usize::MAX)).map(|ranked| RerankResult {
            index: ranked.index,
            score: ranked.score.unwrap_or_else(|| raw("0")),
            document: ranked.text.map(|text| raw(format!("{{\"text\":{}}}", text.get()))),
        });
        Ok(Reply::Rerank(Box::new(RerankReply { results: results.collect(), ..RerankReply::default() })))
    }
}
