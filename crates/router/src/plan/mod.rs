use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use lockgate_core::{CallOptions, Error, ErrorKind, Origin, Retry};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use crate::{Deployment, Fallback, Health, Policy, Route, Routes, Timeouts, select};

const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(8);
/// A wait is between this share of its length and all of it, so that clients do not return in step.
const LEAST_JITTER: f64 = 0.75;
/// A provider that asks for a longer pause is not waited for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// What to do next.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Send the call there.
    Try(Arc<Deployment>),
    /// Wait that long, then ask again with no verdict.
    Wait(Duration),
    /// Answer with the last error.
    GiveUp,
}

/// The course of one call over deployments: a state machine that is told each verdict.
pub struct Plan<'a> {
    routes: &'a Routes,
    policy: &'a Policy,
    health: &'a Health,
    /// The call's own count of retries.
    num_retries: Option<u32>,
    /// The call's own fallbacks, in place of the router's.
    own_fallbacks: Option<Vec<Fallback>>,
    disable_fallbacks: bool,
    tags: &'a [String],
    /// When the call must have its answer: no wait goes beyond.
    deadline: Instant,
    route: Route,
    /// Ids tried in this group.
    tried: SmallVec<[Arc<str>; 4]>,
    /// Groups, and deployments by id, that had their turn.
    visited: SmallVec<[Arc<str>; 2]>,
    queue: VecDeque<Fallback>,
    params: Option<Arc<Map<String, Value>>>,
    last: Option<Arc<Deployment>>,
    /// Ids of those that are taken before others while they can be.
    preferred: Vec<Arc<str>>,
    group_retries: u32,
    retries: u32,
    fallbacks: u32,
    rng: SmallRng,
}

impl<'a> Plan<'a> {
    /// Starts the plan of a call; nothing is chosen yet. The call must have its answer within its own timeout, else
    /// within the first deployment's.
    pub fn new(
        routes: &'a Routes,
        policy: &'a Policy,
        health: &'a Health,
        route: &Route,
        options: &'a CallOptions,
        now: Instant,
        seed: u64,
    ) -> Self {
        let usual = || route.deployments.first().map_or(Timeouts::default().total, |one| one.timeouts.total);
        let own_fallbacks = options.fallbacks.as_deref().and_then(|raw| {
            let value = serde_json::from_str(raw.get()).ok()?;
            Fallback::list(&value)
        });
        Self {
            routes,
            policy,
            health,
            num_retries: options.num_retries,
            own_fallbacks,
            disable_fallbacks: options.disable_fallbacks,
            tags: &options.tags,
            deadline: now + options.timeout.unwrap_or_else(usual),
            route: route.clone(),
            tried: SmallVec::new(),
            visited: SmallVec::new(),
            queue: VecDeque::new(),
            params: None,
            last: None,
            preferred: Vec::new(),
            group_retries: 0,
            retries: 0,
            fallbacks: 0,
            rng: SmallRng::seed_from_u64(seed),
        }
    }

    /// Takes these deployments before others of their group, whatever their order, as long as they can be used.
    pub fn prefer(&mut self, ids: Vec<Arc<str>>) {
        self.preferred = ids;
    }

    /// What comes next. `verdict` is the error of the last attempt; `None` at the start and after a wait.
    pub fn next(&mut self, verdict: Option<&Error>, now: Instant) -> Decision {
        let Some(error) = verdict else {
            return match self.pick(now, Choice::Any) {
                Some(deployment) => self.attempt(deployment),
                None => Decision::GiveUp,
            };
        };
        if let Some(last) = &self.last {
            self.health.failed(last, &self.route.deployments, error, self.policy, now);
        }
        if error.kind() == ErrorKind::MidStream || self.deadline <= now {
            return Decision::GiveUp;
        }
        self.retry(error, now).or_else(|| self.fall_back(error, now)).unwrap_or(Decision::GiveUp)
    }

    /// Attempts beyond the first in each group.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Groups beyond the first.
    pub fn fallbacks(&self) -> u32 {
        self.fallbacks
    }

