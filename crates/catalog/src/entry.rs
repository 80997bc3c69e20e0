//! One model.

use std::collections::BTreeMap;

use lockgate_core::ModelFacts;
use serde_json::{Map, Value};

use crate::{DatedRates, Day, OffPeak, Price, Rate, RateKey, Unit, Variant};

/// What the catalogue knows about one model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The name in the price map, often with a provider in front.
    pub name: String,
    /// The price map's label of the provider (`openai`, `bedrock_converse`, `vertex_ai-language-models`, …).
    pub provider: String,
    /// `chat`, `embedding`, `responses`, ….
    pub mode: Option<String>,
    /// Context window for the prompt, in tokens.
    pub max_input: Option<u64>,
    /// Longest completion, in tokens.
    pub max_output: Option<u64>,
    /// All yes-or-no facts under the price map's names (`supports_vision`, `thinking_always_on`, …).
    pub flags: BTreeMap<String, bool>,
    /// Prices.
    pub price: Price,
    /// Everything else under the price map's names (`source`, `deprecation_date`, `supported_endpoints`, …).
    pub other: BTreeMap<String, Value>,
}

/// One piece of knowledge.
pub(crate) enum Field {
    Flag(String, bool),
    Price(RateKey, Rate),
    Fact(String, Value),
}

/// Says of prices with `above` set that they came from `tiered_pricing`, and by what the tiers go.
const TIERED: &str = "tiered_pricing";
/// Our own addition to the price map: prices with dates.
const HISTORY: &str = "price_history";
const SEARCH: &str = "search_context_cost_per_query";

impl Entry {
    /// Whether the capability (`supports_` without the prefix) is known to be there.
    pub fn supports(&self, capability: &str) -> bool {
        self.flags.iter().any(|(flag, yes)| *yes && flag.strip_prefix("supports_") == Some(capability))
    }

    /// The facts that dialects use. Flags without the `supports_` prefix keep their name.
    pub fn facts(&self) -> ModelFacts {
        let named = |wanted: bool| {
            let chosen = self.flags.iter().filter(move |(_, yes)| **yes == wanted);
            chosen.map(|(flag, _)| flag.strip_prefix("supports_").unwrap_or(flag).to_owned()).collect()
        };
        ModelFacts {
            max_input: self.max_input,
            max_output: self.max_output,
            mode: self.mode.clone(),
            supports: named(true),
            lacks: named(false),
            known: true,
            ..ModelFacts::default()
        }
    }

    /// From an object of LiteLLM's price map. Prices with dates stand in `price_history`, a list of objects with
    /// `valid_from`, optionally `valid_until`, and prices under the map's names.
    pub fn from_litellm_json(name: &str, object: &Map<String, Value>) -> Self {
        let mut entry = Self { name: one_line(name), ..Self::default() };
        for (key, value) in object {
            match (key.as_str(), value) {
                ("litellm_provider", Value::String(label)) => entry.provider = one_line(label),
                ("mode", Value::String(mode)) => entry.mode = Some(one_line(mode)),
                (SEARCH, Value::Object(sizes)) => entry.put_prices(sizes),
                (TIERED, Value::Array(tiers)) => entry.put_tiers(tiers),
                (HISTORY, Value::Array(history)) => {
                    entry.price.dated = history.iter().filter_map(dated).collect()
                }
                (_, Value::Bool(yes)) => entry.put(Field::Flag(one_line(key), *yes)),
                (_, Value::Null) => {}
                _ => entry.put(field(key, value)),
            }
        }
        entry.finish();
        entry
    }

    /// The entry as an object of LiteLLM's price map, with the newest prices.
    pub fn to_litellm_json(&self) -> Value {
        let mut object: Map<String, Value> = self.facts_of_map().filter(|(key, _)| key != TIERED).collect();
        object.insert("litellm_provider".into(), self.provider.clone().into());
        if let Some(mode) = &self.mode {
            object.insert("mode".into(), mode.clone().into());
        }
        object.extend(self.flags.iter().map(|(flag, yes)| (flag.clone(), Value::Bool(*yes))));
        let mut search = Map::new();
        for (key, rate) in self.price.base.iter() {
            match key.unit {
                _ if key.above > 0 && self.tiered().is_some() => {}
                Unit::SearchLow | Unit::SearchMedium | Unit::SearchHigh => {
                    drop(search.insert(key.field(), rate.dollars().into()))
                }
                _ => drop(object.insert(key.field(), rate.dollars().into())),
            }
        }
        if !search.is_empty() {
            object.insert(SEARCH.into(), search.into());
        }
        if let Some(range) = self.tiered() {
            object.insert(TIERED.into(), self.tiers(range));
        }
        if !self.price.dated.is_empty() {
            object.insert(HISTORY.into(), self.price.dated.iter().map(history).collect());
        }
        Value::Object(object)
    }

    /// Takes in one piece of knowledge.
    pub(crate) fn put(&mut self, field: Field) {
        match field {
            Field::Flag(flag, yes) => drop(self.flags.insert(flag, yes)),
            Field::Price(key, rate) => self.price.base.set(key, rate),
            Field::Fact(key, value) => match key.as_str() {
                "max_input_tokens" => self.max_input = count(&value),
                "max_output_tokens" => self.max_output = count(&value),
                _ => drop(self.other.insert(key, value)),
            },
        }
    }

