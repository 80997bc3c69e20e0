//! SearXNG: a server of the user's own. It knows languages, but no countries and no limits.

use lockgate_core::{Extra, SearchReply};

use crate::{
    answer::{Fields, Shape, USUAL},
    engine::{Answer, Engine, Search, below_search, put},
};

pub(crate) const SEARXNG: Engine = Engine {
    url: below_search,
    get: true,
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "searxng",
        |search, members| {
            members.put("q", &search.with_sites(" "));
            put(members, "format", Some("json"));
            put(members, "language", search.country().map(language));
        },
        Answer::Read(found),
    )
};

/// The language of a country.
fn language(country: String) -> String {
    match country.as_str() {
        "us" | "uk" | "gb" => "en".to_owned(),
        "jp" => "ja".to_owned(),
        _ => country,
    }
}

fn found(search: &Search, answer: &Extra) -> Option<SearchReply> {
    let shape = Shape {
        lists: &[&["results"]],
        signs: &["results"],
        fields: Fields { snippet: &["content"], date: &["publishedDate", "pubdate"], ..USUAL },
    };
    let mut reply = shape.read(answer)?;
    reply.results.truncate(search.most());
    Some(reply)
}
