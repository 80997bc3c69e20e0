use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use lockgate_core::{Error, Retry};

use crate::{Deployment, Policy, cooldown::Window};

/// What is remembered of deployments, by id: calls under way, failures of this minute, cooldowns, latency.
///
/// It outlives a reload of the configuration. All of it is approximate under contention and cheap to read.
pub struct Health {
    epoch: Instant,
    cells: RwLock<HashMap<Arc<str>, Arc<Cell>>>,
    /// How many deployments failed and have not answered since: while there are none, no cell needs a look.
    probations: AtomicU64,
}

/// A call under way on a deployment. Dropping it ends the call.
pub struct InFlight(Arc<Cell>);

#[derive(Default)]
pub(crate) struct Cell {
    in_flight: AtomicU64,
    cooling_until: AtomicU64,
    /// Set by a cooldown, cleared by a success: until then one call at a time shows whether it is over.
    on_probation: AtomicBool,
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
        Self { epoch: now, cells: RwLock::default(), probations: AtomicU64::new(0) }
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
        if cell.on_probation.swap(false, Relaxed) {
            self.probations.fetch_sub(1, Relaxed);
        }
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
            let probe_failed = cell.on_probation.load(Relaxed) && error.retry() != Retry::Never;
            probe_failed || recent.window.asks_for_cooldown(deployment, error, policy)
        };
        let others_left =
            || group.iter().any(|other| other.id != deployment.id && !self.is_cooling(other, now));
        if !cool || policy.disable_cooldowns || !others_left() {
            return;
        }
        let until =
            self.millis(now) + crate::cooldown::duration(deployment, error, policy).as_millis() as u64;
        cell.cooling_until.fetch_max(until, Relaxed);
        if !cell.on_probation.swap(true, Relaxed) {
            self.probations.fetch_add(1, Relaxed);
        }
    }

    /// Whether the deployment is left alone for now: it cools down, or it did and one call is finding out whether it
    /// works again.
    pub fn is_cooling(&self, deployment: &Deployment, now: Instant) -> bool {
        if self.probations.load(Relaxed) == 0 {
            return false;
        }
        let Some(cell) = self.find(&deployment.id) else { return false };
        let probing = || cell.on_probation.load(Relaxed) && cell.in_flight.load(Relaxed) > 0;
        cell.cooling_until.load(Relaxed) > self.millis(now) || probing()
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
        let left = cells.values().filter(|cell| cell.on_probation.load(Relaxed)).count();
        self.probations.store(left as u64, Relaxed);
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

#[cfg(test)]
mod tests {
    use lockgate_core::ErrorKind;

    use super::*;
    use crate::fixtures::{deployment, s, upstream};

    struct World {
        group: Vec<Arc<Deployment>>,
        health: Health,
        policy: Policy,
        start: Instant,
    }

    fn world(size: usize) -> World {
        let group = (0..size).map(|n| Arc::new(deployment("a", &format!("a{n}")))).collect();
        let start = Instant::now();
        World { group, health: Health::new(start), policy: Policy::default(), start }
    }

    impl World {
        fn fail(&self, n: usize, error: &Error, at: u64) {
            self.health.failed(&self.group[n], &self.group, error, &self.policy, self.start + s(at));
        }

        fn cools(&self, n: usize, at: u64) -> bool {
            self.health.is_cooling(&self.group[n], self.start + s(at))
        }
    }

    #[test]
    fn which_errors_start_a_cooldown_at_once() {
        use ErrorKind::*;
        let table = [
            (RateLimit, true),
            (Authentication, true),
            (NotFound, true),
            (Timeout, true),
            (BadRequest, false),
            (ContextWindow, false),
            (PermissionDenied, false),
            (Internal, false),
            (Connection, false),
        ];
        for (kind, expected) in table {
            let world = world(2);
            world.fail(0, &upstream(kind), 0);
            assert_eq!(world.cools(0, 1), expected, "{kind:?}");
            assert!(!world.cools(0, 6), "{kind:?}: over after five seconds");
            assert!(!world.cools(1, 1));
        }
    }

    #[test]
    fn server_errors_start_one_when_most_of_five_fail_within_a_minute() {
        let world = world(2);
        let error = upstream(ErrorKind::Internal);
        for _ in 0..2 {
            world.health.succeeded(&world.group[0], s(1), None, world.start);
        }
        for count in 1..=3 {
            assert!(!world.cools(0, 1), "{count}");
            world.fail(0, &error, 1);
        }
        assert!(world.cools(0, 1), "three of five");
        let other = super::tests::world(2);
        for minute in 0..8 {
            other.fail(0, &error, minute * 60);
        }
        assert!(!other.cools(0, 7 * 60), "each minute is counted by itself");
    }

    #[test]
    fn the_last_one_never_cools_down() {
        let world = world(2);
        world.fail(0, &upstream(ErrorKind::RateLimit), 0);
        world.fail(1, &upstream(ErrorKind::RateLimit), 1);
        assert!(world.cools(0, 2) && !world.cools(1, 2));
        let alone = super::tests::world(1);
        alone.fail(0, &upstream(ErrorKind::Authentication), 0);
        assert!(!alone.cools(0, 1));
    }

    #[test]
    fn configured_counts_times_and_the_switch() {
        let mut world = world(2);
        world.policy.allowed_fails = Some(1);
        world.fail(0, &upstream(ErrorKind::Internal), 0);
        assert!(!world.cools(0, 1));
        world.fail(0, &upstream(ErrorKind::Internal), 0);
        assert!(world.cools(0, 1));
        assert!(world.policy.allowed_fails_policy.set("RateLimitErrorAllowedFails", 1));
        world.fail(1, &upstream(ErrorKind::RateLimit), 60);
        assert!(!world.cools(1, 61), "one is allowed");
        let mut off = super::tests::world(2);
        off.policy.disable_cooldowns = true;
        off.fail(0, &upstream(ErrorKind::RateLimit), 0);
        assert!(!off.cools(0, 1));
        let hinted = super::tests::world(2);
        hinted.fail(0, &upstream(ErrorKind::RateLimit).with_retry_after(s(30)), 0);
        assert!(hinted.cools(0, 29) && !hinted.cools(0, 31));
    }

    #[test]
    fn after_a_cooldown_one_call_at_a_time_finds_out() {
        let world = world(2);
        world.fail(0, &upstream(ErrorKind::RateLimit), 0);
        let probe = world.health.begin(&world.group[0]);
        assert!(world.cools(0, 10), "one call is finding out");
        drop(probe);
        assert!(!world.cools(0, 10));
        world.fail(0, &upstream(ErrorKind::Internal), 10);
        assert!(world.cools(0, 11), "a failed probe is enough");
        world.health.succeeded(&world.group[0], s(1), None, world.start + s(20));
        let _busy = world.health.begin(&world.group[0]);
        assert!(!world.cools(0, 20));
    }

    #[test]
    fn a_made_up_name_behind_a_pattern_hurts_nobody() {
        let mut world = world(2);
        world.group = world
            .group
            .iter()
            .map(|one| Arc::new(Deployment { wildcard: true, ..(**one).clone() }))
            .collect();
        world.fail(0, &upstream(ErrorKind::NotFound), 0);
        assert!(!world.cools(0, 1));
    }

    #[test]
    fn forgets_what_is_gone_and_idle() {
        let world = world(2);
        let busy = world.health.begin(&world.group[0]);
        world.fail(1, &upstream(ErrorKind::RateLimit), 0);
        world.health.retain(|_| false);
        assert_eq!(world.health.in_flight(&world.group[0]), 1);
        assert!(!world.cools(1, 1));
        drop(busy);
        assert_eq!(world.health.in_flight(&world.group[0]), 0);
    }
}
