use std::{
    collections::BTreeMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use lockgate_catalog::Catalog;
use lockgate_core::Secret;
use lockgate_registry::{Registry, Row, RowError};
use lockgate_router::{
    Deployment, Fallback, Health, Issue, Params, Policy, Routes, Timeouts, Wildcard,
    target::{Builder, Defaults},
};
use lockgate_transport::{Egress, Transport, TransportConfig, TransportError};

use crate::{Client, client::Inner};

/// Looks an environment variable up.
type Env = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Sets a [`Client`] up. Nothing is taken from the environment unless [`ClientBuilder::env`] says so.
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    env: Env,
    keys: BTreeMap<String, Secret>,
    bases: BTreeMap<String, String>,
    rows: Vec<(String, Row)>,
    catalog: Option<Catalog>,
    deployments: Vec<Params>,
    defaults: Defaults,
    policy: Policy,
    transport: TransportConfig,
    egress: Egress,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A provider's row is wrong.
    #[error(transparent)]
    Provider(#[from] RowError),
    /// A deployment cannot work.
    #[error("deployment `{name}`: {}", listed(issues))]
    Deployment {
        /// Its public name.
        name: String,
        /// All that is wrong with it.
        issues: Vec<Issue>,
    },
    /// Connections cannot be made.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            env: Arc::new(|_| None),
            keys: BTreeMap::new(),
            bases: BTreeMap::new(),
            rows: Vec::new(),
            catalog: None,
            deployments: Vec::new(),
            defaults: Defaults::default(),
            policy: Policy::default(),
            transport: TransportConfig::default(),
            egress: Egress::default(),
        }
    }
}

impl ClientBuilder {
    /// Reads keys, addresses and proxies from the process's environment, as [`Client::from_env`] does.
    pub fn env(self) -> Self {
        self.env_from(|name| std::env::var(name).ok())
    }

    /// Reads keys, addresses and proxies from this in place of the process's environment.
    pub fn env_from(mut self, env: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        let find = |names: [&str; 2]| names.into_iter().find_map(&env).filter(|value| !value.is_empty());
        self.transport.http_proxy = find(["HTTP_PROXY", "http_proxy"]).map(Secret::from);
        self.transport.https_proxy = find(["HTTPS_PROXY", "https_proxy"]).map(Secret::from);
        self.transport.no_proxy = find(["NO_PROXY", "no_proxy"]);
        self.env = Arc::new(env);
        self
    }

    /// The key for a provider's models that name none of their own.
    pub fn key(mut self, provider: impl Into<String>, key: impl Into<String>) -> Self {
        self.keys.insert(provider.into(), Secret::from(key.into()));
        self
    }

    /// The address of a provider: a proxy, a region, a server of one's own.
    pub fn base_url(mut self, provider: impl Into<String>, url: impl Into<String>) -> Self {
        self.bases.insert(provider.into(), url.into());
        self
    }

    /// A provider that is not built in, or another row for one that is.
    pub fn provider(mut self, id: impl Into<String>, row: Row) -> Self {
        self.rows.push((id.into(), row));
        self
    }

    /// A deployment behind a public name. Several of one name share its calls; other names reach any provider's model
    /// as `provider/model` all the same.
    pub fn deployment(mut self, deployment: Params) -> Self {
        self.deployments.push(deployment);
        self
    }

    /// Models to go on with, in this order, when all deployments of `model` fail.
    pub fn fallback<S: AsRef<str>>(mut self, model: &str, others: impl IntoIterator<Item = S>) -> Self {
        let others = others.into_iter().map(|other| Fallback::to(other.as_ref())).collect();
        self.policy.fallbacks.insert(model, others);
        self
    }

    /// How often a failed call is tried again.
    pub fn retries(mut self, count: u32) -> Self {
        self.policy.num_retries = count;
        self
    }

