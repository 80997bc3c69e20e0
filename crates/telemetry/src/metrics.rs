//! Metrics under LiteLLM's names, with handles that are resolved once.

use std::sync::Arc;

use lockgate_core::{Error, ErrorKind};
use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, Opts, Registry, TextEncoder,
};

use crate::CallRecord;

/// Upper bounds in seconds, from an answer off a cache to a long piece of reasoning.
const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0,
    120.0, 300.0, 600.0,
];
/// Upper bounds in seconds for what the gateway itself takes.
const OVERHEAD: &[f64] =
    &[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

const ROUTE: &[&str] = &["requested_model", "route"];
const DEPLOYMENT: &[&str] =
    &["requested_model", "model_group", "litellm_model_name", "model_id", "api_base", "api_provider"];

/// All metrics of the process. Survives reloads: the same labels are the same series.
///
/// Labels come from configuration alone (routes, deployments, classes of errors), never from a request, so that their
/// number is bounded.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    in_flight: IntGauge,
    total: IntCounterVec,
    failed: IntCounterVec,
    total_latency: HistogramVec,
    dropped_params: IntCounterVec,
    unpriced: IntCounterVec,
    estimated: IntCounterVec,
    requests: IntCounterVec,
    spend: CounterVec,
    tokens: [IntCounterVec; TOKENS.len()],
    api_latency: HistogramVec,
    ttft: HistogramVec,
    overhead: HistogramVec,
    per_output_token: HistogramVec,
    deployment_total: IntCounterVec,
    deployment_success: IntCounterVec,
    deployment_failure: IntCounterVec,
    deployment_state: GaugeVec,
    deployment_cooled_down: IntCounterVec,
    fallbacks_ok: IntCounterVec,
    fallbacks_failed: IntCounterVec,
}

/// Names and meanings of the token counters, in the order of [`tokens`].
const TOKENS: [(&str, &str); 6] = [
    ("litellm_total_tokens_metric", "Input and output tokens"),
    ("litellm_input_tokens_metric", "Input tokens, cached ones included"),
    ("litellm_output_tokens_metric", "Output tokens, reasoning included"),
    ("litellm_input_cached_tokens_metric", "Input tokens read from the provider's cache"),
    ("litellm_input_cache_creation_tokens_metric", "Input tokens written to the provider's cache"),
    ("litellm_output_reasoning_tokens_metric", "Output tokens spent on reasoning"),
];

/// What names a deployment's series. None of it may come from a request: for a wildcard route, `model` is the pattern.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeploymentLabels<'a> {
    /// The public name of the route.
    pub model_group: &'a str,
    /// The model as the provider knows it.
    pub model: &'a str,
    /// The deployment's id.
    pub model_id: &'a str,
    /// The base URL; user name, password and query are cut off.
    pub api_base: &'a str,
    /// The provider's id.
    pub provider: &'a str,
}

/// How a deployment is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeploymentState {
    /// It answers.
    Healthy,
    /// Some calls fail.
    Partial,
    /// It is cooling down.
    Down,
}

/// Counters for one deployment; recording is a few atomic additions.
#[derive(Clone)]
pub struct DeploymentMetrics(Arc<Deployment>);

struct Deployment {
    families: Arc<Families>,
    labels: [Box<str>; DEPLOYMENT.len()],
    requests: IntCounter,
    spend: Counter,
    tokens: [IntCounter; TOKENS.len()],
    api_latency: Histogram,
    ttft: Histogram,
    overhead: Histogram,
    per_output_token: Histogram,
    total: IntCounter,
    success: IntCounter,
    state: Gauge,
}

/// Counters for one path and public model name.
#[derive(Clone)]
pub struct SurfaceMetrics(Arc<Route>);

struct Route {
    families: Arc<Families>,
    requested_model: Box<str>,
    route: &'static str,
    ok: IntCounter,
    latency: Histogram,
    dropped_params: IntCounter,
    unpriced: IntCounter,
    estimated: IntCounter,
}

