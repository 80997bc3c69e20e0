//! Answers that are read by where things are.

use lockgate_core::{Extra, Raw, SearchReply, SearchResult, json::read};

use crate::engine::list_at;

/// Where an answer keeps what was found.
pub(crate) struct Shape {
    /// Paths to lists of results; all of them are taken, in this order.
    pub(crate) lists: &'static [&'static [&'static str]],
    /// Members that show that an answer without those lists is one.
    pub(crate) signs: &'static [&'static str],
    /// Where a result keeps what it says.
    pub(crate) fields: Fields,
}

/// Where a result keeps what it says: of several members the first that says something.
pub(crate) struct Fields {
    pub(crate) title: &'static [&'static str],
    pub(crate) url: &'static [&'static str],
    pub(crate) snippet: &'static [&'static str],
    pub(crate) date: &'static [&'static str],
    pub(crate) updated: &'static [&'static str],
}

/// A result with the most usual names.
pub(crate) const USUAL: Fields = Fields {
    title: &["title"],
    url: &["url", "link"],
    snippet: &["snippet"],
    date: &["date"],
    updated: &["last_updated"],
};

impl Shape {
    /// What was found; none if this is no answer.
    pub(crate) fn read(&self, answer: &Extra) -> Option<SearchReply> {
        let lists: Vec<Vec<Raw>> = self.lists.iter().filter_map(|path| list_at(answer, path)).collect();
        let sign = |name: &&str| answer.get(name).is_some_and(|value| value.get().trim() != "null");
        if lists.is_empty() && !self.signs.iter().any(sign) {
            return None;
        }
        let results = lists.iter().flatten().filter_map(|item| self.fields.read(&read(item)?)).collect();
        Some(SearchReply { results, ..SearchReply::default() })
    }
}

impl Fields {
    /// One result; none if it leads nowhere and says nothing.
    pub(crate) fn read(&self, item: &Extra) -> Option<SearchResult> {
        let first = |names: &[&str]| names.iter().find_map(|name| text(item, name));
        let url = first(self.url).unwrap_or_default();
        let title = first(self.title).unwrap_or_default();
        if url.is_empty() && title.is_empty() {
            return None;
        }
        Some(SearchResult {
            title,
            url,
            snippet: first(self.snippet).unwrap_or_default(),
            date: first(self.date),
            last_updated: first(self.updated),
            extra: Extra::new(),
        })
    }
}

/// A member that is a text and not empty.
pub(crate) fn text(item: &Extra, name: &str) -> Option<String> {
    read::<String>(item.get(name)?).filter(|text| !text.is_empty())
}
