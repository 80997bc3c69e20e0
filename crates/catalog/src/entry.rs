//! One model.

use std::collections::BTreeMap;

use lockgate_core::ModelFacts;
use serde_json::{Map, Value};

use crate::{Price, Unit};

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

    /// The entry as an object of LiteLLM's price map.
    pub fn to_litellm_json(&self) -> Value {
        Value::Object(Map::new())
    }

    /// Whether any price of this unit is known.
    pub fn prices(&self, unit: Unit) -> bool {
        self.price.base.iter().any(|(key, _)| key.unit == unit)
    }
}
