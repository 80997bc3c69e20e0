//! What an operator may set.

use std::{path::PathBuf, time::Duration};

use lockgate_core::Secret;

/// How upstreams are reached. One for the process; pooled connections live as long as the transport made from it.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Whether certificates of upstreams are checked. Turning this off is for tests only.
    pub ssl_verify: bool,
    /// PEM file of the certificate authorities to trust, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxy for `http://` upstreams (`HTTP_PROXY`). A secret, because it may hold a password.
    pub http_proxy: Option<Secret>,
    /// Proxy for `https://` upstreams (`HTTPS_PROXY`).
    pub https_proxy: Option<Secret>,
    /// Hosts that are reached without a proxy, with commas between them (`NO_PROXY`).
    pub no_proxy: Option<String>,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// How many unused connections are kept for one host.
    pub max_idle_per_host: usize,
    /// Whether HTTP/2 is offered to `https://` upstreams.
    pub http2: bool,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            ssl_verify: true,
            ca_file: None,
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            // Below the 60 s after which common load balancers close idle connections.
            pool_idle: Duration::from_secs(50),
            max_idle_per_host: 512,
            http2: true,
        }
    }
}

/// The four time limits of an attempt. All are finite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// From the start of a new connection until it can be written to: name look-up, TCP, proxy and TLS together.
    pub connect: Duration,
    /// From the start of the attempt until the first byte of the answer's body.
    pub first_byte: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// From the start of the attempt until the last byte of the answer.
    pub total: Duration,
}

impl Limits {
    /// What is left of them after that time.
    #[must_use]
    pub fn after(self, elapsed: Duration) -> Self {
        let left = |limit: Duration| limit.saturating_sub(elapsed).max(Duration::from_millis(1));
        Self { first_byte: left(self.first_byte), total: left(self.total), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(30 * 60),
        }
    }
}

/// Why a transport cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The file of certificate authorities cannot be used.
    #[error("the certificate file {path} cannot be used: {reason}")]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A proxy's address makes no sense. The address itself is not shown, because it may hold a password.
    #[error("{variable} is not a proxy address such as http://proxy.example:3128")]
    Proxy {
        /// The setting.
        variable: &'static str,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
