//! K8S-1…K8S-3, SEC-7, HLT-1: start, probes, silence, end.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lockgate_testkit::upstream::Answer;

use crate::{
    client::{SURFACES, ask, send, try_get},
    gateway::{Gateway, command, config},
    pace::Pace,
    upstreams::{self, MODELS, begun, chunks, good, is_anthropic},
};

/// K8S-1: on SIGTERM readiness flips at once, streams finish, the exit status is 0.
#[tokio::test]
async fn sigterm_drains() {
    let handler =
        |request: &lockgate_testkit::upstream::Request| match request.text().contains("\"stream\":true") {
            true => Answer::stream(chunks(is_anthropic(request)), Duration::from_millis(200)),
            false => good(request),
        };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let flags = ["--drain-delay", "0.5", "--drain-limit", "10", "--json-logs"];
    let mut gateway = Gateway::start_with(&config(&models, ""), &flags).await;
    let mut reply = gateway.open(SURFACES[0], ask("gpt", true)).await;
    reply.next().await.unwrap().unwrap();
    gateway.signal("TERM");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(gateway.get("/health/readiness").await.status, 503, "still ready while draining");
    assert_eq!(gateway.get("/health/liveliness").await.status, 200, "not alive while draining");
    // Load balancers need a moment to notice: until then, calls are taken.
    assert_eq!(gateway.post(SURFACES[0], &ask("claude", false)).await.status, 200);
    let answer = reply.whole().await;
    assert!(answer.text().ends_with("data: [DONE]\n\n") && !answer.broken, "{}", answer.text());
    let status = gateway.ended(Duration::from_secs(5)).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", gateway.log());
    for group in ["gpt", "claude"] {
        let record = gateway.call_with("model_group", group).await;
        assert_eq!(record["status"], 200, "the log was not flushed: {record}");
    }
    assert!(try_get(&gateway.url).await.is_err(), "somebody still listens");
}

/// K8S-1: a stream that outlasts the limit ends in an error of its protocol.
#[tokio::test]
async fn a_stream_beyond_the_drain_limit_ends_in_an_error() {
    let (_upstream, models) = upstreams::start(|request| begun(request).hang(), "").await;
    let mut gateway =
        Gateway::start_with(&config(&models, ""), &["--drain-delay", "0", "--drain-limit", "0.3"]).await;
    let mut reply = gateway.open(SURFACES[0], ask("gpt", true)).await;
    reply.next().await.unwrap().unwrap();
    gateway.signal("TERM");
    let answer = reply.whole().await;
    assert!(answer.stream(SURFACES[0]).error.is_some() && !answer.broken, "{}", answer.text());
    let status = gateway.ended(Duration::from_secs(5)).await;
    assert_eq!(status.and_then(|status| status.code()), Some(0), "{}", gateway.log());
}

/// K8S-2: a silent upstream does not silence the gateway: a comment or a ping goes out, before the first content too,
/// and an error can still be told.
#[tokio::test]
async fn silence_is_filled_with_keepalives() {
    let settings = "litellm_settings: {sse_keepalive_ping_interval_seconds: 0.2}\n";
    let handler = |request: &lockgate_testkit::upstream::Request| {
        begun(request).wait(Duration::from_millis(700)).close()
    };
    let (_upstream, models) = upstreams::start(handler, "").await;
    let gateway = Gateway::start(&config(&models, settings)).await;
    for model in MODELS {
        for path in SURFACES {
            let answer = gateway.open(path, ask(model, true)).await.whole().await;
            let text = answer.text();
            let sign = if path == "/v1/messages" { "event: ping" } else { "\n: " };
            assert!((2..=4).contains(&text.matches(sign).count()), "{model} at {path}: {text}");
            assert!(answer.stream(path).error.is_some(), "{model} at {path}: {text}");
        }
    }
    let late = |_: &lockgate_testkit::upstream::Request| {
        let refusal = "{\"error\":{\"message\":\"No luck 4711.\",\"type\":\"server_error\"}}";
        Answer::json(500, refusal).after(Duration::from_millis(700))
    };
    let (_upstream, models) = upstreams::start(late, "").await;
    let gateway = Gateway::start(&config(&models, settings)).await;
    for path in SURFACES {
        let start = Instant::now();
        let mut reply = gateway.open(path, ask("gpt", true)).await;
        reply.next().await.unwrap().unwrap();
        assert!(
            start.elapsed() < Duration::from_millis(600),
            "{path}: nothing is said for {:?}",
            start.elapsed()
        );
        let answer = reply.whole().await;
        let told = answer.stream(path).error.unwrap_or_default().to_string();
        assert!(told.contains("No luck 4711."), "{path}: {}", answer.text());
    }
}

