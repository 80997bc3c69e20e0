use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{
    Error, Extra, Money, OcrPage, OcrReply, Raw, Result, SearchResult, Usage,
    hub::{Document, OcrRequest, SearchRequest},
};
use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;

use crate::Meta;

/// A search of the web.
///
/// ```
/// # use lockgate_client::{Client, Result, Search};
/// # async fn show(client: &Client) -> Result<()> {
/// let rust = Search::new("tavily/search", "Rust 2024 edition").max_results(3).domain("rust-lang.org");
/// let found = client.search(rust).await?;
/// for page in &found.results {
///     println!("{}: {}\n{}", page.title, page.url, page.snippet);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a request does nothing until a client sends it"]
pub struct Search {
    /// The request as it is sent.
    pub request: SearchRequest,
    problem: Option<Error>,
}

impl Search {
    /// A search by that engine, named as `engine/search` or by a deployment's public name.
    pub fn new(model: impl Into<String>, query: impl Into<String>) -> Self {
        let query = to_raw_value(&query.into()).ok();
        Self {
            request: SearchRequest { model: model.into(), query, ..SearchRequest::default() },
            problem: None,
        }
    }

    /// Wants at most so many pages.
    pub fn max_results(mut self, count: u64) -> Self {
        self.request.max_results = Some(count);
        self
    }

    /// Wants pages of that domain, and of others that are named so; `-` before it leaves its pages out.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.request.search_domain_filter.get_or_insert_default().push(domain.into());
        self
    }

    /// Wants what is found from that country, by its two letters.
    pub fn country(mut self, letters: impl Into<String>) -> Self {
        self.request.country = Some(letters.into());
        self
    }

    /// Wants at most so much of each page.
    pub fn max_tokens_per_page(mut self, count: u64) -> Self {
        self.request.max_tokens_per_page = Some(count);
        self
    }

    /// Sets any other member of the request: the engine's own.
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        put(&mut self.request.extra, &mut self.problem, name, &value);
        self
    }

    pub(crate) fn checked(&self) -> Result<&SearchRequest> {
        self.problem.as_ref().map_or(Ok(&self.request), |problem| Err(problem.clone()))
    }
}

/// Pages of the web, the best first.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was found.
    pub results: Vec<SearchResult>,
    /// How it was come by.
    pub meta: Meta,
}

impl Found {
    /// What the call cost, if there is a price.
    pub fn cost(&self) -> Option<Money> {
        self.meta.cost()
    }
}

/// A document that is to be read.
///
/// ```
/// # use lockgate_client::{Client, Ocr, Result};
/// # async fn show(client: &Client, letter: &[u8]) -> Result<()> {
/// let paper = Ocr::new("mistral/mistral-ocr-latest").document("https://arxiv.org/pdf/2201.04234").pages([0, 1]);
/// println!("{}", client.ocr(paper).await?.markdown());
/// let read = client.ocr(Ocr::new("aws_textract/analyze-document").file("application/pdf", letter)).await?;
/// println!("{} pages for {:?}", read.pages().len(), read.cost());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a request does nothing until a client sends it"]
pub struct Ocr {
    /// The request as it is sent.
    pub request: OcrRequest,
    problem: Option<Error>,
}

impl Ocr {
    /// Read by that model, named as `provider/model` or by a deployment's public name.
    pub fn new(model: impl Into<String>) -> Self {
        Self { request: OcrRequest { model: model.into(), ..OcrRequest::default() }, problem: None }
    }

    /// The document at that address.
    pub fn document(mut self, url: impl Into<String>) -> Self {
        let kind = Some("document_url".to_owned());
        self.request.document =
            Some(Document { kind, document_url: Some(url.into()), ..Document::default() });
        self
    }

    /// The picture at that address.
    pub fn image(mut self, url: impl Into<String>) -> Self {
        let (kind, image_url) = (Some("image_url".to_owned()), to_raw_value(&url.into()).ok());
        self.request.document = Some(Document { kind, image_url, ..Document::default() });
        self
    }

    /// The document itself, of that type: `application/pdf`, `image/png`.
    pub fn file(self, mime: &str, content: impl AsRef<[u8]>) -> Self {
        let url = format!("data:{mime};base64,{}", STANDARD.encode(content));
        if mime.starts_with("image/") { self.image(url) } else { self.document(url) }
    }

    /// Wants these pages; the first is 0.
    pub fn pages(mut self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.request.pages = to_raw_value(&numbers.into_iter().collect::<Vec<_>>()).ok();
        self
    }

    /// Sets any other member of the request: `include_image_base64`, or the provider's own.
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        put(&mut self.request.extra, &mut self.problem, name, &value);
        self
    }

    pub(crate) fn checked(&self) -> Result<&OcrRequest> {
        self.problem.as_ref().map_or(Ok(&self.request), |problem| Err(problem.clone()))
    }
}

/// A document, read.
#[derive(Clone, Debug)]
pub struct OcrAnswer {
    /// The answer in full.
    pub reply: OcrReply,
    /// How it was come by.
    pub meta: Meta,
}

impl OcrAnswer {
    /// Its pages.
    pub fn pages(&self) -> &[OcrPage] {
        &self.reply.pages
    }

    /// What all its pages say, in Markdown.
    pub fn markdown(&self) -> String {
        let pages: Vec<&str> = self.reply.pages.iter().map(|page| page.markdown.as_str()).collect();
        pages.join("\n\n")
    }

    /// What the call cost, if there is a price.
    pub fn cost(&self) -> Option<Money> {
        self.meta.cost()
    }
}

/// Reads an answer in Mistral's words, which are those of the request, so that the provider's dialect has passed it on.
///
/// # Errors
/// It has no pages.
pub(crate) fn passed(body: &[u8], usage: Option<Usage>) -> Result<OcrReply> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        model: Option<String>,
        pages: Vec<Page>,
        #[serde(default)]
        usage_info: Option<Raw>,
    }
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        index: u64,
        #[serde(default)]
        markdown: Option<String>,
        #[serde(default)]
        images: Option<Raw>,
        #[serde(default)]
        dimensions: Option<Raw>,
    }
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| Error::invalid_response(format!("The provider's answer has no pages: {error}")))?;
    let page = |page: Page| OcrPage {
        index: page.index,
        markdown: page.markdown.unwrap_or_default(),
        images: page.images,
        dimensions: page.dimensions,
        extra: Extra::new(),
    };
    Ok(OcrReply {
        model: answer.model.unwrap_or_default(),
        pages: answer.pages.into_iter().map(page).collect(),
        usage_info: answer.usage_info,
        usage,
        ..OcrReply::default()
    })
}

fn put(extra: &mut Extra, problem: &mut Option<Error>, name: &str, value: &impl Serialize) {
    match to_raw_value(value) {
        Ok(raw) => extra.push(name, raw),
        Err(error) => {
            let wrong = Error::bad_field(name, format!("`{name}` cannot be written as JSON: {error}"));
            problem.get_or_insert(wrong);
        }
    }
}
