//! Comparing what a call costs.

use serde_json::Value;

use crate::golden::{
    Case,
    answer::plain_events,
    diff::{ABSENT, Diffs},
    run::Answer,
    sse,
};

/// Compares the cost; tells whether there is anything to compare.
pub(crate) fn check(case: &Case, answer: &Answer, out: &mut Diffs) -> bool {
    let want = case.cost.as_ref().and_then(|cost| cost.response_cost);
    // Replicate bills running time.
    let Some(want) =
        want.filter(|_| case.result.error.is_none() && !case.is_local() && case.provider != "replicate")
    else {
        return false;
    };
    if case.streams() {
        let Some(got) = last_cost(sse::read(&answer.body).events.iter().map(|(_, data)| data)) else {
            return false;
        };
        let recorded = plain_events(case.result.chunks.as_deref().unwrap_or_default());
        let streamed = last_cost(recorded.iter());
        if !streamed.is_some_and(|streamed| near(streamed, got)) && !near(want, got) {
            out.add("$.cost", want.to_string(), got.to_string());
        }
        return true;
    }
    match answer.cost {
        Some(got) if near(want, got) => {}
        None if want == 0.0 => {}
        got => {
            out.add("$.cost", want.to_string(), got.map_or_else(|| ABSENT.to_owned(), |got| got.to_string()))
        }
    }
    true
}

fn last_cost<'a>(events: impl Iterator<Item = &'a Value>) -> Option<f64> {
    events.filter_map(|event| event.get("usage")?.get("cost")?.as_f64()).last()
}

pub(crate) fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9
}
