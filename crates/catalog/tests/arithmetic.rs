//! Published arithmetic, written out by hand.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lockgate_catalog::{Catalog, Cost, Entry, Measured, Pricing, Terms, Unit};
use lockgate_core::{Money, Usage};
use serde_json::{Map, Value, json};

fn entry(prices: Value) -> Entry {
    Entry::from_litellm_json("test/model", prices.as_object().unwrap_or(&Map::new()))
}

fn cost(prices: Value, usage: Usage, terms: Terms) -> Cost {
    entry(prices).price.cost(&usage, &terms)
}

fn dollars(amount: f64) -> Money {
    Money::from_dollars(amount)
}

fn tier(name: &str) -> Terms {
    Terms { service_tier: Some(name.into()), ..Terms::default() }
}

/// 2026-11-22 is a Sunday.
fn moment(day: u64, hour: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((20_779 + day) * 86_400 + hour * 3600)
}

#[test]
fn caches_of_both_lifetimes_have_their_prices() {
    let prices = json!({"input_cost_per_token": 3e-6, "output_cost_per_token": 15e-6,
        "cache_read_input_token_cost": 3e-7, "cache_creation_input_token_cost": 3.75e-6,
        "cache_creation_input_token_cost_above_1hr": 6e-6});
    let usage = Usage {
        input: 10_000,
        output: 100,
        cache_read: Some(5000),
        cache_write: Some(3000),
        cache_write_1h: Some(1000),
        ..Usage::default()
    };
    let cost = cost(prices, usage, Terms::default());
    assert_eq!(cost.cache_read, dollars(5000.0 * 3e-7));
    assert_eq!(cost.cache_write, dollars(2000.0 * 3.75e-6 + 1000.0 * 6e-6));
    assert_eq!(cost.input, dollars(2000.0 * 3e-6) + cost.cache_read + cost.cache_write);
    assert_eq!(cost.total, cost.input + dollars(0.0015));
}

