//! The ranking API of Discovery Engine.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Measures, Memo, Notes, Raw, Reply, RerankReply, RerankResult, Result,
    Usage,
    hub::RerankRequest,
    json::{raw, to_raw},
    wire::{quote, view},
};

use crate::{RANK, speech};

/// Where it is: not where the models are, nor where an operator has moved them.
const HOME: &str = "https://discoveryengine.googleapis.com/v1";
/// Records that are billed as one query.
const RECORDS_OF_A_QUERY: usize = 100;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        records: Option<Vec<Record>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Record {
        id: Option<String>,
        title: Option<String>,
        content: Option<String>,
        score: Option<Raw>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (target, request) = (attempt.target, attempt.call.rerank()?);
    let Some(project) = target.param("vertex_project") else {
        return Err(Error::bad_request("Ranking needs a project: `vertex_project`, or VERTEXAI_PROJECT."));
    };
    let records: Vec<Record> = request.documents.iter().enumerate().map(record).collect();
    let mut body = Extra::new();
    body.push("model", to_raw(&*target.model));
    body.push("query", to_raw(&request.query_text().unwrap_or_default()));
    body.push("records", to_raw(&records));
    if let Some(most) = request.top_n {
        body.push("topN", to_raw(&most));
    }
    body.push("ignoreRecordDetailsInResponse", to_raw(&!request.return_documents.unwrap_or(false)));
    let url =
        format!("{HOME}/projects/{project}/locations/global/rankingConfigs/default_ranking_config:rank");
    Ok(Encoded {
        request: speech::post(attempt, &url, &body)?,
        format: RANK,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes: Notes::default(),
    })
}

/// A document under its number; where it has no title, its first words are one.
fn record((at, document): (usize, &Raw)) -> Record {
    #[derive(serde::Deserialize)]
    struct Titled {
        title: String,
    }
    let content = RerankRequest::document_text(document);
    let own = serde_json::from_str::<Titled>(document.get()).map(|titled| titled.title);
    let title = own.unwrap_or_else(|_| content.split(' ').take(3).collect::<Vec<_>>().join(" "));
    Record { id: Some(at.to_string()), title: Some(title), content: Some(content), ..Record::default() }
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let malformed = |why: String| Error::invalid_response(why).with_body(body.clone());
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|why| malformed(format!("The provider's answer cannot be read: {why}")))?;
    let Some(records) = answer.records else {
        return Err(malformed("The provider's answer has no `records`.".to_owned()));
    };
    let request = attempt.call.rerank()?;
    let wanted = request.return_documents.unwrap_or(false);
    let results = records.into_iter().enumerate().map(|(at, record)| RerankResult {
        index: record.id.and_then(|id| id.parse().ok()).unwrap_or(at as u64),
        score: record.score.unwrap_or_else(|| raw("0")),
        document: record.content.filter(|_| wanted).map(|text| raw(format!("{{\"text\":{}}}", quote(&text)))),
    });
    let queries = request.documents.len().div_ceil(RECORDS_OF_A_QUERY).max(1) as u64;
    Ok(Reply::Rerank(Box::new(RerankReply {
        results: results.collect(),
        meta: Some(raw(format!("{{\"billed_units\":{{\"search_units\":{queries}}}}}"))),
        usage: Some(Usage::measured(Measures { queries, ..Measures::default() })),
        ..RerankReply::default()
    })))
}
