//! Engines whose answers are one list under usual names.

use crate::{
    answer::{Shape, USUAL},
    engine::{Answer, Engine, as_it_is, put},
};

const PLAIN: Answer = Answer::Shape(Shape { lists: &[&["results"]], signs: &["results"], fields: USUAL });

/// The client's own words, and several queries at once.
pub(crate) const PERPLEXITY: Engine = Engine::new(
    "perplexity_search",
    |search, members| {
        let request = &search.request;
        put(members, "query", request.query.as_ref());
        put(members, "max_results", request.max_results);
        put(members, "search_domain_filter", request.search_domain_filter.as_ref());
        put(members, "max_tokens_per_page", request.max_tokens_per_page);
        put(members, "country", request.country.as_ref());
    },
    PLAIN,
);

/// Google's results by Serper.
pub(crate) const SERPER: Engine = Engine {
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "serper",
        |search, members| {
            members.put("q", &search.with_sites(" "));
            put(members, "num", search.request.max_results);
            put(members, "gl", search.country());
        },
        Answer::Shape(Shape {
            lists: &[&["organic"]],
            signs: &["organic", "searchParameters"],
            fields: USUAL,
        }),
    )
};

/// Google's and others' results by SearchAPI.
pub(crate) const SEARCHAPI: Engine = Engine {
    url: as_it_is,
    get: true,
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "searchapi",
        |search, members| {
            put(members, "engine", Some("google"));
            members.put("q", &search.with_sites(" AND "));
            put(members, "num", search.request.max_results.map(|most| most.min(10)));
            put(members, "gl", search.country());
        },
        Answer::Shape(Shape {
            lists: &[&["organic_results"]],
            signs: &["organic_results", "search_metadata", "search_parameters"],
            fields: USUAL,
        }),
    )
};