#[test]
fn cached_tokens_without_an_own_price_cost_as_all_others() {
    let prices = json!({"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6});
    let usage = Usage { input: 1000, cache_read: Some(900), ..Usage::default() };
    assert_eq!(cost(prices, usage, Terms::default()).total, dollars(0.001));
}

#[test]
fn large_contexts_and_service_tiers_combine() {
    let prices = json!({"input_cost_per_token": 1e-6, "input_cost_per_token_flex": 5e-7,
        "input_cost_per_token_priority": 2e-6, "input_cost_per_token_above_200k_tokens": 3e-6,
        "input_cost_per_token_above_200k_tokens_priority": 6e-6, "input_cost_per_token_batches": 4e-7});
    let total =
        |input: u64, terms: Terms| cost(prices.clone(), Usage { input, ..Usage::default() }, terms).total;
    assert_eq!(total(200_000, Terms::default()), dollars(0.2));
    assert_eq!(total(200_001, Terms::default()), dollars(0.600_003));
    assert_eq!(total(1000, tier("flex")), dollars(0.0005));
    assert_eq!(total(300_000, tier("priority")), dollars(1.8));
    assert_eq!(total(300_000, tier("flex")), dollars(0.9), "no price for both: the large context counts");
    assert_eq!(total(1000, tier("default")), dollars(0.001));
    assert_eq!(total(1000, Terms { batch: true, ..Terms::default() }), dollars(0.0004));
}

#[test]
fn the_granted_tier_wins_over_the_one_asked_for() {
    let prices = json!({"input_cost_per_token": 1e-6, "input_cost_per_token_priority": 2e-6});
    let usage = Usage { input: 1000, service_tier: Some("default".into()), ..Usage::default() };
    assert_eq!(cost(prices, usage, tier("priority")).total, dollars(0.001));
}

#[test]
fn a_whole_call_is_sold_at_the_price_of_its_tier() {
    let prices = json!({"tiered_pricing": [
        {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, "range": [0, 32000.0]},
        {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6, "range": [32000.0, 128000.0]}]});
    let total =
        |input| cost(prices.clone(), Usage { input, output: 10, ..Usage::default() }, Terms::default()).total;
    assert_eq!(total(32_000), dollars(0.032 + 0.00004));
    assert_eq!(total(32_001), dollars(0.064_002 + 0.00008));
    assert_eq!(total(500_000), dollars(1.0 + 0.00008));
}

#[test]
fn searches_are_sold_by_the_results_asked_for() {
    let prices = json!({"tiered_pricing": [{"input_cost_per_query": 0.005, "max_results_range": [0, 25]},
        {"input_cost_per_query": 0.025, "max_results_range": [26, 100]}]});
    let of = |results| Terms {
        measured: Measured { queries: 1, results, ..Measured::default() },
        ..Terms::default()
    };
    assert_eq!(cost(prices.clone(), Usage::default(), of(25)).total, dollars(0.005));
    assert_eq!(cost(prices, Usage::default(), of(26)).total, dollars(0.025));
}

#[test]
fn other_kinds_of_tokens_have_their_prices_or_those_of_text() {
    let prices = json!({"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "input_cost_per_audio_token": 1e-5,
        "output_cost_per_audio_token": 2e-5, "output_cost_per_image_token": 3e-5,
        "output_cost_per_reasoning_token": 4e-6});
    let usage = Usage {
        input: 100,
        output: 100,
        audio_input: Some(40),
        image_input: Some(10),
        audio_output: Some(10),
        image_output: Some(20),
        reasoning: Some(30),
        ..Usage::default()
    };
    let cost = cost(prices, usage, Terms::default());
    assert_eq!(cost.input, dollars(60.0 * 1e-6 + 40.0 * 1e-5));
    assert_eq!(cost.reasoning, dollars(30.0 * 4e-6));
    assert_eq!(cost.output, dollars(40.0 * 2e-6 + 10.0 * 2e-5 + 20.0 * 3e-5 + 30.0 * 4e-6));
}

#[test]
fn searches_of_the_provider_are_tools() {
    let prices = json!({"input_cost_per_token": 1e-6, "search_context_cost_per_query":
        {"search_context_size_low": 0.01, "search_context_size_medium": 0.02, "search_context_size_high": 0.03}});
    let usage = Usage { input: 1, web_searches: Some(3), ..Usage::default() };
    assert_eq!(cost(prices.clone(), usage.clone(), Terms::default()).tools, dollars(0.06));
    let high = Terms { search_context: Some("high".into()), ..Terms::default() };
    assert_eq!(cost(prices, usage.clone(), high).tools, dollars(0.09));
    let silent = cost(json!({"input_cost_per_token": 1e-6}), usage, Terms::default());
    assert_eq!(silent.unpriced, [Unit::SearchMedium]);
}

#[test]
fn pictures_seconds_and_characters_are_sold_by_one_measure() {
    let measured =
        |measured: Measured| Terms { measured, image_size: Some("1024x1024".into()), ..Terms::default() };
    let none = Usage::default;
    let two = measured(Measured { output_images: 2, ..Measured::default() });
    assert_eq!(cost(json!({"output_cost_per_image": 0.04}), none(), two.clone()).total, dollars(0.08));
    assert_eq!(
        cost(json!({"input_cost_per_pixel": 1e-8}), none(), two).total,
        dollars(2.0 * 1_048_576.0 * 1e-8)
    );
    let sound = measured(Measured { input_millis: 1500, ..Measured::default() });
    let both = json!({"input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001});
    assert_eq!(cost(both, none(), sound).total, dollars(0.00015));
    let text = measured(Measured { input_characters: 1000, ..Measured::default() });
    assert_eq!(cost(json!({"input_cost_per_character": 15e-6}), none(), text).total, dollars(0.015));
    let video = Terms {
        format: Some("720p".into()),
        ..measured(Measured { output_millis: 4000, ..Measured::default() })
    };
    let resolutions = json!({"output_cost_per_second": 0.1, "output_cost_per_second_720p": 0.2});
    assert_eq!(cost(resolutions, none(), video).total, dollars(0.8));
}

#[test]
fn documents_are_sold_by_the_page_or_by_credits() {
    let terms = || Terms {
        measured: Measured { pages: 2, millicredits: 2500, ..Measured::default() },
        ..Terms::default()
    };
    for (prices, total) in [
        (json!({"ocr_cost_per_credit": 0.015}), 0.0375),
        (json!({"ocr_cost_per_page": 0.004}), 0.008),
        (json!({"ocr_cost_per_credit": 0.015, "ocr_cost_per_page": 0.004}), 0.0375),
    ] {
        assert_eq!(cost(prices, Usage::default(), terms()).total, dollars(total));
    }
}

#[test]
fn regions_and_speeds_multiply() {
    let prices = json!({"input_cost_per_token": 1e-6, "provider_specific_entry": {"us": 1.1, "fast": 2}});
    let terms = Terms { conditions: vec!["us".into(), "fast".into(), "moon".into()], ..Terms::default() };
    let usage = Usage { input: 1000, ..Usage::default() };
    assert_eq!(cost(prices, usage, terms).total, dollars(0.0022));
}

#[test]
fn prices_follow_the_day_and_the_hour() {
    let prices = json!({"input_cost_per_token": 1e-6, "price_history": [
        {"valid_from": "2026-11-24", "input_cost_per_token": 2e-6},
        {"valid_from": "2026-11-30", "valid_until": "2026-12-01", "input_cost_per_token": 5e-7}],
        "off_peak_pricing": {"input_cost_per_token": 1e-7, "windows": [{"hours_utc": "01:00-02:00"}]}});
    let total = |at| {
        cost(prices.clone(), Usage { input: 1000, ..Usage::default() }, Terms { at, ..Terms::default() })
            .total
    };
    assert_eq!(total(Some(moment(0, 12))), dollars(0.001));
    assert_eq!(total(Some(moment(2, 12))), dollars(0.002));
    assert_eq!(total(Some(moment(8, 12))), dollars(0.0005));
    assert_eq!(total(Some(moment(9, 12))), dollars(0.002));
    assert_eq!(total(Some(moment(9, 1))), dollars(0.0001));
    assert_eq!(total(None), dollars(0.002), "the newest without an end");
}

#[test]
fn the_provider_s_own_figure_is_billed_and_ours_is_kept() {
    let usage = Usage { input: 1000, provider_cost: Some(dollars(0.5)), ..Usage::default() };
    let model = entry(json!({"input_cost_per_token": 1e-6}));
    let theirs = model.price.cost(&usage, &Terms::default());
    assert_eq!((theirs.total, theirs.computed), (dollars(0.5), dollars(0.001)));
    let own = model
        .price
        .with_overrides(&BTreeMap::from([("input_cost_per_token".into(), 2e-6), ("rpm".into(), 5.0)]));
    assert_eq!(own.cost(&usage, &Terms::default()).total, dollars(0.002), "the user's own prices win");
}

#[test]
fn a_missing_price_is_said() {
    let usage = Usage { input: 10, output: 10, ..Usage::default() };
    let pricing = |prices| entry(prices).pricing(&usage, &Terms::default());
    assert!(matches!(pricing(json!({"mode": "chat"})), Pricing::Unpriced { known: true, .. }));
    assert!(matches!(pricing(json!({"output_cost_per_image": 0.04})), Pricing::Unpriced { known: true, .. }));
    assert!(matches!(
        pricing(json!({"input_cost_per_token": 0, "output_cost_per_token": 0})),
        Pricing::Priced(_)
    ));
    let half = pricing(json!({"input_cost_per_token": 1e-6}));
    assert_eq!(half.cost().map(|cost| cost.unpriced.clone()), Some(vec![Unit::Output]));
    let unknown = Catalog::builtin().pricing("openrouter", "a/b", &usage, &Terms::default());
    assert_eq!(unknown, Pricing::Unpriced { model: "openrouter/a/b".into(), known: false });
}
