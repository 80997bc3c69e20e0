use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use lockgate_catalog::{Catalog, Price};
use lockgate_core::{Target, Usage};
use serde_json::Value;

/// A provider's model with credentials and limits: one entry of `model_list`.
#[derive(Clone)]
pub struct Deployment {
    /// Its stable id: `model_info.id`, or a hash of the entry.
    pub id: Arc<str>,
    /// The public model name that it serves.
    pub group: Arc<str>,
    /// Where it is.
    pub target: Target,
    /// Its share of the group's traffic.
    pub weight: Option<f64>,
    /// Deployments of a higher order are used only when all of the lower ones are out.
    pub order: u32,
    /// Requests a minute that it is good for.
    pub rpm: Option<u64>,
    /// Tokens a minute that it is good for.
    pub tpm: Option<u64>,
    /// Calls at one time that it is good for.
    pub max_parallel_requests: Option<u64>,
    /// Its time limits.
    pub timeouts: Timeouts,
    /// How often a failed call is tried again, if otherwise than the router's usual.
    pub num_retries: Option<u32>,
    /// How long it is left alone after a failure, if otherwise than the router's usual.
    pub cooldown: Option<Duration>,
    /// What it costs: the operator's own price, or the catalogue's.
    pub price: Option<Arc<Price>>,
    /// What its answers cost that say they are from another model.
    pub(crate) answered: Answered,
    /// `model_info` as configured, with what the catalogue adds.
    pub info: Value,
    /// `litellm_params` with every secret masked.
    pub params_public: Value,
    /// Answer with this instead of calling the provider.
    pub mock_response: Option<String>,
    /// Labels for tag routing.
    pub tags: Vec<String>,
    /// Whether the entry is a pattern, and this deployment one of its captures.
    pub wildcard: bool,
}

impl Deployment {
    /// What an answer is charged at: the operator's own price or that of the `base_model` they name; else that of the
    /// model which the answer says it is from (aliases, free names and routers stand for many); else its own.
    pub fn price_of_answer(&self, catalog: &Catalog, usage: &Usage) -> Option<Arc<Price>> {
        if self.price.as_ref().is_some_and(|own| own.overridden) {
            return self.price.clone();
        }
        if let Some(sized) = self.sized(catalog, usage) {
            return Some(Arc::new(sized));
        }
        if self.price.is_some() && self.target.param("base_model").is_some() {
            return self.price.clone();
        }
        let answered = usage.model.as_deref().filter(|answered| *answered != &*self.target.model);
        let priced = |model: &str| catalog.entry(self.label(), model).map(|entry| entry.price);
        answered.and_then(|model| self.answered.price(model, priced)).or_else(|| self.price.clone())
    }

    /// The provider as the price list calls it.
    fn label(&self) -> &str {
        let provider = &self.target.provider;
        provider.price_label.as_deref().unwrap_or(&provider.id)
    }

    /// The price of pictures of the size and quality that were made, where they are sold so.
    fn sized(&self, catalog: &Catalog, usage: &Usage) -> Option<Price> {
        let measures = usage.measures.as_ref().filter(|made| made.output_images > 0 && usage.output == 0)?;
        let (size, quality) = (measures.image_size.as_deref(), measures.image_quality.as_deref());
        let model = self.target.param("base_model").unwrap_or(&self.target.model);
        Some(catalog.image_entry(self.label(), model, size, quality)?.price)
    }
}

/// The price under the last name that answers came with: it hardly ever changes, and is looked up once.
#[derive(Clone, Default)]
pub(crate) struct Answered(Arc<ArcSwapOption<(String, Option<Arc<Price>>)>>);

impl Answered {
    fn price(&self, model: &str, look_up: impl FnOnce(&str) -> Option<Price>) -> Option<Arc<Price>> {
        if let Some(last) = &*self.0.load()
            && last.0 == model
        {
            return last.1.clone();
        }
        let price = look_up(model).filter(|price| !price.is_unpriced()).map(Arc::new);
        self.0.store(Some(Arc::new((model.to_owned(), price.clone()))));
        price
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("id", &self.id)
            .field("group", &self.group)
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// The four limits of a call, each with one meaning on every route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// From the start of an attempt until a connection stands, TLS included.
    pub connect: Duration,
    /// Of a stream: from the sending of the request until the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between two reads of an answer's body.
    pub idle: Duration,
    /// From the arrival of the call until the last byte, all attempts included.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(30 * 60),
        }
    }
}

impl Timeouts {
    /// These limits with LiteLLM's two: `timeout` bounds the whole call, and, where `stream_timeout` is silent, also
    /// the wait for a stream's first byte; `stream_timeout` bounds the latter.
    ///
    /// No part is ever longer than the whole.
    #[must_use]
    pub fn with(mut self, timeout: Option<Duration>, stream_timeout: Option<Duration>) -> Self {
        if let Some(total) = timeout {
            self.total = total;
            self.first_byte = total;
        }
        if let Some(first_byte) = stream_timeout {
            self.first_byte = first_byte;
        }
        self.clamped()
    }

    /// The same, with no part longer than the whole.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        self.connect = self.connect.min(self.total);
        self.first_byte = self.first_byte.min(self.total);
        self.idle = self.idle.min(self.total);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn litellms_two_timeouts_become_the_four() {
        let default = Timeouts::default();
        assert_eq!(default.with(None, None), default);
        let long = default.with(Some(s(600)), None);
        assert_eq!((long.total, long.first_byte, long.idle, long.connect), (s(600), s(600), s(60), s(5)));
        let both = default.with(Some(s(600)), Some(s(20)));
        assert_eq!((both.total, both.first_byte), (s(600), s(20)));
        let short = default.with(Some(s(3)), Some(s(20)));
        assert_eq!((short.total, short.first_byte, short.idle, short.connect), (s(3), s(3), s(3), s(3)));
    }
}
