//! DuckDuckGo's instant answers: a text about the query, and topics.

use lockgate_core::{Extra, Raw, SearchReply, SearchResult, json::read};

use crate::{
    answer::text,
    engine::{Answer, Engine, Search, list_at, put},
};

/// What stands for the title of a topic that has none.
const TITLE: usize = 50;

pub(crate) const DUCKDUCKGO: Engine = Engine {
    url: |base, _| format!("{}/", base.trim_end_matches('/')),
    get: true,
    ignores: &["max_tokens_per_page", "country"],
    ..Engine::new(
        "duckduckgo",
        |search, members| {
            members.put("q", &search.with_sites(" "));
            put(members, "format", Some("json"));
        },
        Answer::Read(found),
    )
};

fn found(search: &Search, answer: &Extra) -> Option<SearchReply> {
    let topics = list_at(answer, &["RelatedTopics"])?;
    let about = text(answer, "AbstractText").zip(text(answer, "AbstractURL"));
    let about = about.map(|(snippet, url)| SearchResult {
        title: text(answer, "Heading").unwrap_or_default(),
        url,
        snippet,
        ..SearchResult::default()
    });
    let results = about.into_iter().chain(topics.iter().flat_map(topic)).take(search.most());
    Some(SearchReply { results: results.collect(), ..SearchReply::default() })
}

/// A topic, or a group of topics.
fn topic(item: &Raw) -> Vec<SearchResult> {
    let Some(item) = read::<Extra>(item) else { return Vec::new() };
    match list_at(&item, &["Topics"]) {
        Some(group) => group.iter().filter_map(|item| one(&read(item)?)).collect(),
        None => one(&item).into_iter().collect(),
    }
}

fn one(item: &Extra) -> Option<SearchResult> {
    let (text, url) = (text(item, "Text")?, text(item, "FirstURL")?);
    let (title, snippet) = match text.split_once(" - ") {
        Some((title, snippet)) => (title.to_owned(), snippet.to_owned()),
        None if text.chars().count() > TITLE => {
            (format!("{}...", text.chars().take(TITLE).collect::<String>()), text)
        }
        None => (text.clone(), text),
    };
    Some(SearchResult { title, url, snippet, ..SearchResult::default() })
}
