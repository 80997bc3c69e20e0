//! You.com: pages and news, each with several snippets. Its free service, without a key, is at another address.

use lockgate_core::{Extra, SearchReply, json::read};

use crate::{
    answer::{Fields, USUAL},
    engine::{Answer, Engine, Search, list_at, put},
    models::domains,
};

pub(crate) const YOU: Engine = Engine {
    url: |base, _| match base.ends_with("/v1/search") || base.ends_with("/v1/agents/search") {
        true => base.to_owned(),
        false => format!("{base}/v1/search"),
    },
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "you",
        |search, members| {
            members.put("query", &search.query);
            put(members, "count", search.request.max_results);
            domains(search, members, "include_domains", "exclude_domains");
            put(members, "country", search.country());
        },
        Answer::Read(found),
    )
};

fn found(_search: &Search, answer: &Extra) -> Option<SearchReply> {
    let fields = Fields { snippet: &["description"], date: &["page_age"], ..USUAL };
    let sections: Extra = read(answer.get("results")?)?;
    let items = ["web", "news"].into_iter().filter_map(|section| list_at(&sections, &[section])).flatten();
    let results = items.filter_map(|item| {
        let item: Extra = read(&item)?;
        let mut result = fields.read(&item)?;
        let snippets: Vec<String> = item.get("snippets").and_then(read).unwrap_or_default();
        if let Some(first) = snippets.into_iter().next() {
            result.snippet = first;
        }
        Some(result)
    });
    Some(SearchReply { results: results.collect(), ..SearchReply::default() })
}