/// Counts a request as in flight until it is dropped.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// An empty registry.
    ///
    /// # Errors
    /// Never in practice: two metrics have the same name.
    pub fn new() -> Result<Self, prometheus::Error> {
        Ok(Self(Arc::new(Families::register(Registry::new())?)))
    }

    /// Where other parts of the process register metrics of their own.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Counts a request as in flight.
    pub fn in_flight(&self) -> InFlight {
        self.0.in_flight.inc();
        InFlight(self.0.in_flight.clone())
    }

    /// The handle for a path (such as `/v1/chat/completions`) and a public model name; empty for calls whose model is
    /// not known. To be resolved when the configuration is loaded.
    pub fn surface(&self, route: &'static str, requested_model: &str) -> SurfaceMetrics {
        let families = self.0.clone();
        let labels = &[requested_model, route];
        SurfaceMetrics(Arc::new(Route {
            requested_model: requested_model.into(),
            route,
            ok: families.total.with_label_values(&[requested_model, route, "200"]),
            latency: families.total_latency.with_label_values(labels),
            dropped_params: families.dropped_params.with_label_values(labels),
            unpriced: families.unpriced.with_label_values(labels),
            estimated: families.estimated.with_label_values(labels),
            families,
        }))
    }

    /// The handle for a deployment. To be resolved when the configuration is loaded.
    pub fn deployment(&self, labels: &DeploymentLabels<'_>) -> DeploymentMetrics {
        let families = self.0.clone();
        let labels = [
            labels.model_group,
            labels.model_group,
            labels.model,
            labels.model_id,
            &public_base(labels.api_base),
            labels.provider,
        ];
        DeploymentMetrics(Arc::new(Deployment {
            labels: labels.map(Box::from),
            requests: families.requests.with_label_values(&labels),
            spend: families.spend.with_label_values(&labels),
            tokens: std::array::from_fn(|index| families.tokens[index].with_label_values(&labels)),
            api_latency: families.api_latency.with_label_values(&labels),
            ttft: families.ttft.with_label_values(&labels),
            overhead: families.overhead.with_label_values(&labels),
            per_output_token: families.per_output_token.with_label_values(&labels),
            total: families.deployment_total.with_label_values(&labels),
            success: families.deployment_success.with_label_values(&labels),
            state: families.deployment_state.with_label_values(&labels),
            families,
        }))
    }

    /// Counts a finished call. `deployment` is the one that answered last, if it came that far.
    pub fn record(
        &self,
        call: &CallRecord,
        surface: &SurfaceMetrics,
        deployment: Option<&DeploymentMetrics>,
    ) {
        surface.record(call);
        if let Some(deployment) = deployment {
            deployment.record(call);
        }
    }

    /// Counts a fallback from one public model name to another.
    pub fn fallback(&self, from: &str, to: &str, error: ErrorKind, succeeded: bool) {
        let family = if succeeded { &self.0.fallbacks_ok } else { &self.0.fallbacks_failed };
        family.with_label_values(&[from, to, status_text(error.status()), error.class()]).inc();
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default()
    }

    /// The content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = prometheus::TEXT_FORMAT;
}

impl SurfaceMetrics {
    fn record(&self, call: &CallRecord) {
        let this = &self.0;
        if call.status == 200 {
            this.ok.inc();
        } else {
            let labels = &[&*this.requested_model, this.route, status_text(call.status)];
            this.families.total.with_label_values(labels).inc();
        }
        if let Some(kind) = call.error {
            let labels = &[&*this.requested_model, this.route, status_text(kind.status()), kind.class()];
            this.families.failed.with_label_values(labels).inc();
        }
        this.latency.observe(call.duration.as_secs_f64());
        if call.dropped_params > 0 {
            this.dropped_params.inc_by(call.dropped_params.into());
        }
        if call.unpriced {
            this.unpriced.inc();
        }
        if call.estimated {
            this.estimated.inc();
        }
    }
}

