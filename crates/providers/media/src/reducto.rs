//! Reducto: documents are uploaded, unless they have an address, and read in blocks that say on which page they are.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, Error, Exchange, Extra, Measures, OcrPage, OcrReply, Raw, Reply, Result, Step, Usage,
    data_url::DataUrl,
    json::{self, raw, read as read_raw, to_raw},
    wire::{FormWriter, PartHead, view},
};

use crate::{
    api::{Api, Asked, Members, foreign, lacking},
    jobs::post,
};

pub(crate) struct Reducto;

/// The older version has other words for what is wanted.
const LEGACY: &str = "parse-legacy";
/// What Mistral's clients may wish for and Reducto has no word for.
const UNKNOWN: [&str; 6] = [
    "include_image_base64",
    "image_limit",
    "image_min_size",
    "bbox_annotation_format",
    "document_annotation_format",
    "document_annotation_prompt",
];

view! {
    #[derive(Clone, Debug, Default)]
    struct Uploaded {
        file_id: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        result: Option<Found>,
        usage: Option<Counted>,
    }
}

view! {
    /// The chunks, or where they are if they are many.
    #[derive(Clone, Debug, Default)]
    struct Found {
        kind as "type": Option<String>,
        url: Option<String>,
        chunks: Option<Vec<Chunk>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Chunk {
        content: Option<String>,
        blocks: Option<Vec<Raw>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Block {
        content: Option<String>,
        bbox: Option<Place>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Place {
        page: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Counted {
        num_pages: Option<u64>,
        credits: Option<f64>,
    }
}

impl Api for Reducto {
    fn id(&self) -> &'static str {
        "reducto"
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Asked> {
        let mut asked = match Source::of(attempt)? {
            Source::Address(address) => {
                let mut wishes = wishes(attempt)?;
                wishes.put(document_member(attempt), &address);
                Asked::json(attempt, url(attempt, "parse"), &wishes)?
            }
            Source::Form(form) => Asked::form(url(attempt, "upload"), form),
        };
        let extra = &attempt.call.ocr()?.extra;
        asked.notes.dropped = foreign(attempt, extra)
            .filter(|(name, _)| UNKNOWN.contains(name))
            .map(|(name, _)| name.to_owned())
            .collect();
        Ok(asked)
    }

    fn exchange(&self, attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        let uploads = matches!(Source::of(attempt).ok()?, Source::Form(_));
        let mut wishes = wishes(attempt).ok()?;
        for (name, value) in attempt.target.extra_body.iter().chain(&attempt.call.options.extra_body) {
            wishes.set(name, value.get());
        }
        let at = if uploads { At::Uploaded } else { At::Read };
        let (member, url) = (document_member(attempt), url(attempt, "parse"));
        Some(Box::new(Reading { at, member, url, wishes }))
    }

    fn decode(&self, attempt: &Attempt<'_>, body: Bytes) -> Result<Reply> {
        let answer: Answer = json::answer(&body)?;
        let chunks = answer.result.and_then(|found| found.chunks).ok_or_else(|| lacking("chunks", &body))?;
        let pages = pages(chunks);
        let counted = answer.usage.unwrap_or_default();
        let count = counted.num_pages.unwrap_or(pages.len() as u64);
        let mut info = Members::default();
        info.put("pages_processed", &count);
        info.maybe("credits", counted.credits.as_ref());
        // Saturates for what is no amount.
        let millicredits = counted.credits.map_or(0, |credits| (credits * 1000.0).round() as u64);
        let measures = Measures { pages: count, millicredits, ..Measures::default() };
        Ok(Reply::Ocr(Box::new(OcrReply {
            model: attempt.target.model.to_string(),
            pages,
            usage_info: Some(raw(info.text())),
            usage: Some(Usage::measured(measures)),
            ..OcrReply::default()
        })))
    }
}

/// Where the document is.
enum Source {
    /// At an address of anybody's, or with Reducto already.
    Address(String),
    /// With us.
    Form(FormWriter),
}

impl Source {
    /// # Errors
    /// There is no document, or it cannot be read.
    fn of(attempt: &Attempt<'_>) -> Result<Self> {
        if let Some(upload) = &attempt.call.upload {
            let file = attempt.call.file("file")?;
            let mut form = FormWriter::new(&*upload.boundary);
            form.file(&file.head, &file.content);
            return Ok(Self::Form(form));
        }
        let document = attempt.call.ocr()?.document.as_ref().and_then(|document| document.url());
        let Some((_, address)) = document else {
            let message = "`document` must be `{\"type\": \"document_url\", \"document_url\": …}`, or the same with \
                           `image_url`. A form sends it as `file`.";
            return Err(Error::bad_field("document", message));
        };
        let Some(data) = address.strip_prefix("data:") else { return Ok(Self::Address(address)) };
        let unreadable = |_| Error::bad_field("document", "The document's data URL holds no valid base64.");
        let DataUrl { mime, base64 } = DataUrl::read(data).map_err(|error| error.with_param("document"))?;
        let content = STANDARD.decode(base64).map_err(unreadable)?;
        // Reducto tells what a file is by the end of its name.
        let end = mime.rsplit_once('/').map_or("pdf", |(_, end)| end);
        let head = PartHead {
            name: "file".to_owned(),
            filename: Some(format!("document.{end}")),
            content_type: Some(mime.to_owned()),
        };
        let mut form = FormWriter::new(format!("lockgate-{}", attempt.call.id));
        form.file(&head, &Bytes::from(content).into());
        Ok(Self::Form(form))
    }
}

fn is_legacy(attempt: &Attempt<'_>) -> bool {
    &*attempt.target.model == LEGACY
}

fn document_member(attempt: &Attempt<'_>) -> &'static str {
    if is_legacy(attempt) { "document_url" } else { "input" }
}

fn url(attempt: &Attempt<'_>, verb: &str) -> String {
    let base = attempt.base();
    let base = base.strip_suffix("/parse").unwrap_or(&base);
    format!("{base}/{verb}")
}

/// How the document is to be read.
///
/// # Errors
/// The pages are not said in numbers.
fn wishes(attempt: &Attempt<'_>) -> Result<Members> {
    let request = attempt.call.ocr()?;
    let mut wishes = Members::default();
    for (name, value) in foreign(attempt, &request.extra).filter(|(name, _)| !UNKNOWN.contains(name)) {
        wishes.set(name, &json(attempt, value));
    }
    let legacy = is_legacy(attempt);
    if legacy
        && !wishes.has("options")
        && let Some(enhance) = wishes.take("enhance")
    {
        let mut options = Members::default();
        options.set("enhance", enhance.get());
        wishes.set("options", &options.text());
    }
    if let Some(range) = request.pages.as_ref().filter(|pages| pages.get() != "null") {
        let (place, range) = (if legacy { "advanced_options" } else { "settings" }, range_of(range)?);
        let mut settings: Extra = wishes.take(place).and_then(|own| read_raw(&own)).unwrap_or_default();
        if !settings.contains("page_range") {
            settings.push("page_range", to_raw(&range));
        }
        wishes.put(place, &settings);
    }
    Ok(wishes)
}

/// A form's fields are texts; what is no text in them is JSON here.
fn json(attempt: &Attempt<'_>, value: &str) -> String {
    if attempt.call.upload.is_none() {
        return value.to_owned();
    }
    let text = crate::api::plain(value);
    let json = serde_json::from_str::<Raw>(&text).is_ok_and(|json| !json.get().starts_with('"'));
    if json { text } else { value.to_owned() }
}

/// Clients count from zero, Reducto from one.
///
/// # Errors
/// It is no list of numbers.
fn range_of(pages: &Raw) -> Result<Vec<u64>> {
    let numbers: Option<Vec<u64>> = read_raw(pages).or_else(|| {
        let text: String = read_raw(pages)?;
        serde_json::from_str(&text).ok()
    });
    let numbers =
        numbers.ok_or_else(|| Error::bad_field("pages", "`pages` must be a list of numbers from zero."))?;
    Ok(numbers.into_iter().map(|number| number.saturating_add(1)).collect())
}

/// What the last answer was about.
enum At {
    Uploaded,
    Read,
    /// The chunks were fetched; this was consumed for them.
    Fetched(Option<Raw>),
}

struct Reading {
    at: At,
    member: &'static str,
    url: String,
    wishes: Members,
}

impl Exchange for Reading {
    fn next(&mut self, _head: &Parts, body: &Bytes) -> Result<Step> {
        match &self.at {
            At::Uploaded => {
                let id = json::answer::<Uploaded>(body)?.file_id.ok_or_else(|| lacking("file_id", body))?;
                self.wishes.put(self.member, &id);
                self.at = At::Read;
                let request = post(&self.url, self.wishes.text())?;
                Ok(Step::Send { request, after: Duration::ZERO })
            }
            At::Read => {
                let answer: Answer = json::answer(body)?;
                let found = answer.result.unwrap_or_default();
                match found.url.filter(|_| found.chunks.is_none()) {
                    Some(url) => {
                        self.at = At::Fetched(answer.usage.as_ref().map(to_raw));
                        Ok(Step::File(url))
                    }
                    None => Ok(Step::Done),
                }
            }
            At::Fetched(usage) => {
                let file: Raw = json::answer(body)?;
                let mut answer = Members::default();
                match file.get().starts_with('[') {
                    true => answer.set("result", &format!("{{\"chunks\":{file}}}")),
                    false => answer.set("result", file.get()),
                }
                answer.maybe("usage", usage.as_ref());
                Ok(Step::Answer(answer.text().into()))
            }
        }
    }
}

/// Blocks by their pages; where no block says its page, the chunks are one page.
fn pages(chunks: Vec<Chunk>) -> Vec<OcrPage> {
    let mut by_page: BTreeMap<u64, Vec<(Option<String>, Raw)>> = BTreeMap::new();
    let mut whole = Vec::new();
    for chunk in chunks {
        whole.extend(chunk.content);
        for raw in chunk.blocks.unwrap_or_default() {
            let block: Block = read_raw(&raw).unwrap_or_default();
            if let Some(page) = block.bbox.and_then(|place| place.page) {
                by_page.entry(page).or_default().push((block.content, raw));
            }
        }
    }
    if by_page.is_empty() {
        let markdown = joined(whole);
        return if markdown.is_empty() {
            Vec::new()
        } else {
            vec![OcrPage { markdown, ..OcrPage::default() }]
        };
    }
    let page = |(number, blocks): (u64, Vec<(Option<String>, Raw)>)| {
        let (texts, blocks): (Vec<_>, Vec<_>) = blocks.into_iter().unzip();
        let mut extra = Extra::new();
        extra.push("blocks", to_raw(&blocks));
        let markdown = joined(texts.into_iter().flatten());
        OcrPage { index: number.saturating_sub(1), markdown, extra, ..OcrPage::default() }
    };
    by_page.into_iter().map(page).collect()
}

fn joined(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}
