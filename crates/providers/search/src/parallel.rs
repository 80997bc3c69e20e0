//! Parallel: an objective and queries, all limits among "advanced settings".

use lockgate_core::{
    Extra, SearchReply,
    json::{raw, read, to_raw},
    whole::Members,
};

use crate::{
    answer::{Fields, USUAL},
    engine::{Answer, Engine, Search, list_at, put},
    models::domains,
};

pub(crate) const PARALLEL: Engine = Engine {
    url: |base, _| {
        let base = base.strip_suffix("/search").unwrap_or(base);
        format!("{}/v1/search", base.strip_suffix("/v1").unwrap_or(base))
    },
    ignores: &["max_tokens_per_page"],
    priced_as: |search| match mode(search)?.as_str() {
        "advanced" => Some("search-pro"),
        "fast" => Some("search-fast"),
        "turbo" => Some("search-turbo"),
        _ => None,
    },
    ..Engine::new("parallel", write, Answer::Read(found))
};

/// The mode, also by the name that an older version of the API had for it.
fn mode(search: &Search) -> Option<String> {
    search.own("mode").or_else(|| {
        let processor = search.own("processor")?;
        Some(match processor.as_str() {
            "base" => "basic".to_owned(),
            "pro" => "advanced".to_owned(),
            _ => processor,
        })
    })
}

fn write(search: &Search, members: &mut Members) {
    let queries = search.request.queries();
    if let [one] = queries.as_slice() {
        put(members, "objective", Some(one));
    }
    put(members, "search_queries", Some(&queries));
    members.take("processor");
    members.put("mode", &mode(search).unwrap_or_else(|| "basic".to_owned()));
    let settings = settings(search, members);
    if !settings.is_empty() {
        members.put("advanced_settings", &settings);
    }
}

fn settings(search: &Search, members: &mut Members) -> Extra {
    let mut settings = Members::default();
    put(&mut settings, "max_results", search.request.max_results);
    let location = members.take("location").or_else(|| search.request.country.as_ref().map(to_raw));
    put(&mut settings, "location", location);
    let longest = members.take("max_chars_per_result");
    let longest = longest.map(|longest| raw(format!("{{\"max_chars_per_result\":{}}}", longest.get())));
    put(&mut settings, "excerpt_settings", longest);
    let fetch = members.take("fetch_policy");
    put(&mut settings, "fetch_policy", fetch);
    let mut policy = Members::default();
    for name in ["include_domains", "exclude_domains", "after_date"] {
        let own = members.take(name);
        put(&mut policy, name, own);
    }
    domains(search, &mut policy, "include_domains", "exclude_domains");
    if !policy.is_empty() {
        put(&mut settings, "source_policy", Some(policy.into_extra()));
    }
    let own: Extra = members.take("advanced_settings").and_then(|own| read(&own)).unwrap_or_default();
    for (name, value) in own.iter() {
        settings.set(name, value.get());
    }
    settings.into_extra()
}

fn found(_search: &Search, answer: &Extra) -> Option<SearchReply> {
    let fields = Fields { date: &["publish_date"], ..USUAL };
    let results = list_at(answer, &["results"])?.into_iter().filter_map(|item| {
        let item: Extra = read(&item)?;
        let mut result = fields.read(&item)?;
        let excerpts: Vec<String> = item.get("excerpts").and_then(read).unwrap_or_default();
        result.snippet = excerpts.join(" ... ");
        result.extra.push("excerpts", to_raw(&excerpts));
        Some(result)
    });
    let mut extra = Extra::new();
    for (name, shown) in [
        ("search_id", "search_id"),
        ("session_id", "session_id"),
        ("usage", "parallel_usage"),
        ("warnings", "warnings"),
    ] {
        if let Some(value) = answer.get(name).filter(|value| value.get() != "null") {
            extra.push(shown, value.to_owned());
        }
    }
    Some(SearchReply { results: results.collect(), extra, ..SearchReply::default() })
}
