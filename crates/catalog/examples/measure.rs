//! Measures loading, look-ups and memory: `cargo run --release --example measure -p lockgate-catalog [PRICE_MAP.json]`.
#![expect(clippy::print_stdout, reason = "a tool that talks to its terminal")]

use std::{hint::black_box, time::Instant};

use lockgate_catalog::{Catalog, Terms, usage_from_json};

const ROUNDS: u32 = 20_000;

fn main() {
    let names =
        [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("bedrock", "us.amazon.nova-pro-v1:0")];
    let before = resident();
    let start = Instant::now();
    let catalog = Catalog::builtin();
    println!("builtin                 {:>9.1} us, {:+} KiB", micros(start), resident() - before);
    let start = Instant::now();
    black_box(catalog.entry("openai", "gpt-4o"));
    println!("first entry             {:>9.1} us, {:+} KiB", micros(start), resident() - before);
    for (provider, model) in names {
        let each = average(|| drop(black_box(catalog.entry(provider, model))));
        println!("entry {provider:>10} {each:>14.0} ns  {model}");
    }
    let usage = usage_from_json(&serde_json::json!({"prompt_tokens": 1000, "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 200}}));
    if let Some(entry) = catalog.entry("openai", "gpt-4o") {
        let terms = Terms::default();
        println!(
            "cost of an answer       {:>9.0} ns",
            average(|| drop(black_box(entry.price.cost(&usage, &terms))))
        );
    }
    println!(
        "unknown model           {:>9.0} ns",
        average(|| drop(black_box(catalog.entry("openai", "no-such-model"))))
    );
    let start = Instant::now();
    let kept: Vec<_> = catalog.names().take(1000).filter_map(|name| catalog.find(name)).collect();
    println!("{} entries kept       {:>9.1} us, {:+} KiB", kept.len(), micros(start), resident() - before);
    let start = Instant::now();
    println!("{} models counted     {:>9.1} us", catalog.len(), micros(start));
    if let Some(bytes) = std::env::args().nth(1).and_then(|file| std::fs::read(file).ok()) {
        let before = resident();
        let start = Instant::now();
        let loaded = Catalog::from_litellm_json(&bytes);
        println!(
            "price map {:>6} KiB    {:>9.1} us, {:+} KiB",
            bytes.len() / 1024,
            micros(start),
            resident() - before
        );
        black_box(loaded.is_ok());
    }
}

fn average(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64 / 1000.0
}

/// Resident memory in KiB, where the system tells it.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
