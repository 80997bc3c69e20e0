//! From LiteLLM's parameters to a [`Deployment`]: provider, credential, address, defaults, limits, prices.

mod address;
mod known;
mod mask;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use lockgate_catalog::{Catalog, Entry};
use lockgate_core::{Error, ParamPolicy, Provider, Raw, Target};
use lockgate_registry::{Registry, Resolved};
use serde_json::Value;

use crate::{
    Deployment, Params, Timeouts,
    credential::{self, Credential},
    params::{self, Role, text},
};

pub use known::Entries;

/// The value of an environment variable.
pub type Env<'a> = &'a (dyn Fn(&str) -> Option<String> + 'a);

/// Something about a deployment's parameters that its operator should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// The parameter: `litellm_params.api_base`.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl Issue {
    /// An issue with a parameter.
    pub fn new(key: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), remedy: remedy.into() }
    }
}

/// What holds for deployments that do not say otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// What to do with parameters that do not fit.
    pub policy: ParamPolicy,
    /// Time limits.
    pub timeouts: Timeouts,
}

/// Makes a deployment with the usual defaults.
///
/// # Errors
/// The provider is unknown, or its address is; all that is wrong is told.
pub fn build(
    registry: &Registry,
    catalog: &Catalog,
    params: &Params,
    env: Env<'_>,
) -> Result<Deployment, Vec<Issue>> {
    let defaults = Defaults::default();
    Builder { registry, catalog, env, defaults: &defaults }.build(params).map(|(deployment, _)| deployment)
}

/// Makes deployments.
#[derive(Clone, Copy)]
pub struct Builder<'a> {
    /// The providers.
    pub registry: &'a Registry,
    /// The price list.
    pub catalog: &'a Catalog,
    /// The environment.
    pub env: Env<'a>,
    /// What holds for deployments that do not say otherwise.
    pub defaults: &'a Defaults,
}