    /// The group that is being tried.
    pub fn group(&self) -> &Arc<str> {
        &self.route.group
    }

    /// The deployments of the group that is being tried.
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.route.deployments
    }

    /// Members that replace those of the client's body on this fallback.
    pub fn params(&self) -> Option<&Map<String, Value>> {
        self.params.as_deref()
    }

    /// When the call must have its answer.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The error for a plan that gave up before any attempt.
    pub fn refusal(&self) -> Error {
        let group = &self.route.group;
        if !self.tags.is_empty() && self.policy.enable_tag_filtering {
            let tags = self.tags.join(", ");
            return Error::new(
                ErrorKind::Authentication,
                Origin::Client,
                format!("No deployment of `{group}` has the tags {tags}."),
            );
        }
        Error::new(
            ErrorKind::RateLimit,
            Origin::Gateway,
            format!("All deployments of `{group}` have as many calls under way as they may have."),
        )
        .with_retry_after(Duration::from_secs(1))
    }

    /// Tries this group again: another deployment at once, or the same after a wait.
    fn retry(&mut self, error: &Error, now: Instant) -> Option<Decision> {
        if error.retry() == Retry::Larger {
            let larger = self.pick(now, Choice::Larger)?;
            return Some(self.attempt_again(larger));
        }
        if error.retry() == Retry::Never || self.group_retries >= self.retry_limit(error.kind()) {
            return None;
        }
        if let Some(other) = self.pick(now, Choice::Untried) {
            return Some(self.attempt_again(other));
        }
        let limited = error.kind() == ErrorKind::RateLimit;
        if error.retry() == Retry::Other && !limited {
            return None;
        }
        // A full quota empties slowly, while a fallback is there at once.
        if limited && !self.fallback_list(error).is_empty() {
            return None;
        }
        let wait = self.wait(error)?;
        if now + wait >= self.deadline {
            return None;
        }
        self.group_retries += 1;
        self.retries += 1;
        Some(Decision::Wait(wait))
    }

    /// Goes on with the next group.
    fn fall_back(&mut self, error: &Error, now: Instant) -> Option<Decision> {
        if !may_fall_back(error) {
            return None;
        }
        for fallback in self.fallback_list(error).into_iter().rev() {
            self.queue.push_front(fallback);
        }
        if self.visited.is_empty() {
            self.visited.push(self.route.group.clone());
        }
        while self.fallbacks < self.policy.max_fallbacks {
            let fallback = self.queue.pop_front()?;
            let Some(route) = self.routes.resolve(&fallback.model) else { continue };
            // A deployment that is named by its id may follow its own group.
            let by_id = self.routes.deployment(&fallback.model).is_some();
            let turn = if by_id { fallback.model.clone() } else { route.group.clone() };
            if self.visited.contains(&turn) {
                continue;
            }
            self.visited.push(turn);
            self.route = route;
            self.tried.clear();
            self.group_retries = 0;
            let Some(deployment) = self.pick(now, Choice::Any) else { continue };
            self.params = fallback.params;
            self.fallbacks += 1;
            return Some(self.attempt(deployment));
        }
        None
    }

    /// What the configuration or the call lists for this group and error.
    fn fallback_list(&self, error: &Error) -> Vec<Fallback> {
        if self.disable_fallbacks {
            return Vec::new();
        }
        let group = &self.route.group;
        let special = match error.kind() {
            ErrorKind::ContextWindow => self.policy.context_window_fallbacks.of(group),
            ErrorKind::ContentPolicy => self.policy.content_policy_fallbacks.of(group),
            _ => None,
        };
        if let Some(special) = special {
            return special.to_vec();
        }
        match &self.own_fallbacks {
            Some(own) if self.visited.is_empty() => own.clone(),
            Some(_) => Vec::new(),
            None => self.policy.fallbacks.of(group).unwrap_or(&self.policy.default_fallbacks).to_vec(),
        }
    }

    fn retry_limit(&self, kind: ErrorKind) -> u32 {
        let by_group =
            self.policy.group_retry_policy.get(&*self.route.group).and_then(|policy| policy.count(kind));
        by_group
            .or_else(|| self.policy.retry_policy.count(kind))
            .or(self.num_retries)
            .or_else(|| self.last.as_ref().and_then(|last| last.num_retries))
            .unwrap_or(self.policy.num_retries)
    }

    /// How long before the same deployment is asked again; `None` if the provider wants a longer pause than is sane.
    fn wait(&mut self, error: &Error) -> Option<Duration> {
        if let Some(asked) = error.retry_after() {
            return (asked <= LONGEST_RETRY_AFTER).then(|| asked.max(self.policy.retry_after));
        }
        let backoff = FIRST_BACKOFF.saturating_mul(1 << self.group_retries.min(10)).min(LONGEST_BACKOFF);
        let jitter = self.rng.random_range(LEAST_JITTER..=1.0);
        Some(backoff.mul_f64(jitter).max(self.policy.retry_after))
    }

    /// A deployment of the lowest order that has one to offer.
    fn pick(&mut self, now: Instant, choice: Choice) -> Option<Arc<Deployment>> {
        let route = self.route.clone();
        let fits = |one: &Arc<Deployment>| match choice {
            Choice::Any => true,
            Choice::Untried => !self.tried.contains(&one.id),
            Choice::Larger => !self.tried.contains(&one.id) && self.is_larger(one),
        };
        let usable = || {
            route
                .deployments
                .iter()
                .filter(|one| fits(one) && self.has_room(one) && self.has_tags(one, &route))
        };
        let mut candidates: SmallVec<[&Arc<Deployment>; 8]> =
            usable().filter(|one| !self.health.is_cooling(one, now)).collect();
        if candidates.is_empty() && choice == Choice::Any {
            candidates = usable().collect();
        }
        if candidates.iter().any(|one| self.preferred.contains(&one.id)) {
            candidates.retain(|one| self.preferred.contains(&one.id));
        }
        let order = candidates.iter().map(|one| one.order).min()?;
        candidates.retain(|one| one.order == order);
        select::choose(&candidates, self.policy, self.health, &mut self.rng)
    }

    fn is_larger(&self, one: &Deployment) -> bool {
        let window = |one: &Deployment| one.target.facts.max_input.unwrap_or(0);
        self.last.as_ref().is_some_and(|last| window(one) > window(last))
    }

    fn has_room(&self, one: &Deployment) -> bool {
        let limit = one.max_parallel_requests.or(self.policy.default_max_parallel_requests);
        limit.is_none_or(|limit| self.health.in_flight(one) < limit)
    }

    fn has_tags(&self, one: &Deployment, route: &Route) -> bool {
        if !self.policy.enable_tag_filtering {
            return true;
        }
        let has = |one: &Deployment, tag: &str| one.tags.iter().any(|own| own == tag);
        let default = route.deployments.iter().any(|one| has(one, "default"));
        if self.tags.is_empty() {
            return if default { has(one, "default") } else { true };
        }
        let matches = |one: &Deployment| match self.policy.tag_filtering_match_any {
            true => self.tags.iter().any(|tag| has(one, tag)),
            false => self.tags.iter().all(|tag| has(one, tag)),
        };
        matches(one) || has(one, "default") && !route.deployments.iter().any(|one| matches(one))
    }

    fn attempt_again(&mut self, deployment: Arc<Deployment>) -> Decision {
        self.group_retries += 1;
        self.retries += 1;
        self.attempt(deployment)
    }

    fn attempt(&mut self, deployment: Arc<Deployment>) -> Decision {
        self.tried.push(deployment.id.clone());
        self.last = Some(deployment.clone());
        Decision::Try(deployment)
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Choice {
    Any,
    Untried,
    Larger,
}

/// Whether another model might take what this one did not. What the gateway itself found malformed is malformed
/// everywhere.
fn may_fall_back(error: &Error) -> bool {
    let of_the_model = matches!(
        error.kind(),
        ErrorKind::UnsupportedParams | ErrorKind::ContextWindow | ErrorKind::ContentPolicy
    );
    of_the_model || error.origin() != Origin::Client
}

#[cfg(test)]
mod tests;
