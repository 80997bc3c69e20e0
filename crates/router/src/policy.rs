use std::{collections::BTreeMap, sync::Arc, time::Duration};

use lockgate_core::ErrorKind;
use serde_json::{Map, Value};

use crate::routes::Pattern;

/// How the router behaves: `router_settings`, and those of `litellm_settings` that mean the same.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How a deployment is chosen among the healthy ones.
    pub strategy: Strategy,
    /// How often a failed call is tried again within its group.
    pub num_retries: u32,
    /// The shortest wait before the same deployment is tried again.
    pub retry_after: Duration,
    /// How often to try again, by kind of error.
    pub retry_policy: RetryPolicy,
    /// The same for single groups, before `retry_policy`.
    pub group_retry_policy: BTreeMap<String, RetryPolicy>,
    /// Failures a minute that a deployment may have. `None`: the share of failures decides.
    pub allowed_fails: Option<u32>,
    /// The same by kind of error, before `allowed_fails`.
    pub allowed_fails_policy: RetryPolicy,
    /// How long a failed deployment is left alone.
    pub cooldown_time: Duration,
    /// Never leave a deployment alone.
    pub disable_cooldowns: bool,
    /// Groups to go on with after any error.
    pub fallbacks: Fallbacks,
    /// Groups to go on with when `fallbacks` names none.
    pub default_fallbacks: Vec<Fallback>,
    /// Groups to go on with when the prompt is too long.
    pub context_window_fallbacks: Fallbacks,
    /// Groups to go on with when a provider's content policy refused.
    pub content_policy_fallbacks: Fallbacks,
    /// How many fallbacks one call may use.
    pub max_fallbacks: u32,
    /// Choose deployments by the request's tags.
    pub enable_tag_filtering: bool,
    /// Whether one common tag is enough.
    pub tag_filtering_match_any: bool,
    /// Limit on calls at one time for deployments that name none.
    pub default_max_parallel_requests: Option<u64>,
    /// Latencies within this share of the best are as good (`latency-based-routing`).
    pub latency_buffer: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            num_retries: 2,
            retry_after: Duration::ZERO,
            retry_policy: RetryPolicy::default(),
            group_retry_policy: BTreeMap::new(),
            allowed_fails: None,
            allowed_fails_policy: RetryPolicy::default(),
            cooldown_time: Duration::from_secs(5),
            disable_cooldowns: false,
            fallbacks: Fallbacks::default(),
            default_fallbacks: Vec::new(),
            context_window_fallbacks: Fallbacks::default(),
            content_policy_fallbacks: Fallbacks::default(),
            max_fallbacks: 5,
            enable_tag_filtering: false,
            tag_filtering_match_any: true,
            default_max_parallel_requests: None,
            latency_buffer: 0.0,
        }
    }
}

/// How a deployment is chosen among the healthy ones.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Strategy {
    /// At random, by `weight`, else by `rpm`, else by `tpm`, else evenly.
    #[default]
    SimpleShuffle,
    /// The one with the fewest calls under way.
    LeastBusy,
    /// The one that answered fastest of late.
    Latency,
    /// The cheapest.
    Cost,
}

impl Strategy {
    /// The strategy that LiteLLM calls so, if it is built.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "simple-shuffle" => Some(Self::SimpleShuffle),
            "least-busy" => Some(Self::LeastBusy),
            "latency-based-routing" => Some(Self::Latency),
            "cost-based-routing" => Some(Self::Cost),
            _ => None,
        }
    }

    /// LiteLLM's names of strategies that are accepted, but for which `simple-shuffle` is used.
    pub const INACTIVE: [&str; 4] = ["usage-based-routing", "usage-based-routing-v2", "lar1", "priority"];
}

/// A count for each kind of error: LiteLLM's `retry_policy` and `allowed_fails_policy`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RetryPolicy {
    counts: BTreeMap<&'static str, u32>,
    default: Option<u32>,
}