/// K8S-3: probes answer quickly while the gateway has more to do than it can, and need no key and no upstream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_are_quick_under_load() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let caller = async || {
        let body = ask("claude", true).replace("hi", &"word ".repeat(20_000));
        while !over.load(Ordering::Relaxed) {
            assert_eq!(gateway.open(SURFACES[0], body.clone()).await.whole().await.status, 200);
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let probes = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let pace = Pace::start();
        let mut times = Vec::new();
        for _ in 0..30 {
            for path in ["/health/liveliness", "/health/readiness"] {
                let request = http::Request::get(path).header("host", "probe").body(Default::default());
                let start = Instant::now();
                let answer = send(&gateway.url, request.unwrap()).await.unwrap().whole().await;
                times.push(start.elapsed());
                assert_eq!(answer.status, 200, "{path}");
            }
        }
        over.store(true, Ordering::Relaxed);
        times.sort();
        (times, pace.stall())
    };
    let (.., (times, stall)) =
        tokio::join!(caller(), caller(), caller(), caller(), caller(), caller(), probes);
    assert!(calls.load(Ordering::Relaxed) > 6, "there was no load");
    let median = times[times.len() / 2];
    assert!(median < Duration::from_millis(10) + stall, "probes take {median:?}: {times:?}");
    // Without any upstream at all they answer as well.
    drop(upstream);
    assert_eq!(gateway.get("/health/readiness").await.status, 200);
}

/// HLT-1: an idle gateway asks nobody anything, for a whole day of the runtime's clock.
#[tokio::test(start_paused = true)]
async fn an_idle_gateway_calls_nobody() {
    let (upstream, models) = upstreams::start(good, "").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.yaml");
    fs::write(&file, config(&models, "")).unwrap();
    let snapshot =
        lockgate_config::load(&lockgate_config::Sources { file: Some(file), ..Default::default() });
    let transport = lockgate_transport::Transport::new(&Default::default()).unwrap();
    let metrics = lockgate_telemetry::Metrics::new().unwrap();
    let gateway = lockgate_gateway::Gateway::new(snapshot.unwrap(), transport, metrics, "");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let drain = lockgate_gateway::Drain { delay: Duration::ZERO, limit: Duration::ZERO };
    let day = tokio::time::sleep(Duration::from_secs(24 * 3600));
    gateway.serve(listener, day, drain).await.unwrap();
    assert_eq!(upstream.connections(), 0);
}

/// HLT-1: nor does the binary, also when it is asked how it is.
#[tokio::test]
async fn questions_about_the_gateway_reach_nobody_else() {
    let (upstream, models) = upstreams::start(good, "").await;
    let gateway = Gateway::start(&config(&models, "")).await;
    for path in ["/health", "/health/readiness", "/v1/models", "/metrics", "/model/info", "/config"] {
        assert_eq!(gateway.get(path).await.status, 200, "{path}");
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(upstream.connections(), 0);
}

/// TMO-2: the default limits are finite, and can be seen.
#[tokio::test]
async fn the_default_limits_are_shown() {
    let gateway = Gateway::start(&config("", "")).await;
    let answer = gateway.get("/config").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["keepalive_seconds"], 15.0, "{}", answer.text());
    let shown = &answer.json()["default_timeouts_seconds"];
    for (limit, seconds) in [("connect", 5.0), ("first_byte", 120.0), ("idle", 60.0), ("total", 1800.0)] {
        assert_eq!(shown[limit], seconds, "{limit}");
    }
}

/// SEC-7: on the loopback an empty master key is none: the gateway makes a strong one, and nobody gets in without it.
#[tokio::test]
async fn an_empty_master_key_is_replaced() {
    let gateway = Gateway::start(&config("", "").replace(crate::gateway::KEY, "\"\"")).await;
    assert_eq!(gateway.get("/v1/models").await.status, 401);
    let folder = gateway.config_file();
    let kept = fs::read_to_string(folder.with_file_name("master_key")).unwrap();
    assert!(kept.trim().len() >= 32, "{kept}");
}

/// SEC-7: no start on a public address with a well-known or short master key.
#[tokio::test]
async fn a_weak_master_key_is_refused_on_a_public_address() {
    for key in ["", "sk-1234", "short", "changeme", "password", "sk-12345678"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.yaml");
        fs::write(&file, format!("model_list: []\ngeneral_settings: {{master_key: \"{key}\"}}\n")).unwrap();
        let child = command(folder.path())
            .args(["serve", "--host", "0.0.0.0", "--port", "0", "--config"])
            .arg(&file)
            .arg("--data")
            .arg(folder.path())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = child.id().to_string();
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
        let output = match tokio::time::timeout(Duration::from_secs(5), ended).await {
            Ok(output) => output.unwrap(),
            Err(_) => {
                let _ = std::process::Command::new("kill").arg(pid).status();
                panic!("the gateway starts with the master key {key:?}");
            }
        };
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{key:?}: {said}");
        assert!(said.contains("master"), "{key:?}: {said}");
        assert!(!said.contains(&format!("`{key}`")), "the key is printed: {said}");
    }
}
