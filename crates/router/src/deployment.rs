use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

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
    pub price: Option<Price>,
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
    /// Its price; if none is known, that of the model which the answer names.
    pub fn price_of_answer(&self, catalog: &Catalog, usage: &Usage) -> Option<Cow<'_, Price>> {
        let sized = self.price.as_ref().is_none_or(|own| !own.overridden).then(|| self.sized(catalog, usage));
        if let Some(sized) = sized.flatten() {
            return Some(Cow::Owned(sized));
        }
        if let Some(own) = &self.price {
            return Some(Cow::Borrowed(own));
        }
        let (provider, answered) = (&self.target.provider, usage.model.as_deref()?);
        let label = provider.price_label.as_deref().unwrap_or(&provider.id);
        let entry = catalog.entry_of_answer(label, &self.target.model, Some(answered))?;
        Some(Cow::Owned(entry.price))
    }

    /// The price of pictures of the size and quality that were made, where they are sold so.
    fn sized(&self, catalog: &Catalog, usage: &Usage) -> Option<Price> {
        let measures = usage.measures.as_ref().filter(|made| made.output_images > 0 && usage.output == 0)?;
        let provider = &self.target.provider;
        let label = provider.price_label.as_deref().unwrap_or(&provider.id);
        let (size, quality) = (measures.image_size.as_deref(), measures.image_quality.as_deref());
        let model = self.target.param("base_model").unwrap_or(&self.target.model);
        Some(catalog.image_entry(label, model, size, quality)?.price)
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