impl DeploymentMetrics {
    /// An attempt got its answer.
    pub fn attempt_succeeded(&self) {
        self.0.total.inc();
        self.0.success.inc();
    }

    /// An attempt failed.
    pub fn attempt_failed(&self, error: &Error) {
        self.0.total.inc();
        let [group, requested, model, id, base, provider] = &self.0.labels;
        let status = status_text(error.status().unwrap_or(error.kind().status()));
        let labels = [group, requested, model, id, base, provider].map(|label| &**label);
        let [a, b, c, d, e, f] = labels;
        self.0
            .families
            .deployment_failure
            .with_label_values(&[a, b, c, d, e, f, status, error.kind().class()])
            .inc();
    }

    /// The deployment was put aside for a while.
    pub fn cooled_down(&self, error: &Error) {
        let [group, requested, model, id, base, provider] = &self.0.labels;
        let status = status_text(error.status().unwrap_or(error.kind().status()));
        let [a, b, c, d, e, f] = [group, requested, model, id, base, provider].map(|label| &**label);
        self.0.families.deployment_cooled_down.with_label_values(&[a, b, c, d, e, f, status]).inc();
        self.set_state(DeploymentState::Down);
    }

    /// How the deployment is doing from now on.
    pub fn set_state(&self, state: DeploymentState) {
        self.0.state.set(match state {
            DeploymentState::Healthy => 0.0,
            DeploymentState::Partial => 1.0,
            DeploymentState::Down => 2.0,
        });
    }

    fn record(&self, call: &CallRecord) {
        let this = &self.0;
        this.requests.inc();
        if let Some(upstream) = call.upstream {
            this.api_latency.observe(upstream.as_secs_f64());
        }
        if let Some(ttft) = call.ttft.filter(|_| call.stream) {
            this.ttft.observe(ttft.as_secs_f64());
        }
        if let Some(overhead) = call.overhead() {
            this.overhead.observe(overhead.as_secs_f64());
        }
        if let Some(cost) = call.cost.filter(|cost| cost.pico() > 0) {
            this.spend.inc_by(cost.dollars());
        }
        let Some(usage) = &call.usage else { return };
        let counts = [
            usage.total(),
            usage.input,
            usage.output,
            usage.cache_read.unwrap_or(0),
            usage.cache_write.unwrap_or(0),
            usage.reasoning.unwrap_or(0),
        ];
        for (counter, count) in this.tokens.iter().zip(counts) {
            if count > 0 {
                counter.inc_by(count);
            }
        }
        if let (Some(upstream), 1..) = (call.upstream, usage.output) {
            this.per_output_token.observe(upstream.as_secs_f64() / usage.output as f64);
        }
    }
}

