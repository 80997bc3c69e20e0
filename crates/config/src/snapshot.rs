use std::{fmt, path::PathBuf, time::Duration};

use lockgate_catalog::Catalog;
use lockgate_core::{Operation, Secret};
use lockgate_registry::Registry;
use lockgate_router::{Policy, Routes};

use crate::Problem;

/// One configuration, checked and built. It never changes; a reload makes another.
pub struct Snapshot {
    /// The providers, the user's own included.
    pub registry: Registry,
    /// What is known about models.
    pub catalog: Catalog,
    /// Public names and their deployments.
    pub routes: Routes,
    /// Search engines by their public names.
    pub search_tools: Routes,
    /// How the router behaves.
    pub policy: Policy,
    /// Options of the server.
    pub general: General,
    /// Options of every call.
    pub settings: Settings,
    /// Keys that are set, known, and not active yet.
    pub inactive: Vec<String>,
    /// What does not stop the start but should be known: unknown keys, missing variables, unusable models.
    pub warnings: Vec<Problem>,
    /// The files that were read, the first of them the main one.
    pub files: Vec<PathBuf>,
}

impl Snapshot {
    /// Where the names of a call for that operation are found: models and search tools do not mix.
    pub fn routes_for(&self, operation: Operation) -> &Routes {
        match operation {
            Operation::Search => &self.search_tools,
            _ => &self.routes,
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("general", &self.general)
            .field("settings", &self.settings)
            .field("policy", &self.policy)
            .field("inactive", &self.inactive)
            .field("warnings", &self.warnings)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Options of the server: `general_settings`.
#[derive(Clone, Debug)]
pub struct General {
    /// The administrator's key. `None`: nobody has to show one.
    pub master_key: Option<Secret>,
    /// A master key is configured, but it is empty: a slip that must not pass for "none is wanted".
    pub blank_master_key: bool,
    /// Whether a weak or absent master key is accepted on an address that others can reach.
    pub allow_weak_master_key: bool,
    /// One more header that may carry the key.
    pub key_header_name: Option<String>,
    /// The largest request body.
    pub max_request_bytes: usize,
    /// After the signal to stop: how long connections are still accepted, so that load balancers notice.
    pub drain_delay: Duration,
    /// After that: how long calls under way may take to finish.
    pub drain_limit: Duration,
    /// After how much silence a stream gets a sign of life. Zero: never.
    pub keepalive_interval: Duration,
    /// Whether a client may bring a provider's key and base URL of its own.
    pub allow_client_credentials: bool,
    /// Whether responses are kept that no provider keeps.
    pub store_responses: bool,
    /// How long they are kept in the data folder.
    pub responses_retention: Duration,
    /// Whether `/metrics` wants a key.
    pub require_auth_for_metrics: bool,
}

impl Default for General {
    fn default() -> Self {
        Self {
            master_key: None,
            blank_master_key: false,
            allow_weak_master_key: false,
            key_header_name: None,
            max_request_bytes: 100 << 20,
            drain_delay: Duration::ZERO,
            drain_limit: Duration::from_secs(600),
            keepalive_interval: Duration::from_secs(15),
            allow_client_credentials: false,
            store_responses: true,
            responses_retention: Duration::from_secs(30 * 86_400),
            require_auth_for_metrics: true,
        }
    }
}

/// Options of every call: `litellm_settings`, less what the router reads.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Drop known but unsupported parameters instead of refusing the call.
    pub drop_params: bool,
    /// Repair histories that a provider would refuse.
    pub modify_params: bool,
    /// The limit on a whole call, if one is configured.
    pub request_timeout: Option<Duration>,
    /// Whether URLs of requests must not lead to private addresses.
    pub user_url_validation: bool,
    /// Hosts that are exempt from that.
    pub user_url_allowed_hosts: Vec<String>,
    /// The largest file that is fetched for a request.
    pub max_download_bytes: usize,
    /// Whether providers' certificates are checked.
    pub ssl_verify: bool,
    /// A file of certificate authorities to trust besides the built-in ones.
    pub ssl_cert_file: Option<PathBuf>,
    /// Logs as JSON.
    pub json_logs: bool,
    /// `debug`, `info`, `warn` or `error`.
    pub log_level: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drop_params: false,
            modify_params: false,
            request_timeout: None,
            user_url_validation: true,
            user_url_allowed_hosts: Vec::new(),
            max_download_bytes: 50 << 20,
            ssl_verify: true,
            ssl_cert_file: None,
            json_logs: false,
            log_level: None,
        }
    }
}