impl Builder<'_> {
    /// Makes a deployment, and tells what its operator should know about it.
    ///
    /// # Errors
    /// The deployment cannot work; all that is wrong is told.
    pub fn build(&self, params: &Params) -> Result<(Deployment, Vec<Issue>), Vec<Issue>> {
        self.build_with(params, &mut Entries::default())
    }

    /// The same for one of many deployments: the catalogue is asked once for each model.
    ///
    /// # Errors
    /// As for [`Builder::build`].
    pub fn build_with(
        &self,
        params: &Params,
        entries: &mut Entries,
    ) -> Result<(Deployment, Vec<Issue>), Vec<Issue>> {
        let Some(model) = params.str("model") else {
            return Err(vec![Issue::new(
                "litellm_params.model",
                "No model is named.",
                "Write `model: provider/name`, for example `openai/gpt-4o`.",
            )]);
        };
        let resolved = self.resolve(model, params).map_err(|issue| vec![issue])?;
        let mut fatal = Vec::new();
        let mut issues = Vec::new();
        let (base, custom_base) = self.base(&resolved.provider, params).unwrap_or_else(|issue| {
            fatal.push(issue);
            (String::new(), false)
        });
        let headers = self.headers(&resolved.provider, params, &mut fatal);
        let credential = credential::find(&resolved.provider, params, self.env);
        let signers = credential.signer(&resolved.provider).and_then(|usual| {
            let alternates = credential.alternates(&resolved.provider)?;
            Ok((usual, alternates))
        });
        let (signer, alternate_signers) = match signers {
            Ok(signers) if fatal.is_empty() => signers,
            Ok(_) => return Err(fatal),
            Err(issue) => {
                fatal.push(issue);
                return Err(fatal);
            }
        };
        if let Credential::Missing(message) = &credential {
            issues.push(Issue::new(
                "litellm_params.api_key",
                message,
                "Set one of them, or write `api_key`.",
            ));
        }
        let known = entries.of(self.catalog, &resolved, params);
        let mut target = Target {
            model: Arc::from(resolved.model.as_str()),
            base: Arc::from(base),
            custom_base,
            signer,
            alternate_signers: Arc::new(alternate_signers),
            headers: headers.into(),
            defaults: body_defaults(params).into(),
            extra_body: members(params.params.get("extra_body")).into(),
            policy: Arc::new(self.policy(params)),
            facts: known::facts(&known, &params.info),
            params: Arc::new(credential::target_params(&resolved.provider, params, self.env)),
            account: Arc::from(""),
            provider: resolved.provider,
        };
        target.account = credential::account(&target);
        Ok((self.deployment(params, target, known.entry.as_ref()), issues))
    }

    fn deployment(&self, params: &Params, target: Target, entry: Option<&Entry>) -> Deployment {
        let id = params.id();
        let mut info = params.info.clone();
        info.insert("id".to_owned(), Value::from(&*id));
        Deployment {
            id,
            group: Arc::from(params.model_name.as_str()),
            target,
            weight: params.number("weight"),
            order: params.count("order").unwrap_or(0) as u32,
            rpm: params.count("rpm"),
            tpm: params.count("tpm"),
            max_parallel_requests: params.count("max_parallel_requests"),
            timeouts: self.timeouts(params),
            num_retries: params
                .count("num_retries")
                .or_else(|| params.count("max_retries"))
                .map(|count| count as u32),
            cooldown: params.seconds("cooldown_time"),
            price: known::price(entry, params).map(Arc::new),
            answered: Default::default(),
            info: Value::Object(info),
            params_public: mask::masked(&params.params),
            mock_response: params.str("mock_response").map(str::to_owned),
            tags: params.strings("tags"),
            wildcard: false,
        }
    }

    /// Whose model it is: an explicit provider, the prefix, the host of `api_base`, the price list.
    fn resolve(&self, model: &str, params: &Params) -> Result<Resolved, Issue> {
        let custom = params.str("custom_llm_provider");
        let of_prefix = |_: &str| None;
        if let Some(found) = self.registry.resolve(model, custom, &of_prefix) {
            return Ok(found);
        }
        if let Some(id) = custom {
            return Err(Issue::new(
                "litellm_params.custom_llm_provider",
                format!("There is no provider `{id}` in this build."),
                "`lockgate providers` lists them; for a server that speaks OpenAI's format use `openai`.",
            ));
        }
        if let Some(provider) = params.str("api_base").and_then(|base| self.provider_at(base)) {
            return Ok(Resolved { provider: provider.clone(), model: model.to_owned() });
        }
        let label = |model: &str| self.catalog.provider_of(model);
        self.registry.resolve(model, None, &label).ok_or_else(|| unknown_provider(model, label(model)))
    }

    fn headers(
        &self,
        provider: &Provider,
        params: &Params,
        fatal: &mut Vec<Issue>,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        let mut add = |key: &str, name: &str, value: &str| match (name.parse(), HeaderValue::from_str(value))
        {
            (Ok(name), Ok(mut value)) => {
                // Operators put credentials here.
                value.set_sensitive(true);
                headers.push((name, value));
            }
            _ => fatal.push(Issue::new(
                format!("litellm_params.{key}"),
                format!("`{name}` and its value are no HTTP header."),
                "Names hold letters, digits and dashes; values one line of ASCII.",
            )),
        };
        for key in ["extra_headers", "headers"] {
            let Some(Value::Object(own)) = params.params.get(key) else { continue };
            for (name, value) in own {
                if let Some(value) = text(value) {
                    add(key, name, &value);
                }
            }
        }
        for (key, name) in provider.dialect.headers() {
            if let Some(value) = params.str(key) {
                add(key, name, value);
            }
        }
        headers
    }

    fn policy(&self, params: &Params) -> ParamPolicy {
        let usual = &self.defaults.policy;
        let joined = |name: &str, usual: &[String]| {
            let mut list = usual.to_vec();
            list.extend(params.strings(name));
            list
        };
        ParamPolicy {
            drop_params: params.flag("drop_params").unwrap_or(usual.drop_params),
            additional_drop_params: joined("additional_drop_params", &usual.additional_drop_params),
            allowed_openai_params: joined("allowed_openai_params", &usual.allowed_openai_params),
            modify_params: params.flag("modify_params").unwrap_or(usual.modify_params),
        }
    }

    fn timeouts(&self, params: &Params) -> Timeouts {
        let mut timeouts = self.defaults.timeouts;
        timeouts.connect = params.seconds("connect_timeout").unwrap_or(timeouts.connect);
        timeouts.idle = params.seconds("idle_timeout").unwrap_or(timeouts.idle);
        let total = params.seconds("timeout").or_else(|| params.seconds("request_timeout"));
        timeouts.with(total, params.seconds("stream_timeout"))
    }
}

fn unknown_provider(model: &str, label: Option<String>) -> Issue {
    let message = match (label, model.split_once('/')) {
        (Some(label), _) => format!("`{model}` belongs to `{label}`, which this build does not have."),
        (None, Some((prefix, _))) => {
            format!("There is no provider `{prefix}` in this build, and `{model}` is not in the price list.")
        }
        (None, None) => format!("`{model}` names no provider and is not in the price list."),
    };
    Issue::new(
        "litellm_params.model",
        message,
        "Write `provider/model` (`lockgate providers` lists the providers), or `openai/NAME` with `api_base` for a \
         server that speaks OpenAI's format.",
    )
}

/// What is sent where the client is silent.
fn body_defaults(params: &Params) -> Vec<(String, Raw)> {
    let body =
        params.params.iter().filter(|(name, value)| params::role(name) == Role::Body && !value.is_null());
    body.filter_map(|(name, value)| Some((name.clone(), raw(value)?))).collect()
}

fn members(value: Option<&Value>) -> Vec<(String, Raw)> {
    let Some(Value::Object(object)) = value else { return Vec::new() };
    object.iter().filter_map(|(name, value)| Some((name.clone(), raw(value)?))).collect()
}

fn raw(value: &Value) -> Option<Raw> {
    serde_json::value::to_raw_value(value).ok()
}

/// The error of a call to a deployment that has no credential.
pub(crate) fn no_credential(message: &str) -> Error {
    Error::new(lockgate_core::ErrorKind::Authentication, lockgate_core::Origin::Gateway, message)
}

#[cfg(test)]
mod tests;
