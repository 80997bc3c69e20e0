//! Mutated golden cases through every reader: requests, answers, refusals, streams, configurations of deployments.
//! Nothing may panic, whatever arrives; what goes wrong is an error that says so. The seed is fixed and the time is
//! bounded, so that this runs with every test; `LOCKGATE_FUZZ_SECONDS` and `LOCKGATE_FUZZ_SEED` make it a real hunt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use lockgate_testkit::laws::Dice;
use lockgate_tests::golden::{Case, Filter, Runner, load};
use serde_json::Value;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn mutated_cases_never_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let cases = load(&folder, &Filter::default()).unwrap();
    let runner = Runner::new().unwrap();
    let mut dice = Dice::new(setting("LOCKGATE_FUZZ_SEED", 1));
    let end = Instant::now() + Duration::from_secs(setting("LOCKGATE_FUZZ_SECONDS", 5));
    let mut rounds = 0_u64;
    while Instant::now() < end {
        let case = mutated(&cases[dice.below(cases.len())], &mut dice);
        let outcome = catch_unwind(AssertUnwindSafe(|| runner.judge(&case)));
        if outcome.is_err() {
            let request = Value::Object(case.request.clone());
            let respond = case.upstream.iter().filter_map(|step| step.respond.as_ref());
            panic!("{} panics after {rounds} rounds\n{request}\n{:?}", case.id, respond.collect::<Vec<_>>());
        }
        rounds += 1;
    }
    assert!(rounds > 50, "only {rounds} rounds");
}

fn mutated(case: &Case, dice: &mut Dice) -> Case {
    let mut case = case.clone();
    if dice.below(3) == 0 {
        let mut request = Value::Object(case.request);
        for _ in 0..=dice.below(3) {
            warp(&mut request, dice);
        }
        case.request = request.as_object().cloned().unwrap_or_default();
        return case;
    }
    for respond in case.upstream.iter_mut().filter_map(|step| step.respond.as_mut()) {
        if dice.below(12) == 0 {
            respond.status = [200, 204, 302, 400, 401, 429, 500, 503, 529, 599][dice.below(10)];
        }
        respond.truncate |= dice.below(10) == 0;
        if let Some(body) = &mut respond.body {
            if dice.below(2) == 0 {
                warp(body, dice);
            } else {
                let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                *body = Value::String(String::from_utf8_lossy(&dice.mutate(text.as_bytes())).into_owned());
            }
        }
        for chunk in respond.chunks.iter_mut().flatten() {
            if dice.below(4) == 0
                && let Value::String(text) = chunk
            {
                *chunk = Value::String(String::from_utf8_lossy(&dice.mutate(text.as_bytes())).into_owned());
            }
        }
    }
    case
}

/// Puts something unexpected somewhere into a JSON value.
fn warp(value: &mut Value, dice: &mut Dice) {
    let inside = match value {
        Value::Array(list) if !list.is_empty() => {
            let at = dice.below(list.len());
            list.get_mut(at)
        }
        Value::Object(map) if !map.is_empty() => {
            let at = dice.below(map.len());
            if dice.below(8) == 0 {
                let key = map.keys().nth(at).cloned().unwrap_or_default();
                map.remove(&key);
                return;
            }
            map.values_mut().nth(at)
        }
        _ => None,
    };
    match inside {
        Some(inside) if dice.below(6) != 0 => warp(inside, dice),
        _ => *value = strange(dice),
    }
}

fn strange(dice: &mut Dice) -> Value {
    match dice.below(12) {
        0 => Value::Null,
        1 => Value::Bool(true),
        2 => Value::from(-1),
        3 => Value::from(u64::MAX),
        4 => Value::from(1e300),
        5 => Value::from(""),
        6 => Value::from("\u{0}\u{feff}\u{1f9ff}\"\\"),
        7 => Value::from("data:image/png;base64,////"),
        8 => Value::Array(Vec::new()),
        9 => Value::Array(vec![Value::Null, Value::from(1), Value::Object(serde_json::Map::new())]),
        10 => Value::Object(serde_json::Map::new()),
        _ => Value::from("x".repeat(5000)),
    }
}
