//! The laws of every dialect for each of these; answers that are none, answers without results.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use lockgate_core::{
    Attempt, ErrorKind, Media, Operation, Raw, Reply, Result, SearchReply, json::raw, whole::Simple,
};
use lockgate_openai::OpenAiSurface;
use lockgate_search::{
    APISERPENT, BRAVE, DATAFORSEO, DUCKDUCKGO, EXA, FIRECRAWL, GOOGLE_PSE, LINKUP, NIMBLE, PARALLEL,
    PERPLEXITY_SEARCH, SEARCHAPI, SEARXNG, SERPER, TAVILY, TINYFISH, YOU,
};
use lockgate_testkit::{laws, sample};
use std::{collections::BTreeMap, sync::Arc};

static SURFACE: OpenAiSurface = OpenAiSurface;

const BODY: &str = r#"{"model":"m","query":["a b","c"],"max_results":2,"search_domain_filter":["x.org","-y.org"],"max_tokens_per_page":9,"country":"DE","own":null}"#;

/// Each engine, an answer with one result, and one with none.
static SUBJECTS: [(&Simple, &str, &str); 17] = [
    (
        &APISERPENT,
        r#"{"results":{"organic":[{"title":"T","url":"https://u","snippet":"S","date":"2025-01-31"}]}}"#,
        r#"{"results":{}}"#,
    ),
    (
        &BRAVE,
        r#"{"type":"search","web":{"results":[{"title":"T","url":"https://u","description":"S","page_age":"2025-01-31T10:00:00"}]}}"#,
        r#"{"type":"search","query":{}}"#,
    ),
    (
        &DATAFORSEO,
        r#"{"status_code":20000,"tasks":[{"status_code":20000,"result":[{"items":[{"type":"paid"},{"type":"organic","title":"T","url":"https://u","description":"S","timestamp":"2025-01-31"}]}]}]}"#,
        r#"{"status_code":20000,"tasks":[{"status_code":20000,"result":null}]}"#,
    ),
    (
        &DUCKDUCKGO,
        r#"{"AbstractText":"","RelatedTopics":[{"Topics":[{"Text":"T - S","FirstURL":"https://u"}]}]}"#,
        r#"{"RelatedTopics":[]}"#,
    ),
    (
        &EXA,
        r#"{"results":[{"title":"T","url":"https://u","text":"S","publishedDate":"2025-01-31"}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &FIRECRAWL,
        r#"{"success":true,"data":{"news":[{"title":"T","url":"https://u","snippet":"S","date":"2025-01-31"}]}}"#,
        r#"{"success":true,"data":{}}"#,
    ),
    (
        &GOOGLE_PSE,
        r#"{"kind":"customsearch#search","items":[{"title":"T","link":"https://u","snippet":"S"}]}"#,
        r#"{"kind":"customsearch#search"}"#,
    ),
    (
        &LINKUP,
        r#"{"results":[{"type":"text","name":"T","url":"https://u","content":"S"}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &NIMBLE,
        r#"{"results":[{"title":"T","url":"https://u","content":"S","additional_data":{"publish_date":"2025-01-31"}}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &PARALLEL,
        r#"{"search_id":"i","results":[{"title":"T","url":"https://u","excerpts":["S"],"publish_date":"2025-01-31"}]}"#,
        r#"{"search_id":"i","results":[]}"#,
    ),
    (
        &PERPLEXITY_SEARCH,
        r#"{"id":"1","results":[{"title":"T","url":"https://u","snippet":"S","date":"2025-01-31","last_updated":null}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &SEARCHAPI,
        r#"{"organic_results":[{"title":"T","link":"https://u","snippet":"S","date":"2025-01-31"}]}"#,
        r#"{"search_metadata":{}}"#,
    ),
    (
        &SEARXNG,
        r#"{"results":[{"title":"T","url":"https://u","content":"S","publishedDate":"2025-01-31"}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &SERPER,
        r#"{"organic":[{"title":"T","link":"https://u","snippet":"S","date":"2025-01-31"}]}"#,
        r#"{"organic":[]}"#,
    ),
    (
        &TAVILY,
        r#"{"results":[{"title":"T","url":"https://u","content":"S","score":0.9}]}"#,
        r#"{"results":null}"#,
    ),
    (
        &TINYFISH,
        r#"{"results":[{"title":"T","url":"https://u","snippet":"S","position":1}]}"#,
        r#"{"results":[]}"#,
    ),
    (
        &YOU,
        r#"{"results":{"web":[{"title":"T","url":"https://u","snippets":["S"],"page_age":"2025-01-31"}]}}"#,
        r#"{"results":{}}"#,
    ),
];

