//! What the catalogue knows of a deployment's model, with the operator's word on top.

use std::{collections::HashMap, sync::Arc};

use lockgate_catalog::{Catalog, Entry, Price};
use lockgate_core::ModelFacts;
use lockgate_registry::Resolved;
use serde_json::{Map, Value};

use crate::{Params, params};

/// What deployments built so far have asked the catalogue for.
#[derive(Default)]
pub struct Entries(HashMap<(Arc<str>, String, Option<String>), Arc<Known>>);

/// A model's entry and the facts in it.
pub(super) struct Known {
    pub(super) entry: Option<Entry>,
    pub(super) facts: Arc<ModelFacts>,
}

impl Entries {
    /// What the catalogue knows of `base_model` where one is given, else of the model.
    pub(super) fn of(&mut self, catalog: &Catalog, resolved: &Resolved, params: &Params) -> Arc<Known> {
        let provider = &resolved.provider;
        let base_model = params.base_model();
        let look_up = || {
            let label = provider.price_label.as_deref().unwrap_or(&provider.id);
            let entry = match base_model {
                Some(base) => catalog.find(base).or_else(|| catalog.entry(label, base)),
                None => catalog.entry(label, &resolved.model),
            };
            let unlisted = || catalog.facts(label, base_model.unwrap_or(&resolved.model));
            let mut facts = entry.as_ref().map(Entry::facts).unwrap_or_else(unlisted);
            facts.count_tokens = Some(lockgate_tokens::counter(&resolved.model));
            facts.decode_tokens = Some(|ids| lockgate_tokens::decode("text-embedding-3-small", ids));
            Arc::new(Known { entry, facts: Arc::new(facts) })
        };
        let key = (provider.id.clone(), resolved.model.clone(), base_model.map(str::to_owned));
        self.0.entry(key).or_insert_with(look_up).clone()
    }
}

/// The catalogue's facts with those of `model_info` on top; shared where `model_info` has none.
pub(super) fn facts(known: &Known, info: &Map<String, Value>) -> Arc<ModelFacts> {
    let is_fact = |name: &str| {
        name.starts_with("supports_")
            || ["max_input_tokens", "max_output_tokens", "max_tokens", "mode"].contains(&name)
    };
    if !info.keys().any(|name| is_fact(name)) {
        return known.facts.clone();
    }
    let mut facts = (*known.facts).clone();
    let count = |name: &str| info.get(name).and_then(params::number).map(|number| number as u64);
    facts.max_input = count("max_input_tokens").or(facts.max_input);
    facts.max_output = count("max_output_tokens").or_else(|| count("max_tokens")).or(facts.max_output);
    if let Some(mode) = info.get("mode").and_then(Value::as_str) {
        facts.mode = Some(mode.to_owned());
    }
    for (name, value) in info {
        let (Some(capability), Some(flag)) = (name.strip_prefix("supports_"), params::flag(value)) else {
            continue;
        };
        let (into, out) = if flag {
            (&mut facts.supports, &mut facts.lacks)
        } else {
            (&mut facts.lacks, &mut facts.supports)
        };
        into.insert(capability.to_owned());
        out.remove(capability);
    }
    Arc::new(facts)
}

/// The catalogue's price with the operator's own laid over it; `None` if nothing is known.
pub(super) fn price(entry: Option<&Entry>, params: &Params) -> Option<Price> {
    let own = params.prices();
    match entry {
        Some(entry) if own.is_empty() => Some(entry.price.clone()),
        Some(entry) => Some(entry.price.with_overrides(&own)),
        None if own.is_empty() => None,
        None => Some(Price::default().with_overrides(&own)).filter(|price| !price.is_unpriced()),
    }
}
