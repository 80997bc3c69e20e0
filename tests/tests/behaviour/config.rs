//! CFG-2: reload is validate-then-swap, and nobody notices.

use std::{fs, time::Duration};

use crate::{
    client::{SURFACES, ask},
    gateway::{Gateway, config},
    upstreams::{self, good},
};

#[tokio::test]
async fn reloads_under_load_drop_nothing() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let work = async {
        for round in 0..150 {
            let stream = round % 2 == 0;
            let answer = gateway.open(SURFACES[0], ask("gpt", stream)).await.whole().await;
            assert_eq!(answer.status, 200, "round {round}: {}", answer.text());
            assert!(!answer.broken);
        }
    };
    let reloads = async {
        for _ in 0..40 {
            gateway.signal("HUP");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(work, reloads);
    assert_eq!(upstream.requests().len(), 150);
}

#[tokio::test]
async fn a_bad_file_changes_nothing_and_says_where() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let broken = config(&models, "").replace("model: hosted_vllm/gpt-4o", "modle: hosted_vllm/gpt-4o");
    fs::write(gateway.config_file(), broken).unwrap();
    gateway.signal("HUP");
    wait(&gateway, "config.yaml").await;
    let answer = gateway.post(SURFACES[0], &ask("gpt", false)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn a_good_file_is_taken_over() {
    let (_upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    fs::write(gateway.config_file(), config(&models.replace("model_name: gpt", "model_name: other"), ""))
        .unwrap();
    gateway.signal("HUP");
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
