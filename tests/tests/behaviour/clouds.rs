//! NET-3: tokens of clouds are renewed before they end, once, and no request waits for that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lockgate_testkit::upstream::{Answer, Upstream};

use crate::{
    client::ask,
    gateway::{Gateway, config},
    upstreams::OPENAI,
};

/// How long the token server takes: whoever waits for it is noticed.
const SLOW: Duration = Duration::from_millis(1500);
const AT_ONCE: usize = 20;

/// The first token is good for six seconds, so that the gateway renews it in the last quarter of its life.
#[tokio::test]
async fn a_thousand_requests_at_a_tokens_end_fetch_one() {
    let tokens = Arc::new(AtomicUsize::new(0));
    let fetched = tokens.clone();
    let upstream = Upstream::start(move |request| {
        if !request.target.contains("/oidc/") {
            return Answer::json(200, OPENAI);
        }
        let (number, life) = match fetched.fetch_add(1, Ordering::SeqCst) {
            0 => (1, 6),
            before => (before + 1, 3600),
        };
        let token = format!(r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":{life}}}"#);
        Answer::json(200, &token).after(if number == 1 { Duration::ZERO } else { SLOW })
    })
    .await
    .unwrap();
    let params = format!(
        "{{model: databricks/dbrx, api_base: \"{}/serving-endpoints\", client_id: c, client_secret: s}}",
        upstream.url()
    );
    let models = format!("  - model_name: brick\n    litellm_params: {params}\n");
    let gateway = Gateway::start(&config(&models, "")).await;
    let ask = ask("brick", false);
    let first = gateway.post("/v1/chat/completions", &ask).await;
    assert_eq!(first.status, 200, "{}", first.text());
    tokio::time::sleep(Duration::from_millis(4600)).await;

    // The first of them begins the renewal; while it lasts, all go on with the token at hand.
    let start = Instant::now();
    let (mut asked, mut meanwhile) = (0, 0);
    while asked < 1000 {
        let batch = (0..AT_ONCE).map(|_| gateway.post("/v1/chat/completions", &ask));
        for answer in futures_util::future::join_all(batch).await {
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        asked += AT_ONCE;
        if start.elapsed() < SLOW {
            meanwhile = asked;
        }
    }
    assert!(meanwhile > 0, "all waited for the token");
    tokio::time::sleep((SLOW + Duration::from_millis(500)).saturating_sub(start.elapsed())).await;
    assert_eq!(gateway.post("/v1/chat/completions", &ask).await.status, 200);
    assert_eq!(tokens.load(Ordering::SeqCst), 2, "token calls");
    let used = |token: &str| {
        let value = format!("Bearer {token}");
        upstream.requests().iter().filter(|one| one.header("authorization") == Some(value.as_str())).count()
    };
    assert_eq!(used("t1") + used("t2"), 1002);
    assert!(used("t2") > 0);
}