impl RetryPolicy {
    const KINDS: [&str; 9] = [
        "BadRequestError",
        "AuthenticationError",
        "TimeoutError",
        "RateLimitError",
        "ContentPolicyViolationError",
        "InternalServerError",
        "ServiceUnavailableError",
        "BadGatewayError",
        "NotFoundError",
    ];

    /// Sets the count of a key like `RateLimitErrorRetries`, `TimeoutErrorAllowedFails` or `DefaultRetries`; false if
    /// there is no such key.
    pub fn set(&mut self, key: &str, count: u32) -> bool {
        let Some(kind) = key.strip_suffix("Retries").or_else(|| key.strip_suffix("AllowedFails")) else {
            return false;
        };
        if kind == "Default" {
            self.default = Some(count);
            return true;
        }
        match Self::KINDS.iter().find(|known| **known == kind) {
            Some(known) => {
                self.counts.insert(known, count);
                true
            }
            None => false,
        }
    }

    /// The count for that kind of error, if one is set.
    pub fn count(&self, kind: ErrorKind) -> Option<u32> {
        let name = match kind {
            ErrorKind::Timeout | ErrorKind::GatewayTimeout => "TimeoutError",
            ErrorKind::ContextWindow | ErrorKind::UnsupportedParams => "BadRequestError",
            ErrorKind::Connection | ErrorKind::InvalidResponse => "InternalServerError",
            other => other.class(),
        };
        self.counts.get(name).copied().or(self.default)
    }
}

/// One place to fall back to.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    /// A public model name.
    pub model: Arc<str>,
    /// Members that replace those of the client's body there.
    pub params: Option<Arc<Map<String, Value>>>,
}

impl Fallback {
    /// Falls back to a model, with nothing else changed.
    pub fn to(model: &str) -> Self {
        Self { model: Arc::from(model), params: None }
    }

    /// Reads a list of names or of objects that name a `model` and what else differs. `None` if it is neither.
    pub fn list(value: &Value) -> Option<Vec<Self>> {
        let one = |value: &Value| match value {
            Value::String(model) => Some(Self::to(model)),
            Value::Object(object) => {
                let model = Arc::from(object.get("model")?.as_str()?);
                let mut params = object.clone();
                params.remove("model");
                Some(Self { model, params: (!params.is_empty()).then(|| Arc::new(params)) })
            }
            _ => None,
        };
        match value {
            Value::String(model) => Some(vec![Self::to(model)]),
            Value::Array(list) => list.iter().map(one).collect(),
            _ => None,
        }
    }
}

/// Which groups follow which.
#[derive(Clone, Debug, Default)]
pub struct Fallbacks {
    exact: BTreeMap<String, Vec<Fallback>>,
    patterns: Vec<(Pattern, Vec<Fallback>)>,
}

impl Fallbacks {
    /// Adds the fallbacks of a group. The name may be a pattern.
    pub fn insert(&mut self, group: &str, to: Vec<Fallback>) {
        match Pattern::new(group) {
            Some(pattern) => {
                self.patterns.push((pattern, to));
                self.patterns.sort_by(|(a, _), (b, _)| b.specificity().cmp(&a.specificity()));
            }
            None => {
                self.exact.insert(group.to_owned(), to);
            }
        }
    }

    /// The fallbacks of a group: its own, else those of the most specific pattern.
    pub fn of(&self, group: &str) -> Option<&[Fallback]> {
        if let Some(list) = self.exact.get(group) {
            return Some(list);
        }
        self.patterns
            .iter()
            .find(|(pattern, _)| pattern.capture(group).is_some())
            .map(|(_, list)| list.as_slice())
    }

    /// All groups that are named as targets, for checking.
    pub fn targets(&self) -> impl Iterator<Item = &Fallback> {
        self.exact.values().chain(self.patterns.iter().map(|(_, list)| list)).flatten()
    }

    /// All groups that have fallbacks.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(String::as_str).chain(self.patterns.iter().map(|(pattern, _)| pattern.text()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }
}
