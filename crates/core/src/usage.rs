//! What a call consumed.

use crate::{Money, Raw};

/// Consumption of one call, in one vocabulary for all providers.
///
/// `input` and `output` are totals: cached, audio and image tokens are part of `input`, reasoning and audio tokens
/// are part of `output`. `None` in a detail means that the provider did not say; a provider's zero stays zero.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// All prompt tokens, cached ones included.
    pub input: u64,
    /// All completion tokens, reasoning included.
    pub output: u64,
    /// The provider's own total, if it gave one that is not `input + output`.
    pub total: Option<u64>,
    /// Prompt tokens read from the provider's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to the provider's cache (all lifetimes).
    pub cache_write: Option<u64>,
    /// Of `cache_write`, those kept for five minutes, if the provider splits them.
    pub cache_write_5m: Option<u64>,
    /// Of `cache_write`, those kept for an hour.
    pub cache_write_1h: Option<u64>,
    /// Completion tokens spent on reasoning.
    pub reasoning: Option<u64>,
    /// Audio tokens of the prompt.
    pub audio_input: Option<u64>,
    /// Audio tokens of the completion.
    pub audio_output: Option<u64>,
    /// Image tokens of the prompt.
    pub image_input: Option<u64>,
    /// Image tokens of the completion.
    pub image_output: Option<u64>,
    /// Video tokens of the prompt.
    pub video_input: Option<u64>,
    /// Predicted tokens that appeared in the completion.
    pub accepted_prediction: Option<u64>,
    /// Predicted tokens that did not.
    pub rejected_prediction: Option<u64>,
    /// Web searches that the provider ran.
    pub web_searches: Option<u64>,
    /// Characters of the prompt, where they are what is billed.
    pub input_characters: Option<u64>,
    /// Pictures of the prompt, where they are billed by the piece.
    pub input_images: Option<u64>,
    /// What was consumed besides tokens, for operations that are sold by it.
    pub measures: Option<Box<Measures>>,
    /// The service tier that the provider says it used (`default`, `flex`, `priority`, `batch`, `standard`, …).
    pub service_tier: Option<String>,
    /// What the provider itself says the call cost.
    pub provider_cost: Option<Money>,
    /// The model that the answer names, if the target's own name (a deployment's) does not tell what it costs.
    pub model: Option<String>,
    /// Counted by the gateway because the provider did not say.
    pub estimated: bool,
    /// The upstream's usage object as it came.
    pub raw: Option<Raw>,
}

/// Consumption that is not tokens. Zero and `None`: nothing of it, or nobody said.
#[derive(Clone, Debug, Default)]
pub struct Measures {
    /// Pictures made.
    pub output_images: u64,
    /// Their size, `1024x1024`.
    pub image_size: Option<String>,
    /// Their quality: `hd`, `low`, ….
    pub image_quality: Option<String>,
    /// Thousandths of seconds of sound that went in.
    pub input_millis: u64,
    /// Queries or search units.
    pub queries: u64,
    /// Results that were asked for, where a query's price depends on it.
    pub results: u64,
    /// Pages of documents that were read.
    pub pages: u64,
    /// Of those, pages that were annotated.
    pub annotated_pages: u64,
    /// Thousandths of a provider's own credits.
    pub millicredits: u64,
    /// Tokens of the pages that an answer cites, where the provider sells them.
    pub citation_tokens: u64,
}

impl Measures {
    fn plus(self, other: Self) -> Self {
        Self {
            output_images: self.output_images.saturating_add(other.output_images),
            image_size: self.image_size.or(other.image_size),
            image_quality: self.image_quality.or(other.image_quality),
            input_millis: self.input_millis.saturating_add(other.input_millis),
            queries: self.queries.saturating_add(other.queries),
            results: self.results.max(other.results),
            pages: self.pages.saturating_add(other.pages),
            annotated_pages: self.annotated_pages.saturating_add(other.annotated_pages),
            millicredits: self.millicredits.saturating_add(other.millicredits),
            citation_tokens: self.citation_tokens.saturating_add(other.citation_tokens),
        }
    }
}

impl Usage {
    /// Usage that is nothing but these measures.
    pub fn measured(measures: Measures) -> Self {
        Self { measures: Some(Box::new(measures)), ..Self::default() }
    }

    /// What two requests consumed that stand for one. What only one of them tells is taken as it is; the upstream's own
    /// words are lost.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, two: Option<u64>| match (one, two) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        let total = match (self.total, other.total) {
            (None, None) => None,
            _ => Some(self.total().saturating_add(other.total())),
        };
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            total,
            cache_read: sum(self.cache_read, other.cache_read),
            cache_write: sum(self.cache_write, other.cache_write),
            cache_write_5m: sum(self.cache_write_5m, other.cache_write_5m),
            cache_write_1h: sum(self.cache_write_1h, other.cache_write_1h),
            reasoning: sum(self.reasoning, other.reasoning),
            audio_input: sum(self.audio_input, other.audio_input),
            audio_output: sum(self.audio_output, other.audio_output),
            image_input: sum(self.image_input, other.image_input),
            image_output: sum(self.image_output, other.image_output),
            video_input: sum(self.video_input, other.video_input),
            accepted_prediction: sum(self.accepted_prediction, other.accepted_prediction),
            rejected_prediction: sum(self.rejected_prediction, other.rejected_prediction),
            web_searches: sum(self.web_searches, other.web_searches),
            input_characters: sum(self.input_characters, other.input_characters),
            input_images: sum(self.input_images, other.input_images),
            measures: match (self.measures, other.measures) {
                (Some(one), Some(two)) => Some(Box::new(one.plus(*two))),
                (one, two) => one.or(two),
            },
            service_tier: self.service_tier.or(other.service_tier),
            provider_cost: match (self.provider_cost, other.provider_cost) {
                (Some(one), Some(two)) => Some(one + two),
                (one, two) => one.or(two),
            },
            model: self.model.or(other.model),
            estimated: self.estimated || other.estimated,
            raw: None,
        }
    }

    /// Prompt tokens at the full price: neither read from nor written to a cache.
    pub fn fresh_input(&self) -> u64 {
        self.input.saturating_sub(self.cache_read.unwrap_or(0)).saturating_sub(self.cache_write.unwrap_or(0))
    }

    /// The provider's total, or input plus output.
    pub fn total(&self) -> u64 {
        self.total.unwrap_or_else(|| self.input.saturating_add(self.output))
    }
}
