//! DeepInfra's own inference API: a score for each pair of query and document.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Measures, Raw, Reply, RerankReply, RerankResult, Result, Usage, hub::RerankRequest, json,
    json::raw, wire::view,
};

use crate::api::{Api, Asked, Members, lacking};

pub(crate) struct DeepInfra;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        scores: Option<Vec<Raw>>,
        input_tokens: Option<u64>,
        request_id: Option<String>,
    }
}

impl Api for DeepInfra {
    fn id(&self) -> &'static str {
        "deepinfra_rerank"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.rerank()?;
        let base = attempt.base();
        let base = base.strip_suffix("/openai").unwrap_or(&base);
        let documents: Vec<String> = request.documents.iter().map(RerankRequest::document_text).collect();
        let query = request.query_text().unwrap_or_default();
        let mut body = Members::default();
        body.put("queries", &vec![query; documents.len()]);
        body.put("documents", &documents);
        body.extra(attempt, &request.extra);
        Asked::json(attempt, format!("{base}/inference/{}", attempt.target.model), &body)
    }

    /// The scores stay in the order of the documents, all of them: so clients of other gateways know it.
    fn decode(&self, _attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let scores = answer.scores.ok_or_else(|| lacking("scores", &body))?;
        let results = (0..).zip(scores).map(|(index, score)| RerankResult { index, score, document: None });
        let input = answer.input_tokens.unwrap_or(0);
        let meta = format!(
            "{{\"billed_units\":{{\"total_tokens\":{input}}},\"tokens\":{{\"input_tokens\":{input},\
             \"output_tokens\":0}}}}"
        );
        Ok(Reply::Rerank(Box::new(RerankReply {
            id: answer.request_id.unwrap_or_default(),
            results: results.collect(),
            meta: Some(raw(meta)),
            usage: Some(Usage { input, ..Usage::measured(Measures { queries: 1, ..Measures::default() }) }),
            ..RerankReply::default()
        })))
    }
}
