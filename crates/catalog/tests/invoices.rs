//! Recorded invoices: usage as providers report it, and what it cost by LiteLLM's arithmetic.
//!
//! Each line of `data/invoices.jsonl` stands for one or more golden cases (`cases`) with the same figures. `ours` and
//! `because` mark where this catalogue deliberately says something else.

use std::collections::BTreeMap;

use lockgate_catalog::{Catalog, Measured, Pricing, Terms, measured_from_json, usage_from_json};
use serde_json::{Value, json};

#[test]
fn all_invoices_agree_within_a_nanodollar() {
    let mut wrong = BTreeMap::new();
    let (mut lines, mut cases) = (0, 0);
    for line in include_str!("data/invoices.jsonl").lines() {
        let invoice: Value = serde_json::from_str(line).unwrap_or_default();
        lines += 1;
        cases += invoice["cases"].as_u64().unwrap_or(0);
        if let Some(difference) = difference(&invoice, &pricing(&invoice)) {
            wrong.insert(invoice["case"].to_string(), difference);
        }
    }
    assert!(lines > 200 && cases > 1000, "{lines} invoices of {cases} cases");
    let report: Vec<String> =
        wrong.iter().map(|(case, difference)| format!("{case}: {difference}")).collect();
    assert!(wrong.is_empty(), "{} of {lines} differ:\n{}", wrong.len(), report.join("\n"));
}

fn pricing(invoice: &Value) -> Pricing {
    let catalog = Catalog::builtin();
    let text = |key: &str| invoice[key].as_str();
    let usage = &invoice["usage"];
    let (Some(provider), Some(model)) = (text("provider"), text("model")) else {
        let response = json!({"model": invoice["model"], "usage": usage, "service_tier": invoice["tier"]});
        return catalog.spend_calculate(&json!({"completion_response": response}), |_, _| 0);
    };
    let measured = &invoice["measured"];
    let count = |key: &str| measured[key].as_u64().unwrap_or(0);
    let owned = |key: &str| measured[key].as_str().map(str::to_owned);
    let mut terms = Terms {
        service_tier: text("tier").map(str::to_owned),
        image_size: owned("size"),
        image_quality: owned("quality"),
        measured: Measured {
            output_images: count("images"),
            queries: count("queries"),
            input_millis: count("input_millis"),
            output_millis: count("output_millis"),
            input_characters: count("characters"),
            ..measured_from_json(usage)
        },
        ..Terms::default()
    };
    if measured.is_null() {
        terms.measured = measured_from_json(usage);
    }
    let conditions = invoice["conditions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    terms.conditions = conditions.map(str::to_owned).collect();
    catalog.pricing_of_answer(provider, model, text("answered"), &usage_from_json(usage), &terms)
}

/// What is wrong, if anything. A cost of zero may be an honest "unpriced".
fn difference(invoice: &Value, pricing: &Pricing) -> Option<String> {
    let deviates = !invoice["ours"].is_null();
    let expected = if deviates { &invoice["ours"] } else { &invoice["cost"] }.as_f64().unwrap_or(f64::NAN);
    let Some(cost) = pricing.cost() else {
        return (expected != 0.0).then(|| format!("{pricing:?}, expected {expected}"));
    };
    let near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-9;
    if !near(cost.total.dollars(), expected) {
        return Some(format!("{cost:?}, expected {expected}"));
    }
    if deviates || cost.reported.is_some() {
        return None;
    }
    let parts = [
        ("input", cost.input),
        ("output", cost.output),
        ("cache_read", cost.cache_read),
        ("cache_creation", cost.cache_write),
        ("reasoning", cost.reasoning),
        ("tool_usage", cost.tools),
    ];
    let details = [
        "prompt_tokens_details",
        "input_tokens_details",
        "completion_tokens_details",
        "output_tokens_details",
    ];
    let detailed = details.iter().any(|key| !invoice["usage"][*key].is_null());
    parts.iter().find_map(|(part, ours)| {
        let theirs = invoice["parts"][*part].as_f64()?;
        let known = detailed || !["cache_read", "cache_creation", "reasoning"].contains(part);
        (known && cost.other.is_zero() && !near(ours.dollars(), theirs))
            .then(|| format!("{part}: {ours}, expected {theirs}"))
    })
}
