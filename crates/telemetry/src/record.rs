//! What is known of a call when it has ended.

use std::{sync::Arc, time::Duration};

use lockgate_core::{ErrorKind, Money, Operation, Usage};

/// A finished call, whole or failed. Holds no content, no header and no credential.
#[derive(Clone, Debug)]
pub struct CallRecord {
    /// The call's id, as in `x-litellm-call-id`.
    pub call_id: Arc<str>,
    /// The surface it came through: `openai`, `anthropic`.
    pub surface: &'static str,
    /// What was asked.
    pub operation: Operation,
    /// The public model name that the route has (a pattern for wildcards), or empty if none was found.
    pub model_group: Arc<str>,
    /// The model as sent upstream, or empty.
    pub model: Arc<str>,
    /// The deployment that answered last, or empty.
    pub deployment: Arc<str>,
    /// Its provider, or empty.
    pub provider: Arc<str>,
    /// The status that the client saw.
    pub status: u16,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// From the request's head until the last byte of the answer.
    pub duration: Duration,
    /// Of `duration`, the time that the upstream took: what is left is the gateway's own.
    pub upstream: Option<Duration>,
    /// From the request's head until the first content of a stream.
    pub ttft: Option<Duration>,
    /// What was consumed.
    pub usage: Option<Usage>,
    /// What it cost; `None` if that is not known.
    pub cost: Option<Money>,
    /// What the provider itself says that it cost. It is billed unless the operator has set prices of their own.
    pub provider_cost: Option<Money>,
    /// What it costs by the price list, where the provider gives a figure of its own.
    pub list_cost: Option<Money>,
    /// Those two are more than a hundredth apart.
    pub cost_drift: bool,
    /// Attempts beyond the first on the same route.
    pub retries: u32,
    /// Changes to another route.
    pub fallbacks: u32,
    /// The usage was counted by the gateway, because the provider did not say.
    pub estimated: bool,
    /// There is usage, but no price for it.
    pub unpriced: bool,
    /// How many parameters were not sent upstream.
    pub dropped_params: u32,
    /// Why it failed, if it did.
    pub error: Option<ErrorKind>,
}

impl CallRecord {
    /// A record with only what is known at the start.
    pub fn new(call_id: impl Into<Arc<str>>, surface: &'static str, operation: Operation) -> Self {
        let none: Arc<str> = Arc::from("");
        Self {
            call_id: call_id.into(),
            surface,
            operation,
            model_group: none.clone(),
            model: none.clone(),
            deployment: none.clone(),
            provider: none,
            status: 200,
            stream: false,
            duration: Duration::ZERO,
            upstream: None,
            ttft: None,
            usage: None,
            cost: None,
            provider_cost: None,
            list_cost: None,
            cost_drift: false,
            retries: 0,
            fallbacks: 0,
            estimated: false,
            unpriced: false,
            dropped_params: 0,
            error: None,
        }
    }

    /// What the gateway itself added to the call.
    pub fn overhead(&self) -> Option<Duration> {
        Some(self.duration.saturating_sub(self.upstream?))
    }
}
