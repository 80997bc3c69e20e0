//! CFG-2: reload is validate-then-swap, and nobody notices.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lockgate_testkit::upstream::Request;

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config, model},
    upstreams::{self, good},
};

const RELOADS: usize = 1000;

/// A configuration whose every part bears its mark.
fn marked(url: &str, mark: char) -> String {
    let params = format!("extra_headers: {{x-mark: {mark}}}, extra_body: {{mark: {mark}}}");
    let entry = model("gpt", &format!("hosted_vllm/model-{mark}"), &format!("{url}/{mark}/v1"), &params);
    config(&entry.replace("sk-up-gpt", &format!("sk-up-{mark}")), "")
}

/// The marks that a request bears: of the address, the header, the key, the model, a parameter.
fn marks(request: &Request) -> String {
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let first = |text: Option<&str>| text.and_then(|text| text.chars().next()).unwrap_or('-');
    [
        first(request.target.strip_prefix('/')),
        first(request.header("x-mark")),
        first(request.header("authorization").and_then(|value| value.strip_prefix("Bearer sk-up-"))),
        first(body["model"].as_str().and_then(|model| model.strip_prefix("model-"))),
        first(body["mark"].as_str()),
    ]
    .iter()
    .collect()
}

/// A file is never half there: written beside, then put in place.
fn replace(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, file).unwrap();
}

/// A thousand times another configuration, while calls go on: none fails, none sees a mixture, nothing piles up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_drop_nothing() {
    let (upstream, _) = upstreams::start(good, "").await;
    let url = upstream.url();
    let files = [marked(&url, 'a'), marked(&url, 'b')];
    let gateway = Gateway::start(&files[0]).await;
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let work = async {
        while !over.load(Ordering::Relaxed) {
            let round = answered.fetch_add(1, Ordering::Relaxed);
            let answer = gateway.open(SURFACES[round % 2], ask("gpt", round % 3 == 0)).await.whole().await;
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
            assert!(!answer.broken, "round {round}");
        }
    };
    let reloads = async {
        let start = Instant::now();
        let (mut memory, mut done) = (0, 0);
        let mut log = BufReader::new(fs::File::open(gateway.log_file()).unwrap());
        for round in 1..=RELOADS {
            replace(&gateway.config_file(), &files[round % 2]);
            gateway.signal("HUP");
            while done < round {
                done +=
                    log.by_ref().lines().filter(|line| line.as_ref().unwrap().contains("reloaded")).count();
                assert!(start.elapsed() < Duration::from_secs(90), "only {round} reloads in 90 s");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if round == RELOADS / 5 {
                memory = gateway.memory();
            }
        }
        over.store(true, Ordering::Relaxed);
        gateway.memory().saturating_sub(memory)
    };
    let (_, _, grown) = tokio::join!(work, async {}, reloads);
    let requests = upstream.requests();
    assert_eq!(requests.len(), answered.load(Ordering::Relaxed));
    let seen: std::collections::BTreeSet<String> = requests.iter().map(marks).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["aaaaa", "bbbbb"], "a call has seen a mixture");
    assert!(grown < 4096, "{RELOADS} reloads leave {grown} KiB behind");
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_where() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let broken = config(&models, "").replace("model: hosted_vllm/gpt-4o", "modle: hosted_vllm/gpt-4o");
    fs::write(gateway.config_file(), broken).unwrap();
    gateway.signal("HUP");
    wait(&gateway, "config.yaml:3").await;
    wait(&gateway, "Did you mean `model`?").await;
    let answer = gateway.post(SURFACES[0], &ask("gpt", false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_good_file_is_taken_over() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    // No signal: that the file has changed is enough.
    replace(&gateway.config_file(), &config(&models.replace("model_name: gpt", "model_name: other"), ""));
    for _ in 0..200 {
        if gateway.post(SURFACES[0], &ask("other", false)).await.status == 200 {
            assert_eq!(gateway.post(SURFACES[0], &ask("gpt", false)).await.status, 400);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the new file is not in force:\n{}", gateway.log());
}

async fn wait(gateway: &Gateway, text: &str) {
    for _ in 0..200 {
        if gateway.log().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{text:?} is not logged:\n{}", gateway.log());
}
