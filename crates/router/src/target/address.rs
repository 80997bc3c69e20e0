//! Where a deployment is, and whose address that is.

use std::sync::Arc;

use lockgate_core::Provider;

use super::{Builder, Issue};
use crate::Params;

impl Builder<'_> {
    /// The provider whose own address this is: same host, and a path at or below its own. A look-alike host never
    /// gets a known provider's key.
    pub(super) fn provider_at(&self, base: &str) -> Option<&Arc<Provider>> {
        let wanted: http::Uri = base.parse().ok()?;
        let below = |path: &str, root: &str| {
            let root = root.trim_end_matches('/');
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.registry.providers().find(|provider| {
            let mut own = provider.base_url.iter().chain(&provider.also_at);
            own.any(|url| {
                let own: Option<http::Uri> = url.parse().ok();
                own.is_some_and(|own| {
                    own.host().is_some()
                        && own.authority() == wanted.authority()
                        && below(wanted.path(), own.path())
                })
            })
        })
    }

    /// The base URL and whether it is the operator's own.
    pub(super) fn base(&self, provider: &Provider, params: &Params) -> Result<(String, bool), Issue> {
        let own = params.str("api_base").or_else(|| params.str("base_url")).map(str::to_owned);
        let from_env = || {
            provider.base_env.iter().find_map(|name| (self.env)(name).filter(|url| !url.trim().is_empty()))
        };
        let (base, custom) = match own.or_else(from_env) {
            Some(base) => (Some(base), true),
            None => (self.default_base(provider, params)?, false),
        };
        let base = match base {
            Some(base) => base,
            None => {
                let variables = match provider.base_env.as_slice() {
                    [] => String::new(),
                    names => format!(", or set {}", names.join(" or ")),
                };
                return Err(Issue::new(
                    "litellm_params.api_base",
                    format!("`{}` has no address of its own.", provider.id),
                    format!("Write `api_base: https://…`{variables}."),
                ));
            }
        };
        let web = |base: &str| {
            let uri = base.parse::<http::Uri>();
            uri.is_ok_and(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https")))
        };
        let valid = !custom || web(&base);
        if !valid {
            return Err(Issue::new(
                "litellm_params.api_base",
                format!("`{base}` is no http or https URL."),
                "Write the whole address: `https://host/v1`.",
            ));
        }
        Ok((with_lower_host(without_endpoint(&base)), custom))
    }

    /// A `{SNOWFLAKE_ACCOUNT_ID}` in a row's address is `account_id` of the deployment, or the variable.
    fn default_base(&self, provider: &Provider, params: &Params) -> Result<Option<String>, Issue> {
        let parameter = |variable: &str| {
            let name = variable.to_lowercase();
            name.strip_prefix(&*provider.id).and_then(|name| name.strip_prefix('_')).map(str::to_owned)
        };
        let given = |variable: &str| {
            let own = parameter(variable).and_then(|name| params.str(&name).map(str::to_owned));
            own.or_else(|| (self.env)(variable))
        };
        provider.default_base(&given).map_err(|variable| {
            let name = parameter(&variable).map_or_else(String::new, |name| format!("`{name}`, or "));
            Issue::new(
                "litellm_params.api_base",
                format!("The address of `{}` needs {name}the environment variable {variable}.", provider.id),
                format!("Set {variable}, or write {name}`api_base: https://…`."),
            )
        })
    }
}

/// Names of hosts are written in small letters: clouds' names of accounts often are not.
fn with_lower_host(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return base.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    // What is before an `@` is a credential.
    let (user, host) = place.split_at(place.rfind('@').map_or(0, |at| at + 1));
    format!("{scheme}://{user}{}{path}", host.to_ascii_lowercase())
}

/// Operators also paste the address of an endpoint; the base is what is before.
fn without_endpoint(base: &str) -> &str {
    let base = base.trim().trim_end_matches('/');
    for endpoint in ["/chat/completions", "/v1/messages"] {
        if let Some(rest) = base.strip_suffix(endpoint) {
            return rest.trim_end_matches('/');
        }
    }
    base
}