fn with<T>(dialect: &'static Simple, body: &str, test: impl FnOnce(&Attempt<'_>) -> T) -> T {
    let mut target = sample::target(sample::provider(dialect), "search");
    target.params = Arc::new(BTreeMap::from([("search_engine_id".to_owned(), "cx1".to_owned())]));
    let call = sample::call(&SURFACE, Operation::Search, body).unwrap();
    test(&Attempt { call: &call, target: &target, media: &Media::default() })
}

fn decode(attempt: &Attempt<'_>, body: &str) -> Result<SearchReply> {
    let encoded = attempt.dialect().encode(attempt).unwrap();
    let head = sample::head(200, "application/json");
    match attempt.dialect().decode(attempt, &encoded, &head, Bytes::copy_from_slice(body.as_bytes()))? {
        Reply::Search(reply) => Ok(*reply),
        _ => panic!("another operation's answer"),
    }
}

/// The request as text: method, path with query, body.
fn asked(dialect: &'static Simple, body: &str) -> String {
    with(dialect, body, |attempt| {
        let request = attempt.dialect().encode(attempt).unwrap().request;
        let (method, place) = (request.method().clone(), request.uri().path_and_query().unwrap().clone());
        format!("{method} {place} {}", String::from_utf8_lossy(&request.into_body().into_bytes()))
    })
}

#[test]
fn the_laws_hold_for_all() {
    for (dialect, ..) in SUBJECTS {
        with(dialect, BODY, |attempt| {
            laws::encoding_is_deterministic(attempt);
            laws::every_refusal_is_explained(attempt, "the provider's very words");
            let notes = attempt.dialect().encode(attempt).unwrap().notes;
            let keeps = attempt.dialect().id() == "perplexity_search";
            assert_eq!(notes.dropped.iter().any(|name| name == "max_tokens_per_page"), !keeps);
        });
    }
}

#[test]
fn what_was_found_and_that_nothing_was() {
    for (dialect, one, none) in SUBJECTS {
        with(dialect, BODY, |attempt| {
            let id = attempt.dialect().id();
            let reply = decode(attempt, one).unwrap_or_else(|error| panic!("{id}: {error}"));
            let [result] = reply.results.as_slice() else { panic!("{id}: {:?}", reply.results) };
            assert_eq!((&*result.title, &*result.url, &*result.snippet), ("T", "https://u", "S"), "{id}");
            if one.contains("2025") {
                assert_eq!(result.date.as_deref(), Some("2025-01-31"), "{id}");
            }
            assert_eq!(reply.usage.unwrap().measures.unwrap().queries, 1, "{id}");
            let reply = decode(attempt, none).unwrap_or_else(|error| panic!("{id}: {error}"));
            assert!(reply.results.is_empty(), "{id}");
        });
    }
}

#[test]
fn what_is_no_answer_is_the_providers_failure() {
    for (dialect, ..) in SUBJECTS {
        with(dialect, BODY, |attempt| {
            for bad in [
                "",
                "not json",
                "<html></html>",
                "{\"cut",
                "{}",
                "1",
                "[]",
                r#"{"results":null,"data":null,"error":"no credit left"}"#,
            ] {
                let error = decode(attempt, bad).err();
                let place = format!("{}: {bad:?}", attempt.dialect().id());
                let error = error.unwrap_or_else(|| panic!("{place}: taken for an answer"));
                assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{place}");
                assert!(!bad.contains("credit") || error.message().contains("no credit left"), "{place}");
            }
        });
    }
}

