//! The gateway as a value: what lives as long as the process, and the snapshot that a reload replaces.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::HeaderName;
use lockgate_config::Snapshot;
use lockgate_core::Operation;
use lockgate_responses::{MemoryStore, ResponseStore};
use lockgate_router::{Deployment, Health};
use lockgate_telemetry::Metrics;
use lockgate_transport::{Egress, Transport};
use tokio::sync::watch;

use crate::{
    handles::Handles,
    responses::{background::Jobs, follow::Followers},
};

/// What is kept of responses in memory where nothing else is said.
const MEMORY: usize = 64 << 20;

/// The data plane. Cheap to clone; all clones are one gateway.
#[derive(Clone)]
pub struct Gateway(Arc<Shared>);

struct Shared {
    live: ArcSwap<Live>,
    transport: Transport,
    metrics: Metrics,
    root_path: String,
    draining: AtomicBool,
    cut: watch::Sender<bool>,
    in_flight: AtomicUsize,
    responses: OnceLock<Arc<dyn ResponseStore>>,
    jobs: Jobs,
    followers: Followers,
    /// Tells this process from others that keep things in the same place.
    process: String,
}

/// What one configuration means. A call loads it once and keeps it to its end.
pub(crate) struct Live {
    pub(crate) snapshot: Snapshot,
    /// Carried over reloads.
    pub(crate) health: Arc<Health>,
    pub(crate) key_header: Option<HeaderName>,
    pub(crate) egress: Egress,
    pub(crate) handles: Handles,
    /// Whether encrypted reasoning may come back to another account than its own.
    pub(crate) several_accounts: bool,
}

impl Gateway {
    /// A gateway for this configuration. `root_path` is the prefix of all paths (`SERVER_ROOT_PATH`), or empty.
    pub fn new(snapshot: Snapshot, transport: Transport, metrics: Metrics, root_path: &str) -> Self {
        let live = Live::new(snapshot, Arc::new(Health::new(Instant::now())));
        Self(Arc::new(Shared {
            live: ArcSwap::from_pointee(live),
            transport,
            metrics,
            root_path: root_path.trim_end_matches('/').to_owned(),
            draining: AtomicBool::new(false),
            cut: watch::Sender::new(false),
            in_flight: AtomicUsize::new(0),
            responses: OnceLock::new(),
            jobs: Jobs::default(),
            followers: Followers::default(),
            process: uuid::Uuid::new_v4().simple().to_string(),
        }))
    }

    /// Keeps responses there. Without this they are kept in memory, and the oldest forgotten. The first call counts.
    pub fn keep_responses_in(&self, store: Arc<dyn ResponseStore>) {
        // A second store would hide what is in the first.
        let _ = self.0.responses.set(store);
    }

    /// Replaces the configuration. Calls under way end with the old one; health is carried over by deployment id.
    pub fn reload(&self, snapshot: Snapshot) {
        let health = self.0.live.load().health.clone();
        let live = Live::new(snapshot, health);
        let all = [&live.snapshot.routes, &live.snapshot.search_tools];
        live.health.retain(|id| all.iter().any(|routes| routes.deployment(id).is_some()));
        self.0.live.store(Arc::new(live));
    }

    /// Readiness says no from now on.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Ends every stream with an error in its client's protocol: the drain limit has passed.
    pub fn cut_streams(&self) {
        self.0.cut.send_replace(true);
    }

    /// The metrics, for the listener and the tests.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.0.live.load_full()
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// Where responses are kept.
    pub(crate) fn store(&self) -> Arc<dyn ResponseStore> {
        self.0.responses.get_or_init(|| Arc::new(MemoryStore::new(MEMORY))).clone()
    }

    /// The responses that are worked on in the background.
    pub(crate) fn jobs(&self) -> &Jobs {
        &self.0.jobs
    }

    /// The responses that providers work on in the background.
    pub(crate) fn followers(&self) -> &Followers {
        &self.0.followers
    }

    /// This process's name in what it keeps.
    pub(crate) fn process(&self) -> &str {
        &self.0.process
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Relaxed)
    }

    /// Done when streams are to be cut.
    pub(crate) fn cut(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut cut = self.0.cut.subscribe();
        Box::pin(async move {
            // The sender lives as long as the gateway; without it there is nothing to cut for.
            if cut.wait_for(|cut| *cut).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }

    /// The path below the root path.
    pub(crate) fn strip_root<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(self.0.root_path.as_str()) {
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    pub(crate) fn in_flight(&self) -> &AtomicUsize {
        &self.0.in_flight
    }
}

impl Live {
    fn new(snapshot: Snapshot, health: Arc<Health>) -> Self {
        let key_header =
            snapshot.general.key_header_name.as_deref().and_then(|name| HeaderName::try_from(name).ok());
        let settings = &snapshot.settings;
        let egress = Egress {
            validate: settings.user_url_validation,
            allowed_hosts: settings.user_url_allowed_hosts.clone(),
            max_bytes: settings.max_download_bytes,
            ..Egress::default()
        };
        let several_accounts = several_accounts(&snapshot);
        Self { snapshot, health, key_header, egress, handles: Handles::default(), several_accounts }
    }

    /// After how much silence a stream gets a sign of life.
    pub(crate) fn keepalive(&self) -> Option<Duration> {
        Some(self.snapshot.general.keepalive_interval).filter(|interval| !interval.is_zero())
    }
}

/// Whether the Responses API is spoken to more than one account.
fn several_accounts(snapshot: &Snapshot) -> bool {
    let speaking = |own: &&Arc<Deployment>| own.target.provider.offers(Operation::Responses);
    let mut accounts = snapshot.routes.deployments().filter(speaking).map(|own| &own.target.account);
    let first = accounts.next();
    accounts.any(|own| Some(own) != first)
}
