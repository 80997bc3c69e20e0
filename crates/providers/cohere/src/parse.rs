//! Pictures of documents, read as Markdown or in blocks.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Measures, Memo, Notes, OcrPage, OcrReply, Payload, Raw, Reply, Result,
    Usage, json,
    whole::foreign,
    wire::{quote, view},
};

use crate::{
    PARSE, request,
    wire::{raw, read, to_raw},
};

/// What it can be told, besides the picture.
const TAKEN: [&str; 1] = ["output_format"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        pages: Option<Vec<Page>>,
        meta: Option<Meta>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Page {
        index: Option<u64>,
        markdown: Option<Raw>,
        blocks: Option<Vec<Raw>>,
    }
}

view! {
    /// What a page or a block says, by whatever name.
    #[derive(Clone, Debug, Default)]
    struct Said {
        content: Option<String>,
        html: Option<String>,
        description: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Block {
        text: Option<Raw>,
        table: Option<Raw>,
        image: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Meta {
        billed_units: Option<Billed>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Billed {
        pages: Option<u64>,
    }
}

/// The request to read a picture, sent to that URL.
///
/// # Errors
/// There is no picture.
pub fn encode(attempt: &Attempt<'_>, url: &str) -> Result<Encoded> {
    let asked = attempt.call.ocr()?;
    let mut body = Extra::new();
    body.push("model", to_raw(request::model(attempt)));
    body.push(
        "document",
        raw(format!("{{\"type\":\"image_url\",\"image_url\":{}}}", quote(&picture(attempt)?))),
    );
    let mut notes = Notes::default();
    for (name, value) in foreign(attempt, &asked.extra) {
        match TAKEN.contains(&name) {
            true => body.push(name, raw(value)),
            false => notes.dropped.push(name.to_owned()),
        }
    }
    notes.dropped.extend(asked.pages.as_ref().map(|_| "pages".to_owned()));
    for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
        body.push(name.as_str(), value.clone());
    }
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::bad_request(format!("The model's URL is not valid: {error}")))?;
    let (relay, withhold_usage) = (false, false);
    Ok(Encoded { request, format: PARSE, relay, withhold_usage, memo: Memo::default(), notes })
}

/// Where the picture is; what was fetched or came in a form is a `data:` URL.
fn picture(attempt: &Attempt<'_>) -> Result<String> {
    let data = |mime: &str, bytes: &Bytes| format!("data:{mime};base64,{}", STANDARD.encode(bytes));
    if attempt.call.upload.is_some() {
        let file = attempt.call.file("file")?;
        return Ok(data(file.mime(), &file.bytes()));
    }
    let document = attempt.call.ocr()?.document.as_ref().and_then(|document| document.url());
    let (_, url) = document.ok_or_else(|| {
        let message = "`document` must be `{\"type\": \"image_url\", \"image_url\": …}`; the address may be a \
                       `data:` URL. A form sends it as `file`.";
        Error::bad_field("document", message)
    })?;
    Ok(attempt.media.0.get(&url).map_or(url, |file| data(&file.mime, &file.bytes)))
}

/// Reads the answer.
///
/// # Errors
/// It has no pages.
pub fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let Some(pages) = answer.pages else {
        return Err(Error::invalid_response("The provider's answer has no pages.").with_body(body.clone()));
    };
    let billed = answer.meta.and_then(|meta| meta.billed_units?.pages);
    let count = billed.unwrap_or(pages.len() as u64);
    Ok(Reply::Ocr(Box::new(OcrReply {
        model: attempt.target.model.to_string(),
        pages: (0..).zip(pages).map(|(at, read)| page(at, read)).collect(),
        usage_info: Some(raw(format!("{{\"pages_processed\":{count}}}"))),
        usage: Some(Usage::measured(Measures { pages: count, ..Measures::default() })),
        ..OcrReply::default()
    })))
}

fn page(at: u64, page: Page) -> OcrPage {
    let mut extra = Extra::new();
    let markdown = match (&page.markdown, page.blocks) {
        (None, Some(blocks)) => {
            extra.push("blocks", to_raw(&blocks));
            blocks.iter().filter_map(block).collect::<Vec<_>>().join("\n\n")
        }
        (markdown, _) => markdown.as_ref().and_then(said).unwrap_or_default(),
    };
    OcrPage { index: page.index.unwrap_or(at), markdown, extra, ..OcrPage::default() }
}

fn block(block: &Raw) -> Option<String> {
    let Block { text, table, image, .. } = read(block)?;
    [text, table, image].iter().flatten().find_map(said)
}

/// A text, or an object with one.
fn said(value: &Raw) -> Option<String> {
    let text = read::<String>(value).or_else(|| {
        let said: Said = read(value)?;
        said.content.or(said.html).or(said.description)
    });
    text.filter(|text| !text.is_empty())
}