#[test]
fn nothing_to_search_for_is_the_caller_s_mistake() {
    for body in ["{}", r#"{"query":""}"#, r#"{"query":[]}"#, r#"{"query":{"a":1}}"#, r#"{"query":null}"#] {
        with(&TAVILY, body, |attempt| {
            let error = attempt.dialect().encode(attempt).err().unwrap();
            assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("query")), "{body}");
        });
    }
}

#[test]
fn each_engine_is_asked_in_its_own_words() {
    let body = r#"{"query":"a b","max_results":50,"search_domain_filter":["x.org","-y.org"],"country":"DE","deep":true}"#;
    for (dialect, request) in [
        (
            &APISERPENT,
            "GET /v1/api/search?q=%28a%20b%29%20%28site%3Ax.org%29%20-site%3Ay.org&num=50&country=de ",
        ),
        (
            &BRAVE,
            "GET /v1?deep=true&q=%28a%20b%29%20AND%20%28site%3Ax.org%29%20-site%3Ay.org&include_fetch_metadata=True&count=20 ",
        ),
        (
            &DATAFORSEO,
            r#"POST /v1 [{"deep":true,"keyword":"(a b) (site:x.org) -site:y.org","depth":50,"location_name":"DE","language_code":"en"}]"#,
        ),
        (&GOOGLE_PSE, "GET /v1?deep=true&q=a%20b&cx=cx1&num=10&siteSearch=x.org&siteSearchFilter=i&gl=de "),
        (
            &PARALLEL,
            r#"POST /v1/search {"deep":true,"objective":"a b","search_queries":["a b"],"mode":"basic","advanced_settings":{"max_results":50,"location":"DE","source_policy":{"include_domains":["x.org"],"exclude_domains":["y.org"]}}}"#,
        ),
        (
            &PERPLEXITY_SEARCH,
            r#"POST /v1/search {"deep":true,"query":"a b","max_results":50,"search_domain_filter":["x.org","-y.org"],"country":"DE"}"#,
        ),
        (
            &TAVILY,
            r#"POST /v1/search {"deep":true,"query":"a b","max_results":50,"include_domains":["x.org"],"exclude_domains":["y.org"],"country":"de"}"#,
        ),
    ] {
        assert_eq!(asked(dialect, body), request);
    }
}

#[test]
fn the_operator_speaks_where_the_client_is_silent() {
    let mut target = sample::target(sample::provider(&TAVILY), "search");
    let default = |name: &str, json: &str| -> (String, Raw) { (name.to_owned(), raw(json)) };
    target.defaults = Arc::from([default("max_results", "3"), default("search_depth", "\"advanced\"")]);
    for (body, sent) in [
        (r#"{"query":"q"}"#, r#"{"search_depth":"advanced","query":"q","max_results":3}"#),
        (r#"{"query":"q","max_results":null}"#, r#"{"search_depth":"advanced","query":"q","max_results":3}"#),
        (
            r#"{"query":"q","max_results":9,"timeout":5}"#,
            r#"{"search_depth":"advanced","query":"q","max_results":9}"#,
        ),
    ] {
        let call = sample::call(&SURFACE, Operation::Search, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let encoded = attempt.dialect().encode(&attempt).unwrap();
        assert_eq!(String::from_utf8_lossy(&encoded.request.into_body().into_bytes()), sent);
        let usage = decode(&attempt, r#"{"results":[]}"#).unwrap().usage.unwrap();
        assert_eq!(usage.model.as_deref(), Some("search-advanced"), "a deeper search has its own price");
    }
}

#[test]
fn errors_in_answers_of_dataforseo_have_their_status() {
    with(&DATAFORSEO, BODY, |attempt| {
        for (code, kind) in [
            (40100, ErrorKind::Authentication),
            (40200, ErrorKind::PaymentRequired),
            (40202, ErrorKind::RateLimit),
            (40501, ErrorKind::BadRequest),
            (50000, ErrorKind::Internal),
        ] {
            let body = format!(r#"{{"tasks":[{{"status_code":{code},"status_message":"Why."}}]}}"#);
            let error = decode(attempt, &body).err().unwrap();
            assert_eq!((error.kind(), error.message()), (kind, "Why."), "{code}");
        }
    });
}
