//! Brave: several kinds of results, each in a section of its own.

use lockgate_core::{Extra, SearchReply, json::read};

use crate::{
    answer::{Fields, USUAL, text},
    date,
    engine::{Answer, Engine, Search, as_it_is, list_at, put},
};

/// The most that Brave gives.
const MOST: u64 = 20;
const SECTIONS: [&str; 6] = ["web", "discussions", "faqs", "faq", "news", "videos"];

pub(crate) const BRAVE: Engine = Engine {
    url: as_it_is,
    get: true,
    ignores: &["max_tokens_per_page", "country"],
    ..Engine::new(
        "brave",
        |search, members| {
            members.put("q", &search.with_sites(" AND "));
            // It tells when a page was last seen. Brave reads the word as Python writes it.
            let metadata = members.take("include_fetch_metadata").is_none_or(|own| own.get() != "false");
            members.put("include_fetch_metadata", if metadata { "True" } else { "False" });
            put(members, "count", search.request.max_results.map(|most| most.min(MOST)));
            let (start, end) = (members.take("start_date"), members.take("end_date"));
            if let (Some(start), Some(end)) =
                (start.and_then(|start| read::<String>(&start)), end.and_then(|end| read::<String>(&end)))
            {
                put(members, "freshness", Some(format!("{start}to{end}")));
            }
        },
        Answer::Read(found),
    )
};

fn found(search: &Search, answer: &Extra) -> Option<SearchReply> {
    let fields = Fields { snippet: &["description"], date: &["page_age", "age"], ..USUAL };
    let sign = |name: &str| answer.get(name).is_some_and(|value| value.get() != "null");
    if !sign("type") && !sign("query") && !SECTIONS.iter().any(|name| sign(name)) {
        return None;
    }
    let wanted = search.own("result_filter").unwrap_or_default();
    let wanted = |section: &str| wanted.is_empty() || wanted.split(',').any(|one| one.trim() == section);
    let lists = SECTIONS.into_iter().filter(|section| wanted(section));
    let items = lists.filter_map(|section| list_at(answer, &[section, "results"])).flatten();
    let results = items.filter_map(|item| {
        let item: Extra = read(&item)?;
        let mut result = fields.read(&item)?;
        result.date = result.date.map(|date| date::iso(&date, search.received));
        result.last_updated =
            text(&item, "fetched_content_timestamp").map(|time| date::iso(&time, search.received));
        Some(result)
    });
    // Limits are for the web alone; all else comes as it likes.
    let most = usize::try_from(MOST).unwrap_or(usize::MAX).min(search.most()).max(1);
    Some(SearchReply { results: results.take(most).collect(), ..SearchReply::default() })
}
