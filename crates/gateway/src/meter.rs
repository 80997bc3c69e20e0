//! Stop 6: the record of a call, settled exactly once: at its end, at its failure, or when it is dropped.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use lockgate_catalog::{Cost, Measured, Terms};
use lockgate_core::{Call, Error, Money, Notes, Operation, Reply, Usage};
use lockgate_router::{Deployment, InFlight, Route};
use lockgate_telemetry::{CallRecord, DeploymentMetrics, DeploymentState};

use crate::{
    app::{Gateway, Live},
    estimate, responses,
    surface::Matched,
    trace::Inbound,
};

/// The client went away before its answer was complete: nginx's and LiteLLM's number for it.
const CLIENT_GONE: u16 = 499;

/// One call's record. Dropping it unsettled means that the client went away.
pub(crate) struct Meter {
    open: Option<Box<Open>>,
    started: Instant,
    upstream: Duration,
}

struct Open {
    gateway: Gateway,
    live: Arc<Live>,
    record: CallRecord,
    route: &'static str,
    call: Option<Arc<Call>>,
    found: Option<Route>,
    deployment: Option<(Arc<Deployment>, DeploymentMetrics)>,
    /// Counts the call as under way on its deployment until it is settled.
    in_flight: Option<InFlight>,
    /// Whether the record says nothing of consumption and costs.
    waived: bool,
    received: SystemTime,
    /// What the answered parts of the attempt under way consumed.
    parts: Option<Usage>,
    /// What attempts consumed that came to nothing.
    lost: Option<(Usage, Option<Money>)>,
}

/// What a call consumed in money.
pub(crate) struct Bill {
    pub(crate) cost: Option<Money>,
    /// Whether the gateway counted what the provider did not.
    pub(crate) estimated: bool,
}

impl Meter {
    /// Opens the record.
    pub(crate) fn open(gateway: &Gateway, live: &Arc<Live>, matched: &Matched, inbound: &Inbound) -> Self {
        let record = CallRecord::new(inbound.id.as_str(), matched.surface.id(), matched.endpoint.operation);
        let open = Open::new(gateway, live, record, matched.endpoint.path, inbound.received);
        Self { open: Some(Box::new(open)), started: inbound.started, upstream: Duration::ZERO }
    }

    /// Opens the record of what is paid for later than it was asked: the end of a response that a provider worked on
    /// in the background.
    pub(crate) fn late(gateway: &Gateway, live: &Arc<Live>, call_id: &str) -> Self {
        let record = CallRecord::new(call_id, responses::SURFACE, Operation::Chat);
        let open = Open::new(gateway, live, record, "/v1/responses/{id}", SystemTime::now());
        Self { open: Some(Box::new(open)), started: Instant::now(), upstream: Duration::ZERO }
    }

    /// For what is no call: nothing is recorded.
    pub(crate) fn closed() -> Self {
        Self { open: None, started: Instant::now(), upstream: Duration::ZERO }
    }

    /// Somebody else settles what the call costs.
    pub(crate) fn waive(&mut self) {
        if let Some(open) = &mut self.open {
            open.waived = true;
        }
    }

    /// The call has been read.
    pub(crate) fn call(&mut self, call: &Arc<Call>) {
        if let Some(open) = &mut self.open {
            open.record.stream = call.stream;
            open.call = Some(call.clone());
        }
    }

    /// Its model has been found.
    pub(crate) fn route(&mut self, route: &Route) {
        if let Some(open) = &mut self.open {
            let wildcard = route.deployments.first().is_some_and(|deployment| deployment.wildcard);
            open.record.model_group = if wildcard { Arc::from("*") } else { route.group.clone() };
            open.found = Some(route.clone());
        }
    }

    /// An attempt begins.
    pub(crate) fn attempt(&mut self, deployment: &Arc<Deployment>, in_flight: InFlight) {
        if let Some(open) = &mut self.open {
            let handle = open.live.handles.deployment(open.gateway.metrics(), deployment);
            open.record.deployment = deployment.id.clone();
            open.record.model = deployment.target.model.clone();
            open.record.provider = deployment.target.provider.id.clone();
            open.deployment = Some((deployment.clone(), handle));
            open.in_flight = Some(in_flight);
        }
    }

    /// The provider of the attempt under way.
    pub(crate) fn provider(&self) -> Option<&str> {
        let (deployment, _) = self.open.as_ref()?.deployment.as_ref()?;
        Some(&deployment.target.provider.id)
    }

    /// A part of the call has been answered. If the whole is, its usage is told in full.
    pub(crate) fn part(&mut self, usage: Option<Usage>) {
        if let (Some(open), Some(usage)) = (&mut self.open, usage) {
            open.parts = Some(match open.parts.take() {
                Some(sum) => sum.plus(usage),
                None => usage,
            });
        }
    }