impl Families {
    fn register(registry: Registry) -> Result<Self, prometheus::Error> {
        let maker = Maker { registry: &registry };
        let tokens = {
            let mut made = Vec::with_capacity(TOKENS.len());
            for (name, help) in TOKENS {
                made.push(maker.counter(name, help, DEPLOYMENT, &[])?);
            }
            made.try_into().map_err(|_| prometheus::Error::Msg("token counters".to_owned()))?
        };
        let in_flight = IntGauge::new("litellm_in_flight_requests", "Requests that are being answered")?;
        registry.register(Box::new(in_flight.clone()))?;
        const FALLBACK: &[&str] =
            &["requested_model", "fallback_model", "exception_status", "exception_class"];
        let failure = &["exception_status", "exception_class"];
        Ok(Self {
            in_flight,
            total: maker.counter(
                "litellm_proxy_total_requests_metric",
                "Requests",
                ROUTE,
                &["status_code"],
            )?,
            failed: maker.counter(
                "litellm_proxy_failed_requests_metric",
                "Requests that failed",
                ROUTE,
                failure,
            )?,
            total_latency: maker.histogram(
                "litellm_request_total_latency_metric",
                "Seconds for a request",
                ROUTE,
                SECONDS,
            )?,
            dropped_params: maker.counter(
                "lockgate_dropped_params_total",
                "Parameters not sent upstream",
                ROUTE,
                &[],
            )?,
            unpriced: maker.counter(
                "lockgate_unpriced_requests_total",
                "Requests with usage but no price",
                ROUTE,
                &[],
            )?,
            estimated: maker.counter(
                "lockgate_estimated_usage_total",
                "Requests whose usage was counted here",
                ROUTE,
                &[],
            )?,
            requests: maker.counter("litellm_requests_metric", "Requests to providers", DEPLOYMENT, &[])?,
            spend: maker.money("litellm_spend_metric", "US dollars", DEPLOYMENT)?,
            tokens,
            api_latency: maker.histogram(
                "litellm_llm_api_latency_metric",
                "Seconds that the provider took",
                DEPLOYMENT,
                SECONDS,
            )?,
            ttft: maker.histogram(
                "litellm_llm_api_time_to_first_token_metric",
                "Seconds until the first content of a stream",
                DEPLOYMENT,
                SECONDS,
            )?,
            overhead: maker.histogram(
                "litellm_overhead_latency_metric",
                "Seconds that the gateway took",
                DEPLOYMENT,
                OVERHEAD,
            )?,
            per_output_token: maker.histogram(
                "litellm_deployment_latency_per_output_token",
                "Seconds for an output token",
                DEPLOYMENT,
                OVERHEAD,
            )?,
            deployment_total: maker.counter(
                "litellm_deployment_total_requests",
                "Attempts",
                DEPLOYMENT,
                &[],
            )?,
            deployment_success: maker.counter(
                "litellm_deployment_success_responses",
                "Attempts answered",
                DEPLOYMENT,
                &[],
            )?,
            deployment_failure: maker.counter(
                "litellm_deployment_failure_responses",
                "Attempts that failed",
                DEPLOYMENT,
                failure,
            )?,
            deployment_state: maker.gauge(
                "litellm_deployment_state",
                "0 healthy, 1 partial failure, 2 down",
                DEPLOYMENT,
            )?,
            deployment_cooled_down: maker.counter(
                "litellm_deployment_cooled_down",
                "Times that a deployment was put aside",
                DEPLOYMENT,
                &["exception_status"],
            )?,
            fallbacks_ok: maker.counter(
                "litellm_deployment_successful_fallbacks",
                "Fallbacks that answered",
                FALLBACK,
                &[],
            )?,
            fallbacks_failed: maker.counter(
                "litellm_deployment_failed_fallbacks",
                "Fallbacks that failed",
                FALLBACK,
                &[],
            )?,
            registry: registry.clone(),
        })
    }
}

struct Maker<'a> {
    registry: &'a Registry,
}

impl Maker<'_> {
    fn counter(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        more: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let made = IntCounterVec::new(Opts::new(name, help), &[labels, more].concat())?;
        self.registry.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn money(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, prometheus::Error> {
        let made = CounterVec::new(Opts::new(name, help), labels)?;
        self.registry.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, prometheus::Error> {
        let made = GaugeVec::new(Opts::new(name, help), labels)?;
        self.registry.register(Box::new(made.clone()))?;
        Ok(made)
    }

    fn histogram(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<HistogramVec, prometheus::Error> {
        let made = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
        self.registry.register(Box::new(made.clone()))?;
        Ok(made)
    }
}

/// Scheme, host and path of a base URL.
fn public_base(base: &str) -> String {
    let base = base.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = base.split_once("://") else { return base.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or_default();
    match path {
        Some(path) => format!("{scheme}://{host}/{path}"),
        None => format!("{scheme}://{host}"),
    }
}

/// Known statuses by name; any other is one label, because an upstream may invent as many as it likes.
fn status_text(status: u16) -> &'static str {
    match status {
        200 => "200",
        400 => "400",
        401 => "401",
        402 => "402",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        413 => "413",
        422 => "422",
        429 => "429",
        499 => "499",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        529 => "529",
        100..=199 => "1xx",
        201..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
