//! The web searched and documents read, against a scripted upstream.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure of a test")]

mod support;

use lockgate_client::{Client, Deployment, ErrorKind, Ocr, Search};
use lockgate_testkit::upstream::{Answer, Upstream};
use serde_json::{Value, json};
use support::{error, upstream};

fn client(provider: &str, upstream: &Upstream) -> Client {
    Client::builder().key(provider, "sk-test").base_url(provider, upstream.url()).retries(0).build().unwrap()
}

fn body(upstream: &Upstream, at: usize) -> Value {
    serde_json::from_str(&upstream.requests()[at].text()).unwrap()
}

#[tokio::test]
async fn searches_with_their_price() {
    let found = r#"{"results":[{"title":"T","url":"https://u","content":"S","score":0.9}]}"#;
    let upstream = upstream(vec![Answer::json(200, found)]).await;
    let search = Search::new("tavily/search", "Rust")
        .max_results(3)
        .domain("rust-lang.org")
        .domain("-x.org")
        .country("DE")
        .max_tokens_per_page(9)
        .extra("search_depth", "basic");
    let answer = client("tavily", &upstream).search(search).await.unwrap();
    assert_eq!((&*answer.results[0].url, &*answer.results[0].snippet), ("https://u", "S"));
    assert_eq!(
        (&*answer.meta.provider, answer.meta.dropped.as_slice()),
        ("tavily", &["max_tokens_per_page".to_owned()][..])
    );
    assert_eq!(answer.cost().unwrap().to_string(), "0.008");
    let request = &upstream.requests()[0];
    assert_eq!(request.target, "/search");
    assert_eq!(request.header("authorization"), Some("Bearer sk-test"));
    let expected = json!({"search_depth": "basic", "query": "Rust", "max_results": 3, "include_domains": ["rust-lang.org"], "exclude_domains": ["x.org"], "country": "de"});
    assert_eq!(body(&upstream, 0), expected);
}

#[tokio::test]
async fn another_engine_answers_when_one_fails() {
    let broken = upstream(vec![Answer::json(500, &error("broken"))]).await;
    let sound = upstream(vec![Answer::json(200, r#"{"organic":[{"title":"T","link":"https://u"}]}"#)]).await;
    let engine = |name: &str, model: &str, upstream: &Upstream| {
        Deployment::new(name, model).with("api_key", "k").with("api_base", upstream.url())
    };
    let client = Client::builder()
        .deployment(engine("web", "tavily/search", &broken))
        .deployment(engine("spare", "serper/search", &sound))
        .fallback("web", ["spare"])
        .retries(0)
        .build()
        .unwrap();
    let answer = client.search(Search::new("web", "q")).await.unwrap();
    assert_eq!((&*answer.results[0].url, answer.meta.fallbacks), ("https://u", 1));
    let refused = client.search(Search::new("openai/gpt-4o", "q")).await.unwrap_err();
    assert!(refused.message().contains("does not offer `search`"), "{refused}");
    let failed = client.search(Search::new("web", "")).await.unwrap_err();
    assert_eq!((failed.kind(), failed.param()), (ErrorKind::BadRequest, Some("query")));
}

const READ: &str = r##"{"pages":[{"index":0,"markdown":"# One","images":[],"dimensions":{"dpi":200,"height":1,"width":2}},{"index":1,"markdown":"Two"}],"model":"mistral-ocr-2512","usage_info":{"pages_processed":2,"doc_size_bytes":3}}"##;

#[tokio::test]
async fn documents_are_read_by_who_speaks_so() {
    let upstream = upstream(vec![Answer::json(200, READ)]).await;
    let paper = Ocr::new("mistral/mistral-ocr-2512").document("https://e.example/a.pdf").pages([0, 1]);
    let answer = client("mistral", &upstream).ocr(paper.extra("image_limit", 2)).await.unwrap();
    assert_eq!(answer.markdown(), "# One\n\nTwo");
    assert_eq!((answer.pages().len(), answer.pages()[1].index), (2, 1));
    assert!(answer.reply.usage_info.as_ref().unwrap().get().contains("doc_size_bytes"));
    assert_eq!(answer.meta.usage.measures.as_ref().unwrap().pages, 2);
    assert_eq!(answer.cost().unwrap().to_string(), "0.004");
    assert_eq!(upstream.requests()[0].target, "/ocr");
    let expected = json!({"model": "mistral-ocr-2512", "document": {"type": "document_url", "document_url": "https://e.example/a.pdf"}, "pages": [0, 1], "image_limit": 2});
    assert_eq!(body(&upstream, 0), expected);
}

#[tokio::test]
async fn documents_are_read_by_who_speaks_otherwise() {
    let answers = [
        Answer::json(200, r#"{"file_id":"reducto://a.png"}"#),
        Answer::json(
            200,
            r#"{"result":{"type":"full","chunks":[{"content":"Hello","blocks":[]}]},"usage":{"num_pages":1,"credits":2.5}}"#,
        ),
    ];
    let upstream = upstream(answers.into()).await;
    let picture = Ocr::new("reducto/parse-v3").file("image/png", b"PNG");
    let answer = client("reducto", &upstream).ocr(&picture).await.unwrap();
    assert_eq!(
        (answer.markdown().as_str(), answer.cost().unwrap().to_string()),
        ("Hello", "0.0375".to_owned())
    );
    let targets: Vec<String> = upstream.requests().iter().map(|request| request.target.clone()).collect();
    assert_eq!(targets, ["/upload", "/parse"]);
    assert_eq!(body(&upstream, 1), json!({"input": "reducto://a.png"}));
}

#[tokio::test]
async fn refusals_keep_their_status() {
    for (status, kind) in [(401, ErrorKind::Authentication), (429, ErrorKind::RateLimit)] {
        let upstream = upstream(vec![Answer::json(status, &error("no"))]).await;
        let client = client("mistral", &upstream);
        let ocr = Ocr::new("mistral/mistral-ocr-2512").image("https://e.example/a.png");
        let failure = client.ocr(ocr).await.unwrap_err();
        assert_eq!((failure.kind(), failure.status()), (kind, Some(status)));
    }
    let empty = upstream(vec![Answer::json(200, r#"{"object":"ocr"}"#)]).await;
    let ocr = Ocr::new("mistral/mistral-ocr-2512").document("https://e.example/a.pdf");
    assert_eq!(client("mistral", &empty).ocr(ocr).await.unwrap_err().kind(), ErrorKind::InvalidResponse);
}