    /// An attempt failed; another may follow.
    pub(crate) fn attempt_failed(&mut self, error: &Error) {
        if let Some(open) = &mut self.open {
            open.lose_parts();
            open.in_flight = None;
            if let Some((deployment, handle)) = &open.deployment {
                handle.attempt_failed(error);
                let (call_id, deployment) = (&*open.record.call_id, &*deployment.id);
                tracing::debug!(call_id, deployment, error = error.message(), "attempt failed");
            }
        }
    }

    /// The plan has been told of that failure: counts the cooldown that it may have begun.
    pub(crate) fn cooling(&mut self, error: &Error) {
        if let Some(open) = &mut self.open
            && let Some((deployment, handle)) = &open.deployment
            && open.live.health.is_cooling(deployment, Instant::now())
        {
            handle.cooled_down(error);
        }
    }

    /// An attempt succeeded after so many others.
    pub(crate) fn answered(&mut self, retries: u32, fallbacks: u32, notes: &Notes) {
        if let Some(open) = &mut self.open {
            open.record.retries = retries;
            open.record.fallbacks = fallbacks;
            open.record.dropped_params = notes.dropped.len() as u32;
            if let Some((_, handle)) = &open.deployment {
                handle.attempt_succeeded();
                handle.set_state(DeploymentState::Healthy);
            }
        }
    }

    /// The upstream took this long.
    pub(crate) fn upstream(&mut self, time: Duration) {
        self.upstream += time;
    }

    /// Time spent waiting for upstreams so far.
    pub(crate) fn upstream_time(&self) -> Duration {
        self.upstream
    }

    /// Time since the call came.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Content goes to the client.
    pub(crate) fn first_byte(&mut self) {
        if let Some(open) = &mut self.open
            && open.record.ttft.is_none()
        {
            open.record.ttft = Some(self.started.elapsed());
        }
    }

    /// The whole answer is here: counts what the provider did not, and prices it.
    pub(crate) fn settle_whole(&mut self, usage: Option<Usage>, reply: Option<&Reply>) -> Bill {
        let Some(mut open) = self.open.take() else { return Bill { cost: None, estimated: false } };
        let usage = open.complete(usage).or_else(|| open.estimate(|| reply.map_or(0, estimate::output)));
        open.parts = None;
        open.price(usage);
        open.add_lost();
        let cost = open.record.cost;
        let estimated = open.record.estimated;
        open.close(200, None, self.started.elapsed(), Some(self.upstream));
        Bill { cost, estimated }
    }

    /// What the call costs, if that is known before its answer has ended: speech is sold by its text.
    pub(crate) fn foretold(&mut self) -> Option<Money> {
        let open = self.open.as_mut()?;
        let speech = open.call.as_ref().is_some_and(|call| call.operation == Operation::Speech);
        let usage = if speech { open.complete(None) } else { None };
        open.price(usage)
    }

    /// The stream is over; its head took `upstream_time` to come, the rest was as fast as the upstream.
    pub(crate) fn settle_stream(&mut self, usage: Option<Usage>, chunks: u64, error: Option<&Error>) {
        let Some(mut open) = self.open.take() else { return };
        let usage = if error.is_some() { usage.map(|usage| so_far(usage, chunks)) } else { usage };
        let usage = open.complete(usage).or_else(|| open.estimate(|| chunks));
        open.price(usage);
        if let Some(error) = error {
            open.deployment_failed(error);
        }
        let status = error.map_or(200, |error| error.kind().status());
        open.close(status, error, self.started.elapsed(), Some(self.upstream));
    }

    /// The client went away in the middle of its stream.
    pub(crate) fn cancelled(&mut self, usage: Option<Usage>, chunks: u64) {
        let Some(mut open) = self.open.take() else { return };
        let usage = usage.map(|usage| so_far(usage, chunks));
        let usage = open.complete(usage).or_else(|| open.estimate(|| chunks));
        open.price(usage);
        open.close(CLIENT_GONE, None, self.started.elapsed(), Some(self.upstream));
    }

    /// The call was refused or failed.
    pub(crate) fn fail(&mut self, error: &Error) {
        let Some(open) = self.open.take() else { return };
        open.close(error.kind().status(), Some(error), self.started.elapsed(), None);
    }
}

/// What had been consumed when a stream broke off: some providers say at the start what the prompt took, and at the end
/// what the answer did.
fn so_far(mut usage: Usage, chunks: u64) -> Usage {
    if usage.output < chunks {
        usage.output = chunks;
        usage.estimated = true;
    }
    usage
}

fn sum(one: Option<Money>, two: Option<Money>) -> Option<Money> {
    match (one, two) {
        (Some(one), Some(two)) => Some(one + two),
        (one, two) => one.or(two),
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.close(CLIENT_GONE, None, self.started.elapsed(), None);
        }
    }
}