    /// The limit on a whole call, all attempts included.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.defaults.timeouts = self.defaults.timeouts.with(Some(limit), None);
        self
    }

    /// All four time limits.
    pub fn timeouts(mut self, limits: Timeouts) -> Self {
        self.defaults.timeouts = limits.clamped();
        self
    }

    /// Whether parameters that a provider does not take are left out, and reported in
    /// [`Meta::dropped`](crate::Meta::dropped), in place of failing the call.
    pub fn drop_params(mut self, drop: bool) -> Self {
        self.defaults.policy.drop_params = drop;
        self
    }

    /// Everything about retries, fallbacks and cooldowns. Replaces what was set before.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Facts and prices of models, in place of those built in.
    pub fn catalog(mut self, catalog: Catalog) -> Self {
        self.catalog = Some(catalog);
        self
    }

    /// How connections are made. Replaces proxies from the environment.
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.transport = config;
        self
    }

    /// From where files may be fetched that requests name by URL, for providers that take them only inline.
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// Makes the client. No connection is opened.
    ///
    /// # Errors
    /// A row, a deployment or the transport's settings are wrong. A missing key is not: the call that needs it fails.
    pub fn build(self) -> Result<Client, BuildError> {
        let mut registry = Registry::builtin()?;
        for (id, row) in &self.rows {
            registry.insert(id, row)?;
        }
        let maker = Arc::new(Maker {
            registry,
            catalog: self.catalog.unwrap_or_else(Catalog::builtin),
            env: self.env,
            keys: self.keys,
            bases: self.bases,
            defaults: self.defaults,
        });
        let mut deployments = Vec::with_capacity(self.deployments.len());
        for params in self.deployments {
            let name = params.model_name.clone();
            deployments.push(maker.make(params).map_err(|issues| BuildError::Deployment { name, issues })?);
        }
        let any = maker.clone();
        let wildcard = Wildcard::new("*", Box::new(move |name, _| any.of_name(name)));
        Ok(Client::new(Inner {
            routes: Routes::new(deployments).with_wildcards(wildcard.into_iter().collect()),
            policy: self.policy,
            health: Health::new(Instant::now()),
            transport: Transport::new(&self.transport)?,
            egress: self.egress,
            maker,
        }))
    }
}

/// Without keys.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("keys", &self.keys)
            .field("bases", &self.bases)
            .finish_non_exhaustive()
    }
}

/// Makes deployments of parameters, with the client's keys and addresses.
pub(crate) struct Maker {
    registry: Registry,
    catalog: Catalog,
    env: Env,
    keys: BTreeMap<String, Secret>,
    bases: BTreeMap<String, String>,
    defaults: Defaults,
}

impl Maker {
    /// Facts and prices of models.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The deployment that a name like `provider/model` stands for.
    pub(crate) fn of_name(&self, name: &str) -> Result<Deployment, Vec<Issue>> {
        let mut deployment = self.make(Params::new(name, name))?;
        deployment.wildcard = true;
        Ok(deployment)
    }

    fn make(&self, mut params: Params) -> Result<Deployment, Vec<Issue>> {
        if let Some(provider) = self.provider(&params) {
            let key = self.keys.get(&provider).map(Secret::expose);
            for (name, value) in
                [("api_key", key), ("api_base", self.bases.get(&provider).map(String::as_str))]
            {
                if let Some(value) = value {
                    params.params.entry(name).or_insert_with(|| value.into());
                }
            }
        }
        let builder = Builder {
            registry: &self.registry,
            catalog: &self.catalog,
            env: &*self.env,
            defaults: &self.defaults,
        };
        Ok(builder.build(&params)?.0)
    }

    fn provider(&self, params: &Params) -> Option<String> {
        let text = |name: &str| params.params.get(name)?.as_str();
        let label = |model: &str| self.catalog.provider_of(model);
        let found = self.registry.resolve(text("model")?, text("custom_llm_provider"), &label)?;
        Some(found.provider.id.to_string())
    }
}

pub(crate) fn listed(issues: &[Issue]) -> String {
    let texts: Vec<String> =
        issues.iter().map(|issue| format!("{} {}", issue.message, issue.remedy)).collect();
    texts.join(" ")
}
