//! What stands beside an answer: citations and log probabilities, in OpenAI's shapes.

use lockgate_core::{Raw, wire::view};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::wire::{LogprobsView, elements, to_raw};

view! {
    #[derive(Clone, Debug, Default)]
    struct Citation {
        start: Option<u64>,
        end: Option<u64>,
        sources: Option<Raw>,
        document_ids: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Source {
        id: Option<String>,
        document: Option<Document>,
        title: Option<String>,
        url: Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Document {
        title: Option<String>,
        url: Option<String>,
    }
}

#[derive(Serialize)]
struct Annotation {
    r#type: &'static str,
    url_citation: UrlCitation,
}

#[derive(Serialize)]
struct UrlCitation {
    start_index: u64,
    end_index: u64,
    title: String,
    url: String,
}

#[derive(Serialize)]
struct Logprobs {
    content: Vec<Token>,
}

#[derive(Serialize)]
struct Token {
    token: String,
    logprob: f64,
    bytes: Vec<u8>,
    top_logprobs: [(); 0],
}

/// Citations as annotations, one for each source.
pub(crate) fn annotations(citations: Option<&RawValue>) -> Option<Raw> {
    let mut annotations = Vec::new();
    for citation in elements::<Citation>(citations) {
        for source in elements::<Source>(citation.sources.as_deref()) {
            let document = source.document.unwrap_or_default();
            let id = source.id.unwrap_or_default();
            annotations.push(Annotation {
                r#type: "url_citation",
                url_citation: UrlCitation {
                    start_index: citation.start.unwrap_or(0),
                    end_index: citation.end.unwrap_or(0),
                    title: document.title.unwrap_or_default(),
                    url: document.url.unwrap_or_else(|| format!("source:{id}")),
                },
            });
        }
    }
    (!annotations.is_empty()).then(|| to_raw(&annotations))
}

/// Citations of the first version of the API, which name documents by their ids, as annotations.
pub(crate) fn of_documents(citations: Option<&RawValue>, documents: Option<&RawValue>) -> Option<Raw> {
    let documents = elements::<Source>(documents);
    let mut annotations = Vec::new();
    for citation in elements::<Citation>(citations) {
        for id in elements::<String>(citation.document_ids.as_deref()) {
            let own = documents.iter().find(|document| document.id.as_deref() == Some(&*id));
            annotations.push(Annotation {
                r#type: "url_citation",
                url_citation: UrlCitation {
                    start_index: citation.start.unwrap_or(0),
                    end_index: citation.end.unwrap_or(0),
                    title: own.and_then(|document| document.title.clone()).unwrap_or_default(),
                    url: own
                        .and_then(|document| document.url.clone())
                        .unwrap_or_else(|| format!("source:{id}")),
                },
            });
        }
    }
    (!annotations.is_empty()).then(|| to_raw(&annotations))
}

/// Log probabilities. Cohere gives those of several tokens with their joint text, which the first one gets.
pub(crate) fn logprobs(given: &[LogprobsView]) -> Option<Raw> {
    let mut content = Vec::new();
    for chunk in given {
        let mut text = chunk.text.clone();
        for logprob in chunk.logprobs.iter().flatten() {
            let token = text.take().unwrap_or_default();
            content.push(Token {
                bytes: token.clone().into_bytes(),
                token,
                logprob: *logprob,
                top_logprobs: [],
            });
        }
    }
    (!content.is_empty()).then(|| to_raw(&Logprobs { content }))
}
