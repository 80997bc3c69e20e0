//! Azure's Document Intelligence: a job that is asked for until it is done.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header, response::Parts};
use lockgate_core::{
    Attempt, Encoded, Error, ErrorKind, Exchange, Format, Measures, Memo, Notes, OcrPage, OcrReply, Origin,
    Payload, Reply, Result, Step, Usage,
    json::{self, raw, read},
    refusal::Refusal,
    uri::escaped,
    wire::{quote, view},
};
use lockgate_openai::documents;

use crate::credentials::Place;

/// Answers of a finished job.
pub(crate) const ANALYSIS: Format = Format("azure.document_analysis");
/// Before the name of one of its models.
const ROUTE: &str = "doc-intelligence/";
const VERSION: &str = "2024-11-30";
/// Where the job is, as the first answer says.
const OPERATION: &str = "operation-location";
/// How long to wait where nobody says.
const WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Sizes come in inches; clients expect pixels.
const DPI: f64 = 96.0;

view! {
    #[derive(Clone, Debug, Default)]
    struct Job {
        status: Option<String>,
        error: Option<lockgate_core::Raw>,
        result as "analyzeResult": Option<Analysis>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Analysis {
        pages: Option<Vec<Page>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Page {
        number as "pageNumber": Option<u64>,
        width: Option<f64>,
        height: Option<f64>,
        unit: Option<String>,
        lines: Option<Vec<Line>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Line {
        content: Option<String>,
    }
}

/// Whether the model is one of the service's.
pub(crate) fn knows(model: &str) -> bool {
    model.starts_with(ROUTE)
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    let (target, request) = (attempt.target, attempt.call.ocr()?);
    let (_, url) = documents::address(attempt.call)?;
    let body = match url.strip_prefix("data:") {
        Some(data) => {
            let content = data.split_once(',').map_or(data, |(_, content)| content);
            format!("{{\"base64Source\":{}}}", quote(content))
        }
        None => format!("{{\"urlSource\":{}}}", quote(&url)),
    };
    let model = target.model.strip_prefix(ROUTE).unwrap_or(&target.model);
    let version = escaped(target.param("api_version").unwrap_or(VERSION));
    let base = attempt.base();
    let mut place = format!(
        "{base}/documentintelligence/documentModels/{}:analyze?api-version={version}",
        escaped(model)
    );
    if let Some(pages) = pages(attempt)? {
        place.push_str(&format!("&pages={}", escaped(&pages)));
    }
    let mut encoded = Request::post(place)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(body))
        .map_err(|error| Error::bad_request(format!("The upstream's URL is invalid: {error}")))?;
    encoded.extensions_mut().insert(Place::Subscription);
    let own = |name: &&str| attempt.call.options.consumed.contains(name);
    let dropped = request.extra.iter().map(|(name, _)| name).filter(|name| !own(name));
    let notes = Notes { dropped: dropped.map(str::to_owned).collect(), ..Notes::default() };
    Ok(Encoded {
        request: encoded,
        format: ANALYSIS,
        relay: false,
        withhold_usage: false,
        memo: Memo::default(),
        notes,
    })
}

/// The pages that are wanted: clients count from zero, or write the service's own form.
fn pages(attempt: &Attempt<'_>) -> Result<Option<String>> {
    let Some(wanted) = &attempt.call.ocr()?.pages else { return Ok(None) };
    let text = match (read::<Vec<u64>>(wanted), read::<Vec<String>>(wanted), read::<String>(wanted)) {
        (Some(mut numbers), ..) => {
            numbers.sort_unstable();
            numbers.dedup();
            let numbers = numbers.iter().map(|number| number.saturating_add(1).to_string());
            numbers.collect::<Vec<_>>().join(",")
        }
        (_, Some(texts), _) => texts.join(","),
        (.., Some(text)) => text,
        _ => {
            return Err(Error::bad_field(
                "pages",
                "`pages` must be a list of numbers, or a text like `1-3,5`.",
            ));
        }
    };
    let text: String = text.chars().filter(|letter| *letter != ' ').collect();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

pub(crate) fn exchange(attempt: &Attempt<'_>) -> Box<dyn Exchange> {
    Box::new(Watching { base: attempt.base().into_owned(), place: None })
}

/// A job under way.
struct Watching {
    base: String,
    place: Option<Uri>,
}

impl Exchange for Watching {
    fn next(&mut self, head: &Parts, body: &Bytes) -> Result<Step> {
        if let Some(place) = head.headers.get(OPERATION).filter(|_| self.place.is_none()) {
            self.place = place.to_str().ok().and_then(|url| trusted(&self.base, url));
        } else {
            match parse(body)?.status.as_deref() {
                Some("succeeded") => return Ok(Step::Done),
                Some("failed" | "canceled") => return Err(failed(body)),
                _ => {}
            }
        }
        let Some(place) = self.place.clone() else {
            return Err(Error::invalid_response("The provider's answer does not say where the job is."));
        };
        let mut request = Request::new(Payload::new());
        *request.uri_mut() = place;
        request.extensions_mut().insert(Place::Subscription);
        Ok(Step::Send { request, after: wait(head) })
    }
}

fn wait(head: &Parts) -> Duration {
    let told =
        head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    told.map_or(WAIT, Duration::from_secs).min(LONGEST_WAIT)
}

/// The key goes where it went before, and nowhere else.
fn trusted(base: &str, url: &str) -> Option<Uri> {
    let (base, url) = (base.parse::<Uri>().ok()?, url.parse::<Uri>().ok()?);
    (base.scheme() == url.scheme() && base.authority() == url.authority()).then_some(url)
}

fn parse(body: &Bytes) -> Result<Job> {
    json::answer(body)
}

fn failed(body: &Bytes) -> Error {
    let said = Refusal::of_body(body);
    let reason = if said.message.is_empty() { "no reason was given" } else { &said.message };
    let message = format!("The document could not be read: {reason}");
    Error::new(ErrorKind::Unprocessable, Origin::Upstream, message).with_body(body.clone())
}

pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let job = parse(body)?;
    let Some(pages) = job.result.and_then(|result| result.pages) else {
        return Err(Error::invalid_response("The provider's answer has no pages.").with_body(body.clone()));
    };
    let count = pages.len() as u64;
    let pages = pages.into_iter().enumerate().map(|(at, page)| OcrPage {
        index: page.number.map_or(at as u64, |number| number.saturating_sub(1)),
        dimensions: dimensions(&page),
        markdown: text(page.lines.unwrap_or_default()),
        ..OcrPage::default()
    });
    Ok(Reply::Ocr(Box::new(OcrReply {
        model: attempt.target.model.to_string(),
        pages: pages.collect(),
        usage_info: Some(raw(format!("{{\"pages_processed\":{count}}}"))),
        usage: Some(Usage::measured(Measures { pages: count, ..Measures::default() })),
        ..OcrReply::default()
    })))
}

fn text(lines: Vec<Line>) -> String {
    lines.into_iter().map(|line| line.content.unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn dimensions(page: &Page) -> Option<lockgate_core::Raw> {
    let scale = if page.unit.as_deref().unwrap_or("inch") == "inch" { DPI } else { 1.0 };
    // Saturates for what is no size.
    let pixels = |size: f64| (size * scale) as u64;
    let (width, height) = (pixels(page.width?), pixels(page.height?));
    Some(raw(format!("{{\"dpi\":{DPI},\"height\":{height},\"width\":{width}}}")))
}

#[cfg(test)]
mod tests {
    use super::trusted;

    #[test]
    fn the_key_stays_where_it_was() {
        let base = "https://a.cognitiveservices.azure.com";
        assert!(trusted(base, "https://a.cognitiveservices.azure.com/x?y=1").is_some());
        for url in ["http://a.cognitiveservices.azure.com/x", "https://b.example/x", "/x", ""] {
            assert!(trusted(base, url).is_none(), "{url}");
        }
    }
}