    /// Derives what other knowledge implies.
    pub(crate) fn finish(&mut self) {
        self.price.off_peak = self.other.get("off_peak_pricing").and_then(OffPeak::parse);
        let factors = self.other.iter().filter_map(|(key, value)| {
            let name = key.contains("_uplift_multiplier").then(|| key.replace("_uplift_multiplier", ""))?;
            Some((name, millionths(value)?))
        });
        let special = self.other.get("provider_specific_entry").and_then(Value::as_object);
        let special =
            special.into_iter().flatten().filter_map(|(key, value)| Some((key.clone(), millionths(value)?)));
        self.price.factors = factors.chain(special).collect();
        let per_query =
            self.other.get("web_search_billing_unit").and_then(Value::as_str) == Some("per_query");
        let google = self.provider == "gemini" || self.provider.starts_with("vertex_ai-language");
        self.price.search_once = google && !per_query;
        self.price.makes_images = matches!(self.mode.as_deref(), Some("image_generation" | "image_edit"));
        let read = RateKey::plain(Unit::CacheRead);
        if self.price.base.get(read).is_none()
            && let Some(hit) = self.other.get("input_cost_per_token_cache_hit").and_then(Value::as_f64)
        {
            self.price.base.set(read, Rate::from_dollars(hit));
        }
    }

    /// All facts that are neither flags nor prices, under the map's names.
    pub(crate) fn facts_of_map(&self) -> impl Iterator<Item = (String, Value)> + '_ {
        let limits = [("max_input_tokens", self.max_input), ("max_output_tokens", self.max_output)];
        let limits = limits.into_iter().filter_map(|(key, limit)| Some((key.to_owned(), limit?.into())));
        limits.chain(self.other.iter().map(|(key, value)| (key.clone(), value.clone())))
    }

    /// The name of a price in the key list.
    pub(crate) fn rate_name(&self, key: RateKey) -> String {
        match self.tiered() {
            Some(_) if key.above > 0 => format!("{}@{}", key.unit.key(), key.above),
            _ => key.field(),
        }
    }

    fn tiered(&self) -> Option<&str> {
        self.other.get(TIERED).and_then(Value::as_str)
    }

    fn put_prices(&mut self, prices: &Map<String, Value>) {
        for (key, value) in prices {
            self.put(field(key, value));
        }
    }

    /// Tiers become prices that hold above the start of their range.
    fn put_tiers(&mut self, tiers: &[Value]) {
        for tier in tiers.iter().filter_map(Value::as_object) {
            let results = tier.contains_key("max_results_range");
            let range = tier.get(if results { "max_results_range" } else { "range" });
            let start = range.and_then(|range| count(range.get(0)?)).unwrap_or(0);
            let above =
                u32::try_from(if results { start.saturating_sub(1) } else { start }).unwrap_or(u32::MAX);
            for (key, value) in tier {
                if let Field::Price(RateKey { unit, variant: Variant::STANDARD, .. }, rate) =
                    field(key, value)
                {
                    self.price.base.set(RateKey { above, ..RateKey::plain(unit) }, rate);
                }
            }
            self.other.insert(TIERED.into(), if results { "max_results_range" } else { "range" }.into());
        }
    }

    fn tiers(&self, range: &str) -> Value {
        let mut starts: Vec<u32> = self.price.base.iter().map(|(key, _)| key.above).collect();
        starts.sort_unstable();
        starts.dedup();
        let tiers = starts.iter().enumerate().map(|(at, start)| {
            let mut tier = Map::new();
            let first = if range == "range" || *start == 0 { *start } else { start + 1 };
            let last = starts.get(at + 1).map_or_else(
                || Value::from(self.max_input.unwrap_or(u64::from(u32::MAX))),
                |next| (*next).into(),
            );
            tier.insert(range.into(), Value::Array(vec![first.into(), last]));
            let prices = self
                .price
                .base
                .iter()
                .filter(|(key, _)| key.above == *start && key.variant == Variant::STANDARD);
            tier.extend(prices.map(|(key, rate)| (key.unit.key().to_owned(), rate.dollars().into())));
            Value::Object(tier)
        });
        tiers.collect()
    }
}

/// A price if the name is one of a price, else a fact.
fn field(key: &str, value: &Value) -> Field {
    match (RateKey::parse(key), value.as_f64()) {
        (Some(rate), Some(dollars)) => Field::Price(rate, Rate::from_dollars(dollars)),
        _ => Field::Fact(one_line(key), value.clone()),
    }
}

fn dated(value: &Value) -> Option<DatedRates> {
    let object = value.as_object()?;
    let day = |key: &str| object.get(key).and_then(Value::as_str).and_then(Day::parse);
    let price =
        |(key, value): (&String, &Value)| Some((RateKey::parse(key)?, Rate::from_dollars(value.as_f64()?)));
    let rates = object.iter().filter_map(price).collect();
    Some(DatedRates { from: day("valid_from")?, until: day("valid_until"), rates })
}

fn history(dated: &DatedRates) -> Value {
    let mut object: Map<String, Value> =
        dated.rates.iter().map(|(key, rate)| (key.field(), rate.dollars().into())).collect();
    object.insert("valid_from".into(), dated.from.to_string().into());
    if let Some(until) = dated.until {
        object.insert("valid_until".into(), until.to_string().into());
    }
    Value::Object(object)
}

/// Whole numbers, also when written with a decimal point.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

fn millionths(value: &Value) -> Option<i128> {
    let factor = value.as_f64().filter(|factor| *factor > 0.0)?;
    Some((factor * 1e6).round() as i128)
}

/// The compact form has one entry a line and one field between tabs.
fn one_line(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}
