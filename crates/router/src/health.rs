use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lockgate_core::Error;

use crate::{Deployment, Policy, cooldown::Window};

/// What is remembered of deployments, by id: calls under way, failures of this minute, cooldowns, latency.
///
/// It outlives a reload of the configuration. All of it is approximate under contention and cheap to read.
pub struct Health {
    epoch: Instant,
    cells: RwLock<HashMap<Arc<str>, Arc<Cell>>>,
    /// Until when anybody at all cools down: while that is past, no cell needs a look.
    cooling: AtomicU64,
}

/// A call under way on a deployment. Dropping it ends the call.
pub struct InFlight(Arc<Cell>);

#[derive(Default)]
pub(crate) struct Cell {
    in_flight: AtomicU64,
    cooling_until: AtomicU64,
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    window: Window,
    latency: Option<f64>,
}

impl Health {
    /// Nothing is known yet.
    pub fn new(now: Instant) -> Self {
        Self { epoch: now, cells: RwLock::default(), cooling: AtomicU64::new(0) }
    }

    /// Counts a call as under way until the guard is dropped.
    pub fn begin(&self, deployment: &Deployment) -> InFlight {
        let cell = self.cell(&deployment.id);
        cell.in_flight.fetch_add(1, Relaxed);
        InFlight(cell)
    }

    /// An attempt succeeded. `latency` is the time to the first token of a stream, else of the whole answer;
    /// `output` the tokens of the answer, if known.
    pub fn succeeded(&self, deployment: &Deployment, latency: Duration, output: Option<u64>, now: Instant) {
        let cell = self.cell(&deployment.id);
        let mut recent = cell.recent();
        recent.window.count(self.minute(now), None);
        let sample =
            latency.as_secs_f64() / output.filter(|tokens| *tokens > 0).map_or(1.0, |tokens| tokens as f64);
        // The newest answer counts for a fifth: quick to notice a change, not upset by one outlier.
        recent.latency = Some(recent.latency.map_or(sample, |old| old * 0.8 + sample * 0.2));
    }

    /// An attempt failed. Starts a cooldown where the rules say so, but never for the last deployment of
    /// `group` that is not cooling. [`Plan`](crate::Plan) calls this for failures that it is told of; call it for one
    /// after which there is no next attempt, such as a stream that breaks.
    pub fn failed(
        &self,
        deployment: &Deployment,
        group: &[Arc<Deployment>],
        error: &Error,
        policy: &Policy,
        now: Instant,
    ) {
        let cell = self.cell(&deployment.id);
        let cool = {
            let mut recent = cell.recent();
            recent.window.count(self.minute(now), Some(error.kind()));
            recent.window.asks_for_cooldown(deployment, error, policy)
        };
        let others_left =
            || group.iter().any(|other| other.id != deployment.id && !self.is_cooling(other, now));
        if !cool || policy.disable_cooldowns || !others_left() {
            return;
        }
        let until =
            self.millis(now) + crate::cooldown::duration(deployment, error, policy).as_millis() as u64;
        cell.cooling_until.fetch_max(until, Relaxed);
        self.cooling.fetch_max(until, Relaxed);
    }

    /// Whether the deployment is left alone for now.
    pub fn is_cooling(&self, deployment: &Deployment, now: Instant) -> bool {
        let now = self.millis(now);
        self.cooling.load(Relaxed) > now
            && self.find(&deployment.id).is_some_and(|cell| cell.cooling_until.load(Relaxed) > now)
    }

    /// How much longer the deployment is left alone.
    pub fn cooldown_left(&self, deployment: &Deployment, now: Instant) -> Option<Duration> {
        let until = self.find(&deployment.id)?.cooling_until.load(Relaxed);
        let left = until.checked_sub(self.millis(now)).filter(|left| *left > 0)?;
        Some(Duration::from_millis(left))
    }

    /// Calls under way.
    pub fn in_flight(&self, deployment: &Deployment) -> u64 {
        self.find(&deployment.id).map_or(0, |cell| cell.in_flight.load(Relaxed))
    }

    /// Requests and failures of the minute.
    pub fn recent(&self, deployment: &Deployment, now: Instant) -> (u32, u32) {
        self.find(&deployment.id).map_or((0, 0), |cell| cell.recent().window.totals(self.minute(now)))
    }

    /// The running mean of latencies, in seconds (per output token where that is known).
    pub fn latency(&self, deployment: &Deployment) -> Option<f64> {
        self.find(&deployment.id)?.recent().latency
    }

    /// Forgets deployments that are gone and idle. Call it after a reload.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|id, cell| keep(id) || cell.in_flight.load(Relaxed) > 0);
    }

    fn find(&self, id: &str) -> Option<Arc<Cell>> {
        self.cells.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn cell(&self, id: &Arc<str>) -> Arc<Cell> {
        match self.find(id) {
            Some(cell) => cell,
            None => {
                let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
                cells.entry(id.clone()).or_default().clone()
            }
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_millis() as u64
    }

    fn minute(&self, now: Instant) -> u64 {
        self.millis(now) / 60_000
    }
}

impl Cell {
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InFlight")
    }
}
