//! Documents: Mistral's model below its publisher, and a model that is asked in a chat.

use bytes::Bytes;
use http::{Request, header};
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Measures, Memo, Notes, OcrPage, OcrReply, Payload, Raw, Reply, Result,
    Usage,
    json::{self, raw, read, to_raw},
    wire::{quote, view},
};
use lockgate_openai::documents;

use crate::{READ, claude::uri, family::Partner, partner, place};

/// Parameters of a chat that clients may send along.
const PARAMS: [&str; 5] = ["temperature", "max_tokens", "top_p", "n", "stop"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        choices: Vec<Choice>,
        usage: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Choice {
        message: Option<Message>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Message {
        content: Option<String>,
    }
}

view! {
    /// What the model may write instead of a text.
    #[derive(Clone, Debug, Default)]
    struct Written {
        pages: Option<Vec<Page>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Page {
        index: u64,
        markdown: String,
        images: Option<Raw>,
        dimensions: Option<Raw>,
    }
}

/// Whether the model is asked in a chat, and takes addresses.
pub(crate) fn in_chat(model: &str) -> bool {
    model.contains("deepseek-ocr")
}

pub(crate) fn encode(attempt: &Attempt<'_>) -> Result<Encoded> {
    if !in_chat(&attempt.target.model) {
        return partner::encode(attempt, Partner::Mistral);
    }
    let (target, request) = (attempt.target, attempt.call.ocr()?);
    let (_, url) = documents::address(attempt.call)?;
    let model = if target.model.contains('/') {
        target.model.to_string()
    } else {
        format!("deepseek-ai/{}", target.model)
    };
    let mut body = Extra::new();
    body.push("model", to_raw(&model));
    let content = format!("[{{\"type\":\"image_url\",\"image_url\":{}}}]", quote(&url));
    body.push("messages", raw(format!("[{{\"role\":\"user\",\"content\":{content}}}]")));
    let mut notes = Notes::default();
    for (name, value) in
        request.extra.iter().filter(|(name, _)| !attempt.call.options.consumed.contains(name))
    {
        match PARAMS.contains(&name) {
            true => body.push(name, value.to_owned()),
            false => notes.dropped.push(name.to_owned()),
        }
    }
    let home = place::home(target, "v1", place::location(target))?;
    let request = Request::post(uri(&format!("{home}/endpoints/openapi/chat/completions"))?)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Payload::from(to_raw(&body).get().to_owned()))
        .map_err(|error| Error::internal(format!("The upstream's request cannot be made: {error}")))?;
    Ok(Encoded { request, format: READ, relay: false, withhold_usage: false, memo: Memo::default(), notes })
}

/// The answer is a text: the page, or JSON with pages.
pub(crate) fn decode(attempt: &Attempt<'_>, body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let said = answer.choices.into_iter().next().and_then(|choice| choice.message?.content);
    let Some(said) = said.filter(|said| !said.is_empty()) else {
        return Err(Error::invalid_response("The provider's answer has no text.").with_body(body.clone()));
    };
    let written = said.trim_start().starts_with('{').then(|| read::<Written>(&raw(said.as_str()))).flatten();
    let pages = match written.and_then(|written| written.pages).filter(|pages| !pages.is_empty()) {
        Some(pages) => pages.into_iter().map(page).collect(),
        None => vec![OcrPage { markdown: said, ..OcrPage::default() }],
    };
    let count = pages.len() as u64;
    Ok(Reply::Ocr(Box::new(OcrReply {
        model: attempt.target.model.to_string(),
        usage: Some(Usage::measured(Measures { pages: count, ..Measures::default() })),
        usage_info: answer.usage,
        pages,
        ..OcrReply::default()
    })))
}

fn page(page: Page) -> OcrPage {
    let Page { index, markdown, images, dimensions, extra } = page;
    OcrPage { index, markdown, images, dimensions, extra }
}
