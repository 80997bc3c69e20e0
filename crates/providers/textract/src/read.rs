//! A request to read a document, in Textract's words, and what it says.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use lockgate_core::{
    Attempt, Error, Measures, OcrPage, OcrReply, Reply, Result, Usage,
    data_url::DataUrl,
    json::{self, raw},
    whole::{Api, Asked, Members, foreign, lacking},
};
use lockgate_openai::documents;

use crate::{
    blocks::{Answer, Block, Index},
    layout,
};

/// How documents in buckets are named.
pub(crate) const BUCKETS: &str = "s3://";

const KIND: &str = "application/x-amz-json-1.1";
const TARGET: &str = "x-amz-target";
/// What is found if nobody says.
const FEATURES: [&str; 2] = ["LAYOUT", "TABLES"];

pub(crate) struct Read;

impl Api for Read {
    fn id(&self) -> &'static str {
        "aws_textract"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let request = attempt.call.ocr()?;
        let analyzes = match attempt.target.model.to_ascii_lowercase().as_str() {
            "detect-document-text" => false,
            "analyze-document" => true,
            other => {
                let message = format!(
                    "Amazon Textract has no `{other}`: use `detect-document-text` or `analyze-document`."
                );
                return Err(Error::bad_field("model", message));
            }
        };
        let mut body = Members::default();
        body.set("Document", &document(attempt)?.text());
        let mut dropped = Vec::new();
        for (name, value) in foreign(attempt, &request.extra) {
            match analyzes && name.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                true => body.set(name, value),
                false => dropped.push(name.to_owned()),
            }
        }
        dropped.extend(request.pages.as_ref().map(|_| "pages".to_owned()));
        if analyzes && !body.has("FeatureTypes") {
            body.put("FeatureTypes", &FEATURES);
        }
        let operation = if analyzes { "Textract.AnalyzeDocument" } else { "Textract.DetectDocumentText" };
        let mut asked = Asked::json(attempt, url(attempt), &body)?.with(TARGET, operation);
        KIND.clone_into(&mut asked.content_type);
        asked.notes.dropped = dropped;
        Ok(asked)
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let blocks = answer.blocks.ok_or_else(|| lacking("Blocks", &body))?;
        let pages = pages(&blocks);
        let counted = answer.metadata.and_then(|metadata| metadata.pages);
        let count = counted.unwrap_or(pages.len() as u64);
        Ok(Reply::Ocr(Box::new(OcrReply {
            model: attempt.target.model.to_string(),
            pages,
            usage_info: Some(raw(format!("{{\"pages_processed\":{count}}}"))),
            usage: Some(Usage::measured(Measures { pages: count, ..Measures::default() })),
            ..OcrReply::default()
        })))
    }
}

/// The document itself, or the bucket that holds it.
fn document(attempt: &Attempt<'_>) -> Result<Members> {
    let mut document = Members::default();
    let (_, url) = documents::address(attempt.call)?;
    if let Some(place) = url.strip_prefix(BUCKETS) {
        let named = place.split_once('/').filter(|(bucket, name)| !bucket.is_empty() && !name.is_empty());
        let (bucket, name) =
            named.ok_or_else(|| Error::bad_field("document", "Write `s3://BUCKET/NAME`."))?;
        let mut object = Members::default();
        object.put("Bucket", bucket);
        object.put("Name", name);
        document.set("S3Object", &object.text());
    } else if let Some(file) = attempt.media.0.get(&*url) {
        document.put("Bytes", &STANDARD.encode(&file.bytes));
    } else {
        let data = url.strip_prefix("data:").unwrap_or_default();
        let data = DataUrl::read(data).map_err(|error| error.with_param("document"))?;
        document.put("Bytes", data.base64);
    }
    Ok(document)
}

fn url(attempt: &Attempt<'_>) -> String {
    if attempt.target.custom_base {
        return format!("{}/", attempt.base().trim_end_matches('/'));
    }
    let region = lockgate_aws::region(attempt.target);
    format!("https://textract.{region}.{}/", lockgate_aws::domain(region))
}

fn pages(blocks: &[Block]) -> Vec<OcrPage> {
    let index = Index::of(blocks);
    let mut by_page: BTreeMap<u64, Vec<&Block>> = BTreeMap::new();
    for block in blocks {
        by_page.entry(block.page()).or_default().push(block);
    }
    let page = |(number, blocks): (u64, Vec<&Block>)| OcrPage {
        index: number.saturating_sub(1),
        markdown: layout::markdown(&blocks, &index),
        ..OcrPage::default()
    };
    by_page.into_iter().map(page).collect()
}