impl Open {
    fn new(
        gateway: &Gateway,
        live: &Arc<Live>,
        record: CallRecord,
        route: &'static str,
        received: SystemTime,
    ) -> Self {
        Self {
            gateway: gateway.clone(),
            live: live.clone(),
            record,
            route,
            call: None,
            found: None,
            deployment: None,
            in_flight: None,
            waived: false,
            received,
            parts: None,
            lost: None,
        }
    }

    /// The usage, with what the call tells besides tokens.
    fn complete(&self, usage: Option<Usage>) -> Option<Usage> {
        match &self.call {
            Some(call) => lockgate_tokens::complete_usage(call, usage),
            None => usage,
        }
    }

    /// Usage for a provider that did not say.
    fn estimate(&self, output: impl FnOnce() -> u64) -> Option<Usage> {
        estimate::usage(self.call.as_ref()?, &self.record.model, output())
    }

    /// Puts usage and its price on the record. What has no price is said to have none; it is not free.
    fn price(&mut self, usage: Option<Usage>) -> Option<Money> {
        let usage = usage.filter(|_| !self.waived)?;
        let (deployment, _) = self.deployment.as_ref()?;
        let target = &deployment.target;
        let terms = Terms {
            at: Some(self.received),
            conditions: target.provider.dialect.price_conditions(target),
            measured: Measured::of(&usage),
            image_size: usage.measures.as_ref().and_then(|measures| measures.image_size.clone()),
            image_quality: usage.measures.as_ref().and_then(|measures| measures.image_quality.clone()),
            ..Terms::default()
        };
        let price = deployment.price_of_answer(&self.live.snapshot.catalog, &usage);
        let cost = match (price, usage.provider_cost) {
            (Some(price), _) if !price.is_unpriced() => price.priced(&usage, &terms),
            (_, Some(reported)) => Some(Cost::reported(reported)),
            _ => None,
        };
        let total = cost.as_ref().map(|cost| cost.total);
        let free = target.provider.free;
        if let Some(cost) = cost.filter(|cost| cost.reported.is_some()) {
            self.compare(&cost);
        }
        if total.is_none() && !free {
            self.record.unpriced = true;
            tracing::warn!(
                model = &*self.record.model,
                provider = &*self.record.provider,
                "no price is known for this model"
            );
        }
        self.record.estimated = usage.estimated;
        self.record.usage = Some(usage);
        self.record.cost = total;
        total
    }

    /// Puts the provider's own figure beside that of the price list (CST-5).
    fn compare(&mut self, cost: &Cost) {
        let record = &mut self.record;
        record.provider_cost = cost.reported;
        record.list_cost = Some(cost.computed).filter(|computed| !computed.is_zero());
        record.cost_drift = cost.drifts();
        if record.cost_drift {
            tracing::warn!(
                call_id = &*record.call_id,
                model = &*record.model,
                provider = &*record.provider,
                provider_cost_usd = cost.reported.unwrap_or_default().dollars(),
                list_cost_usd = cost.computed.dollars(),
                "the provider's cost is not that of the price list"
            );
        }
    }

    /// What the parts of a failed attempt consumed has been paid for.
    fn lose_parts(&mut self) {
        let Some(parts) = self.parts.take() else { return };
        let cost = self.price(Some(parts.clone()));
        (self.record.usage, self.record.cost) = (None, None);
        self.lost = Some(match self.lost.take() {
            Some((usage, earlier)) => (usage.plus(parts), sum(earlier, cost)),
            None => (parts, cost),
        });
    }

    /// Puts what was lost on the record.
    fn add_lost(&mut self) {
        let Some((lost, cost)) = self.lost.take() else { return };
        self.record.cost = sum(self.record.cost, cost);
        self.record.usage = Some(match self.record.usage.take() {
            Some(usage) => usage.plus(lost),
            None => lost,
        });
    }

    /// A stream broke after the plan had its success: the deployment's health has to know.
    fn deployment_failed(&self, error: &Error) {
        if let (Some((deployment, handle)), Some(route)) = (&self.deployment, &self.found) {
            handle.attempt_failed(error);
            let policy = &self.live.snapshot.policy;
            self.live.health.failed(deployment, &route.deployments, error, policy, Instant::now());
        }
    }

    fn close(
        mut self: Box<Self>,
        status: u16,
        error: Option<&Error>,
        duration: Duration,
        upstream: Option<Duration>,
    ) {
        self.lose_parts();
        self.add_lost();
        self.record.status = status;
        self.record.error = error.map(Error::kind);
        self.record.duration = duration;
        self.record.upstream = upstream;
        let metrics = self.gateway.metrics();
        let surface = self.live.handles.surface(metrics, self.route, &self.record.model_group);
        metrics.record(&self.record, &surface, self.deployment.as_ref().map(|(_, handle)| handle));
        lockgate_telemetry::log_call(&self.record);
    }
}
