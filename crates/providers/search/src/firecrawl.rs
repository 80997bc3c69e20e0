//! Firecrawl and what is like it: pages are found and read.

use lockgate_core::json::raw;

use crate::{
    answer::{Fields, Shape, USUAL},
    engine::{Answer, Engine, put},
};

/// Without being asked for it, Firecrawl gives no text.
const TEXT: &str = r#"{"formats":["markdown"],"onlyMainContent":true}"#;

pub(crate) const FIRECRAWL: Engine = Engine {
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "firecrawl",
        |search, members| {
            members.put("query", &search.with_sites(" "));
            put(members, "limit", search.request.max_results);
            put(members, "country", search.request.country.as_ref());
            put(members, "scrapeOptions", Some(raw(TEXT)));
        },
        Answer::Shape(Shape {
            lists: &[&["data", "web"], &["data", "news"], &["data"]],
            signs: &["data"],
            fields: Fields { snippet: &["markdown", "description", "snippet"], ..USUAL },
        }),
    )
};
