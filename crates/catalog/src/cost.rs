//! Usage times prices.

use std::time::SystemTime;

use lockgate_core::{Money, Usage};

use crate::{Price, Unit};

/// The circumstances of a call that prices depend on.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The service tier that was asked for or granted. [`Usage::service_tier`] is used if this is not set.
    pub service_tier: Option<String>,
    /// Whether the call was part of an asynchronous batch.
    pub batch: bool,
    /// When the call was made; without it the newest prices hold, and no cheaper hours.
    pub at: Option<SystemTime>,
    /// Conditions with a factor on the price: `us` (inference geography), `fast` (speed), `regional_endpoint`,
    /// `processing_eu`, `processing_us`.
    pub conditions: Vec<String>,
    /// Context size of web searches: `low`, `medium`, `high`.
    pub search_context: Option<String>,
    /// A format with its own price: `720p`, `4K`, ….
    pub format: Option<String>,
    /// What was consumed besides tokens.
    pub measured: Measured,
}

/// Consumption that is not in tokens.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Measured {
    pub input_images: u64,
    pub output_images: u64,
    /// Pixels of all pictures made.
    pub pixels: u64,
    pub input_characters: u64,
    pub output_characters: u64,
    /// Thousandths of seconds of audio or video that went in.
    pub input_millis: u64,
    /// Thousandths of seconds of audio or video that came out.
    pub output_millis: u64,
    /// Thousandths of seconds that a rented machine ran.
    pub running_millis: u64,
    /// Searches or rerank queries.
    pub queries: u64,
    /// Results asked for per search.
    pub results: u64,
    pub requests: u64,
    pub pages: u64,
    pub annotated_pages: u64,
    pub credits: u64,
    pub citation_tokens: u64,
    pub map_groundings: u64,
    pub code_sessions: u64,
    pub file_searches: u64,
}

/// What a call costs. `total = input + output + tools + other`, unless the provider's own figure is billed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// What is billed: the provider's own figure where it gives one, else `computed`.
    pub total: Money,
    /// By the price list.
    pub computed: Money,
    /// By the provider's own words.
    pub reported: Option<Money>,
    /// All of the prompt, caches included.
    pub input: Money,
    /// All of the completion, reasoning included.
    pub output: Money,
    /// Part of `input`.
    pub cache_read: Money,
    /// Part of `input`.
    pub cache_write: Money,
    /// Part of `output`.
    pub reasoning: Money,
    /// Searches and other tools that the provider ran.
    pub tools: Money,
    /// Pictures, seconds, characters, pages, queries, requests.
    pub other: Money,
    /// Consumed, but without a price; to be said, not to be taken for nothing.
    pub unpriced: Vec<Unit>,
}

/// A cost, or the news that there is no price.
#[derive(Clone, Debug, PartialEq)]
pub enum Pricing {
    /// There is a price.
    Priced(Cost),
    /// There is none.
    Unpriced {
        /// The model that has no price.
        model: String,
        /// Whether the catalogue has an entry for the model at all.
        known: bool,
    },
}

impl Pricing {
    /// The cost, if there is a price.
    pub fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Priced(cost) => Some(cost),
            Self::Unpriced { .. } => None,
        }
    }
}

impl Cost {
    /// A cost that only the provider knows.
    pub fn reported(amount: Money) -> Self {
        Self { total: amount, reported: Some(amount), ..Self::default() }
    }
}

impl Price {
    /// What `usage` costs on `terms`.
    pub fn cost(&self, _usage: &Usage, _terms: &Terms) -> Cost {
        Cost::default()
    }
}
