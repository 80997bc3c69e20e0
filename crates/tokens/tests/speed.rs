//! A long text is counted fast enough to be counted at all. Prints what it measured.

use std::time::Instant;

use lockgate_tokens::{count_text, estimate};

#[test]
fn a_megabyte_takes_less_than_a_second() {
    let paragraph = include_str!("../README.md");
    let text = paragraph.repeat(1_000_000 / paragraph.len() + 1);
    let loading = Instant::now();
    count_text("gpt-4o", "Hello");
    let loaded = loading.elapsed();
    let started = Instant::now();
    let tokens = count_text("gpt-4o", &text);
    let taken = started.elapsed();
    let guessing = Instant::now();
    let guess = estimate(&text);
    let speed = |elapsed: std::time::Duration| text.len() as f64 / 1e6 / elapsed.as_secs_f64();
    println!(
        "loading {loaded:?}; {tokens} tokens at {:.1} MB/s; estimate {guess} at {:.0} MB/s",
        speed(taken),
        speed(guessing.elapsed())
    );
    // Wide of what is measured, so that a busy machine does not fail it.
    assert!(taken.as_millis() < 1000, "{taken:?}");
}
