//! TinyFish: about ten results, with further facts that the client gets as they are.

use lockgate_core::{Extra, SearchReply, json::read};

use crate::{
    answer::USUAL,
    engine::{Answer, Engine, Search, as_it_is, list_at, put},
};

pub(crate) const TINYFISH: Engine = Engine {
    url: as_it_is,
    get: true,
    ignores: &["max_tokens_per_page"],
    ..Engine::new(
        "tinyfish",
        |search, members| {
            members.put("query", &search.with_sites(" "));
            put(members, "location", search.request.country.as_ref());
        },
        Answer::Read(found),
    )
};

fn found(search: &Search, answer: &Extra) -> Option<SearchReply> {
    let results = list_at(answer, &["results"])?.into_iter().filter_map(|item| {
        let mut item: Extra = read(&item)?;
        let mut result = USUAL.read(&item)?;
        item.retain(|name, _| !["title", "url", "snippet", "date", "last_updated"].contains(&name));
        result.extra = item;
        Some(result)
    });
    Some(SearchReply { results: results.take(search.most()).collect(), ..SearchReply::default() })
}
