//! Engines made for models: they search and give what the pages say.

use lockgate_core::{Extra, SearchReply, json::read};
use lockgate_core::{json::raw, whole::Members};

use crate::{
    answer::{Fields, Shape, USUAL, text},
    engine::{Answer, Engine, Search, list_at, put, some},
};

pub(crate) const TAVILY: Engine = Engine {
    ignores: &["max_tokens_per_page"],
    priced_as: |search| (search.own("search_depth")? == "advanced").then_some("search-advanced"),
    ..Engine::new(
        "tavily",
        |search, members| {
            members.put("query", &search.query);
            put(members, "max_results", search.request.max_results);
            domains(search, members, "include_domains", "exclude_domains");
            put(members, "country", search.country());
        },
        Answer::Shape(Shape {
            lists: &[&["results"]],
            signs: &["results"],
            fields: Fields { snippet: &["content"], date: &["published_date"], ..USUAL },
        }),
    )
};

/// Without being asked for it, Exa gives no text.
pub(crate) const EXA: Engine = Engine {
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "exa",
        |search, members| {
            members.put("query", &search.query);
            put(members, "numResults", search.request.max_results);
            domains(search, members, "includeDomains", "excludeDomains");
            put(members, "userLocation", search.request.country.as_ref());
            put(members, "contents", Some(raw(r#"{"text":true}"#)));
        },
        Answer::Shape(Shape {
            lists: &[&["results"]],
            signs: &["results"],
            fields: Fields { snippet: &["text", "summary"], date: &["publishedDate"], ..USUAL },
        }),
    )
};

pub(crate) const LINKUP: Engine = Engine {
    ignores: &["max_tokens_per_page", "country"],
    priced_as: |search| (search.own("depth")? == "deep").then_some("search-deep"),
    ..Engine::new(
        "linkup",
        |search, members| {
            members.put("q", &search.query);
            put(members, "depth", Some("standard"));
            put(members, "outputType", Some("searchResults"));
            put(members, "maxResults", search.request.max_results);
            domains(search, members, "includeDomains", "excludeDomains");
            for (name, own) in [("start_date", "fromDate"), ("end_date", "toDate")] {
                let date = members.take(name);
                put(members, own, date);
            }
        },
        Answer::Shape(Shape {
            lists: &[&["results"], &["sources"]],
            signs: &["results", "answer"],
            fields: Fields { title: &["name", "title"], snippet: &["content", "snippet"], ..USUAL },
        }),
    )
};

pub(crate) const NIMBLE: Engine = Engine {
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "nimble",
        |search, members| {
            members.put("query", &search.query);
            put(members, "max_results", search.request.max_results);
            domains(search, members, "include_domains", "exclude_domains");
            put(members, "country", search.request.country.as_ref().map(|country| country.to_uppercase()));
        },
        Answer::Read(nimble),
    )
};

/// The date is among further facts, which the client gets as they are.
fn nimble(_search: &Search, answer: &Extra) -> Option<SearchReply> {
    let fields = Fields { snippet: &["content", "description"], ..USUAL };
    let results = list_at(answer, &["results"])?.into_iter().filter_map(|item| {
        let item: Extra = read(&item)?;
        let mut result = fields.read(&item)?;
        if let Some(facts) = item.get("additional_data") {
            result.date = read::<Extra>(facts).and_then(|facts| text(&facts, "publish_date"));
            result.extra.push("additional_data", facts.to_owned());
        }
        Some(result)
    });
    Some(SearchReply { results: results.collect(), ..SearchReply::default() })
}

/// Domains that are wanted and those that are not, under the engine's names for such lists.
pub(crate) fn domains(search: &Search, members: &mut Members, wanted: &str, unwanted: &str) {
    let (include, exclude) = search.request.domains();
    put(members, wanted, some(include));
    put(members, unwanted, some(exclude));
}
