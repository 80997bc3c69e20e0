//! Documents by relevance: the Rerank API of Bedrock's agent runtime.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use lockgate_aws::Scope;
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Measures, Memo, Notes, Raw, Reply, RerankReply, RerankResult,
    Result, Usage,
    hub::RerankRequest,
    json::{self, raw, to_raw},
    wire::{quote, view},
};

use crate::model::{Model, address};

/// Rankings.
pub(crate) const RANK: Format = Format("bedrock.rerank");
/// Documents that are billed as one query.
const DOCUMENTS_OF_A_QUERY: usize = 100;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        results: Option<Vec<Ranked>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Ranked {
        index: u64,
        score as "relevanceScore": Option<Raw>,
        document: Option<Document>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Document {
        text as "textDocument": Option<Raw>,
        json as "jsonDocument": Option<Raw>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let given = attempt.call.rerank()?;
    let Some(query) = given.query_text() else {
        return Err(Error::bad_field(
            "query",
            "`query` is missing, or is no text: Bedrock takes texts only.",
        ));
    };
    let region = model.region(attempt.target).to_owned();
    let sources: Vec<Raw> = given.documents.iter().map(source).collect();
    let most = given.top_n.unwrap_or(given.documents.len() as u64);
    let mut body = Extra::new();
    body.push("queries", raw(format!(r#"[{{"type":"TEXT","textQuery":{{"text":{}}}}}]"#, quote(&query))));
    body.push("sources", to_raw(&sources));
    let ranking = ranking(attempt, given, &resource(model, &region), most);
    body.push("rerankingConfiguration", ranking);
    let added = attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body);
    added.for_each(|(name, value)| body.push(name.as_str(), value.clone()));

    let mut request = Request::new(to_raw(&body).get().to_owned().into());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri(attempt, &region)?;
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Scope { service: "bedrock", region });
    let notes = Notes { dropped: dropped(given), ..Notes::default() };
    Ok(Encoded { request, format: RANK, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// A document: a text, or an object as it is.
fn source(document: &Raw) -> Raw {
    let inline = if document.get().starts_with('{') {
        format!(r#"{{"type":"JSON","jsonDocument":{}}}"#, document.get())
    } else {
        let text = RerankRequest::document_text(document);
        format!(r#"{{"type":"TEXT","textDocument":{{"text":{}}}}}"#, quote(&text))
    };
    raw(format!(r#"{{"type":"INLINE","inlineDocumentSource":{inline}}}"#))
}

/// Which model ranks, and how. What only the model itself understands is passed on to it.
fn ranking(attempt: &Attempt<'_>, given: &RerankRequest, resource: &str, most: u64) -> Raw {
    let options = &attempt.call.options;
    let unwanted = attempt.policy();
    let mut own = Extra::new();
    for (name, value) in given.extra.iter() {
        let drops = unwanted.additional_drop_params.iter().any(|unwanted| unwanted == name);
        if !options.consumed.contains(&name) && !drops && value.get() != "null" {
            own.push(name, value.to_owned());
        }
    }
    let mut model = Extra::new();
    model.push("modelArn", to_raw(resource));
    if own.iter().next().is_some() {
        model.push("additionalModelRequestFields", to_raw(&own));
    }
    raw(format!(
        r#"{{"type":"BEDROCK_RERANKING_MODEL","bedrockRerankingConfiguration":{{"modelConfiguration":{},"numberOfResults":{most}}}}}"#,
        to_raw(&model).get()
    ))
}

/// The API has no other name for a model than this.
fn resource(model: &Model<'_>, region: &str) -> String {
    if model.id.starts_with("arn:") {
        return model.id.to_owned();
    }
    let partition = match region.split('-').next() {
        Some("cn") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:bedrock:{region}::foundation-model/{}", model.id)
}

/// The agents' runtime is beside that of the models.
fn uri(attempt: &Attempt<'_>, region: &str) -> Result<Uri> {
    let root = address(attempt, region).replacen("//bedrock-runtime.", "//bedrock-agent-runtime.", 1);
    let url = format!("{}/rerank", root.trim_end_matches('/'));
    url.parse().map_err(|_| Error::bad_request(format!("The URL `{url}` is not valid.")))
}

/// What the API has no word for.
fn dropped(given: &RerankRequest) -> Vec<String> {
    let said = [
        ("max_chunks_per_doc", given.max_chunks_per_doc.is_some()),
        ("max_tokens_per_doc", given.max_tokens_per_doc.is_some()),
        ("rank_fields", given.rank_fields.is_some()),
    ];
    said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name.to_owned()).collect()
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let Some(results) = answer.results else {
        return Err(
            Error::invalid_response("The provider's answer has no `results`.").with_body(body.clone())
        );
    };
    let given = attempt.call.rerank()?;
    let wanted = given.return_documents.unwrap_or(false);
    let results = results.into_iter().map(|ranked| RerankResult {
        index: ranked.index,
        score: ranked.score.unwrap_or_else(|| raw("0")),
        document: ranked.document.filter(|_| wanted).and_then(|document| document.text.or(document.json)),
    });
    let queries = given.documents.len().div_ceil(DOCUMENTS_OF_A_QUERY).max(1) as u64;
    Ok(Reply::Rerank(Box::new(RerankReply {
        results: results.collect(),
        meta: Some(raw(format!(r#"{{"billed_units":{{"search_units":{queries}}}}}"#))),
        usage: Some(Usage::measured(Measures { queries, ..Measures::default() })),
        ..RerankReply::default()
    })))
}
