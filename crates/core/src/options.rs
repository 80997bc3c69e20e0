//! What a client tells the gateway beside what it asks of the model.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use lockgate_wire::Object;
use serde_json::value::RawValue;

use crate::{Error, Raw, Result, Secret};

/// What the client told the gateway in its body: never sent upstream.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    /// Names of the members that belong to the gateway and are in this body.
    pub consumed: Vec<&'static str>,
    /// Limit on the whole call.
    pub timeout: Option<Duration>,
    /// Limit on the time to the first byte of a stream.
    pub stream_timeout: Option<Duration>,
    /// How often to try again.
    pub num_retries: Option<u32>,
    /// Drop what the provider does not take.
    pub drop_params: Option<bool>,
    /// Always drop these.
    pub additional_drop_params: Vec<String>,
    /// Always forward these.
    pub allowed_openai_params: Vec<String>,
    /// Model names to fall back to, as JSON (strings or objects).
    pub fallbacks: Option<Raw>,
    /// Never fall back.
    pub disable_fallbacks: bool,
    /// Labels for spend and routing.
    pub tags: Vec<String>,
    /// Answer with this text instead of calling a provider.
    pub mock_response: Option<String>,
    /// Members to merge into the upstream body.
    pub extra_body: Vec<(String, Raw)>,
    /// Headers to add to the upstream request.
    pub extra_headers: Vec<(String, String)>,
    /// A provider key of the client's own; used only where the operator allows it.
    pub api_key: Option<Secret>,
    /// A base URL of the client's own; used only where the operator allows it.
    pub api_base: Option<String>,
}

/// Members of a request body that are the gateway's own, on every surface.
pub const CONTROL_MEMBERS: &[&str] = &[
    "additional_drop_params",
    "allowed_openai_params",
    "api_base",
    "api_key",
    "api_version",
    "base_url",
    "cache",
    "caching",
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "custom_llm_provider",
    "disable_fallbacks",
    "drop_params",
    "extra_body",
    "extra_headers",
    "fallbacks",
    "fastest_response",
    "guardrails",
    "input_cost_per_token",
    "litellm_call_id",
    "litellm_credential_name",
    "litellm_metadata",
    "litellm_request_debug",
    "litellm_session_id",
    "litellm_trace_id",
    "max_retries",
    "merge_reasoning_content_in_choices",
    "mock_delay",
    "mock_response",
    "mock_timeout",
    "mock_tool_calls",
    "model_list",
    "modify_params",
    "no-log",
    "num_retries",
    "output_cost_per_token",
    "prompt_id",
    "prompt_label",
    "prompt_variables",
    "prompt_version",
    "request_timeout",
    "routing_strategy",
    "stream_timeout",
    "tags",
    "timeout",
    "user_config",
];

impl CallOptions {
    pub(crate) fn read(body: &Object) -> Result<Self> {
        let mut options = Self::default();
        for member in body.members() {
            let Ok(found) = CONTROL_MEMBERS.binary_search(&member.key.as_ref()) else { continue };
            let name = CONTROL_MEMBERS[found];
            options.consumed.push(name);
            let raw = std::str::from_utf8(member.raw).unwrap_or("null");
            if raw != "null" {
                options.set(name, raw)?;
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &'static str, raw: &str) -> Result<()> {
        match name {
            "timeout" | "request_timeout" => self.timeout = seconds(name, raw)?,
            "stream_timeout" => self.stream_timeout = seconds(name, raw)?,
            "num_retries" | "max_retries" => self.num_retries = Some(value(name, raw, "a whole number")?),
            "drop_params" => self.drop_params = Some(value(name, raw, "true or false")?),
            "additional_drop_params" => {
                self.additional_drop_params = value(name, raw, "a list of parameter names")?
            }
            "allowed_openai_params" => {
                self.allowed_openai_params = value(name, raw, "a list of parameter names")?
            }
            "fallbacks" => self.fallbacks = Some(value(name, raw, "a list of models")?),
            "disable_fallbacks" => self.disable_fallbacks = value(name, raw, "true or false")?,
            "tags" => self.tags = value(name, raw, "a list of strings")?,
            "mock_response" => self.mock_response = serde_json::from_str(raw).ok(),
            "extra_body" => self.extra_body = members(name, raw)?,
            "extra_headers" => {
                let headers: BTreeMap<String, String> = value(name, raw, "an object of strings")?;
                self.extra_headers = headers.into_iter().collect();
            }
            "api_key" => self.api_key = Some(value::<String>(name, raw, "a string")?.into()),
            "api_base" | "base_url" => self.api_base = Some(value(name, raw, "a URL")?),
            _ => {}
        }
        Ok(())
    }
}

fn value<T: serde::de::DeserializeOwned>(name: &'static str, raw: &str, expected: &str) -> Result<T> {
    serde_json::from_str(raw).map_err(|_| Error::bad_field(name, format!("`{name}` must be {expected}.")))
}

fn seconds(name: &'static str, raw: &str) -> Result<Option<Duration>> {
    let seconds: f64 = value(name, raw, "a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(Error::bad_field(name, format!("`{name}` must be a number of seconds above zero."))),
    }
}

fn members(name: &'static str, raw: &str) -> Result<Vec<(String, Raw)>> {
    let object = Object::scan(Bytes::copy_from_slice(raw.as_bytes()))
        .map_err(|_| Error::bad_field(name, format!("`{name}` must be an object.")))?;
    let mut members = Vec::new();
    for member in object.members() {
        let text = String::from_utf8_lossy(member.raw).into_owned();
        if let Ok(raw) = RawValue::from_string(text) {
            members.push((member.key.into_owned(), raw));
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::CONTROL_MEMBERS;

    #[test]
    fn control_members_are_sorted_for_the_binary_search() {
        assert!(CONTROL_MEMBERS.is_sorted());
    }
}
