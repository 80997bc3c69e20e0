//! Searches and documents that were read, as clients of those endpoints expect them.

use lockgate_core::{Call, Extra, OcrPage, OcrReply, Raw, SearchReply, SearchResult};

use crate::json::{Json, list};

/// The tool stands in the body where the path does not name it.
pub(crate) fn name_tool(call: &mut Call) {
    let named = call.body.str("search_tool_name").map(|name| name.into_owned());
    if let Some(name) = named.filter(|name| !name.is_empty()) {
        call.model = name;
    }
}

pub(crate) fn search(reply: &SearchReply) -> String {
    let json = Json::new().text("object", "search").raw("results", &list(reply.results.iter().map(result)));
    json.extra(&reply.extra).into_text()
}

fn result(result: &SearchResult) -> String {
    Json::new()
        .text("title", &result.title)
        .text("url", &result.url)
        .text("snippet", &result.snippet)
        .maybe("date", result.date.as_deref())
        .maybe("last_updated", result.last_updated.as_deref())
        .extra(&result.extra)
        .into_text()
}

pub(crate) fn ocr(call: &Call, reply: &OcrReply) -> String {
    let model = if call.model.is_empty() { &reply.model } else { &call.model };
    let json = Json::new().raw("pages", &list(reply.pages.iter().map(page))).text("model", model);
    more(json, "usage_info", reply.usage_info.as_ref(), &reply.extra).text("object", "ocr").into_text()
}

fn page(page: &OcrPage) -> String {
    let json = Json::new()
        .raw("index", &page.index.to_string())
        .text("markdown", &page.markdown)
        .raw("images", page.images.as_ref().map_or("[]", |images| images.get()));
    more(json, "dimensions", page.dimensions.as_ref(), &page.extra).into_text()
}

fn more(json: Json, key: &str, value: Option<&Raw>, extra: &Extra) -> Json {
    match value {
        Some(value) => json.raw(key, value.get()),
        None => json,
    }
    .extra(extra)
}
