use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// LiteLLM's parameters of one deployment: `litellm_params` with `model_info`, references to the environment
/// resolved.
#[derive(Clone, Default)]
pub struct Params {
    /// The public model name.
    pub model_name: String,
    /// `litellm_params`.
    pub params: Map<String, Value>,
    /// `model_info`.
    pub info: Map<String, Value>,
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// Read here; neither a dialect nor a provider sees it.
    Gateway,
    /// For the dialect or the signer of a cloud ([`lockgate_core::Target::params`]).
    Target,
    /// A price.
    Price,
    /// Sent to the provider where the client is silent.
    Body,
}

/// Parameters that the gateway reads or keeps for itself.
pub(crate) const GATEWAY: &[&str] = &[
    "additional_drop_params",
    "allow_client_keepalive_override",
    "allowed_openai_params",
    "api_base",
    "api_key",
    "base_model",
    "base_url",
    "budget_duration",
    "cache_control_injection_points",
    "caching_groups",
    "complexity_router_config",
    "configurable_clientside_auth_params",
    "connect_timeout",
    "cooldown_time",
    "custom_llm_provider",
    "default_api_key_rpm_limit",
    "default_api_key_tpm_limit",
    "drop_params",
    "extra_body",
    "extra_headers",
    "guardrails",
    "headers",
    "id",
    "idle_timeout",
    "itpm",
    "keepalive_seconds",
    "litellm_credential_name",
    "litellm_metadata",
    "litellm_trace_id",
    "max_budget",
    "max_file_size_mb",
    "max_parallel_requests",
    "max_retries",
    "merge_reasoning_content_in_choices",
    "mock_response",
    "model",
    "model_info",
    "modify_params",
    "num_retries",
    "order",
    "organization",
    "otpm",
    "prompt_id",
    "provider_affinity_header",
    "request_timeout",
    "rpm",
    "search_provider",
    "silent_model",
    "stream_timeout",
    "stream_timeout_by_service_tier",
    "tag_regex",
    "tags",
    "timeout",
    "timeout_by_service_tier",
    "tpm",
    "use_in_pass_through",
    "use_litellm_proxy",
    "vector_store_ids",
    "weight",
];

/// Parameters of clouds, by name.
const TARGET: &[&str] = &[
    "account_id",
    "api_type",
    "api_version",
    "azure_ad_token",
    "azure_password",
    "azure_scope",
    "azure_username",
    "bedrock_tags",
    "client_id",
    "client_secret",
    "gcs_bucket_name",
    "model_id",
    "project_id",
    "region_name",
    "search_engine_id",
    "sagemaker_base_url",
    "space_id",
    "tenant_id",
    "token",
    "use_chat_completions_api",
    "use_xai_oauth",
    "zen_api_key",
];

/// Parameters of clouds, by how they start.
const TARGET_PREFIXES: &[&str] = &[
    "agentcore_",
    "anthropic_",
    "auto_router_",
    "aws_",
    "bing_grounding_",
    "dataforseo_",
    "adaptive_router_",
    "complexity_router_",
    "oci_",
    "openai_identity_",
    "openai_service_",
    "predibase_",
    "quality_router_",
    "s3_",
    "vertex_",
    "watsonx_",
];

pub(crate) fn role(name: &str) -> Role {
    if GATEWAY.contains(&name) {
        Role::Gateway
    } else if TARGET.contains(&name) || TARGET_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        Role::Target
    } else if is_price(name) {
        Role::Price
    } else {
        Role::Body
    }
}

/// Whether the name is one of LiteLLM's prices: `input_cost_per_token`, `cache_read_input_token_cost`, ….
pub(crate) fn is_price(name: &str) -> bool {
    name.contains("cost_per_") || name.ends_with("_cost") || name.contains("_token_cost")
}

impl Params {
    /// A deployment of `model` and nothing else.
    pub fn new(model_name: &str, model: &str) -> Self {
        let mut params = Map::new();
        params.insert("model".to_owned(), Value::from(model));
        Self { model_name: model_name.to_owned(), params, info: Map::new() }
    }

    /// The model behind a deployment's free name.
    pub fn base_model(&self) -> Option<&str> {
        self.info.get("base_model").and_then(Value::as_str).or_else(|| self.str("base_model"))
    }

    /// The deployment's id: `model_info.id`, or a hash of the entry; equal entries have equal ids.
    pub fn id(&self) -> Arc<str> {
        if let Some(id) = self.info.get("id").and_then(text) {
            return Arc::from(id);
        }
        let mut hasher = Sha256::new();
        hasher.update(self.model_name.as_bytes());
        for map in [&self.params, &self.info] {
            hasher.update(serde_json::to_vec(map).unwrap_or_default());
        }
        hex::encode(&hasher.finalize()[..16]).into()
    }

    /// Sets a parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// A text that is there and not empty.
    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// A switch; LiteLLM's users also write `"true"` and `yes`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        flag(self.params.get(name)?)
    }

    /// A number, also if it is written as text.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        number(self.params.get(name)?)
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.number(name).filter(|number| *number >= 0.0).map(|number| number as u64)
    }

    pub(crate) fn seconds(&self, name: &str) -> Option<Duration> {
        Duration::try_from_secs_f64(self.number(name)?).ok().filter(|duration| !duration.is_zero())
    }

    pub(crate) fn strings(&self, name: &str) -> Vec<String> {
        match self.params.get(name) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(list)) => {
                list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The operator's own prices, of the parameters and of `model_info`.
    pub(crate) fn prices(&self) -> BTreeMap<String, f64> {
        let both = self.info.iter().chain(&self.params);
        both.filter(|(name, _)| is_price(name))
            .filter_map(|(name, value)| Some((name.clone(), number(value)?)))
            .collect()
    }
}

pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A scalar as text, anything else as JSON.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
