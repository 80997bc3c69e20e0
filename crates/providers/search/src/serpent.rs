//! APISerpent: a quick search, or a deep one (`deep: true`) at another path.

use lockgate_core::json::read;

use crate::{
    answer::{Shape, USUAL},
    engine::{Answer, Engine, Search, put},
};

pub(crate) const APISERPENT: Engine = Engine {
    url: |base, search| {
        let path = if deep(search) { "/api/search" } else { "/api/search/quick" };
        if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") }
    },
    get: true,
    ignores: &["max_tokens_per_page"],
    priced_as: |search| deep(search).then_some("deep_search"),
    ..Engine::new(
        "apiserpent",
        |search, members| {
            members.take("deep");
            members.put("q", &search.with_sites(" "));
            put(members, "num", search.request.max_results);
            put(members, "country", search.country());
        },
        Answer::Shape(Shape {
            lists: &[&["results", "organic"], &["results"]],
            signs: &["results"],
            fields: USUAL,
        }),
    )
};

fn deep(search: &Search) -> bool {
    search.request.extra.get("deep").and_then(read).unwrap_or(false)
}
