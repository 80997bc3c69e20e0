//! Metrics under LiteLLM's names, with handles that are resolved once.

use std::sync::Arc;

use lockgate_core::{Error, ErrorKind};
use prometheus::{Counter, Gauge, Histogram, IntCounter, IntGauge, Registry, TextEncoder};

use crate::{
    CallRecord,
    families::{DEPLOYMENT, Families, TOKENS},
};

/// All metrics of the process. Survives reloads: the same labels are the same series.
///
/// Labels come from configuration alone (routes, deployments, classes of errors), never from a request, so that their
/// number is bounded.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

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
        let [a, b, c, d, e, f] = self.labels();
        let status = status_text(error.status().unwrap_or(error.kind().status()));
        self.0
            .families
            .deployment_failure
            .with_label_values(&[a, b, c, d, e, f, status, error.kind().class()])
            .inc();
    }

    /// The deployment was put aside for a while.
    pub fn cooled_down(&self, error: &Error) {
        let [a, b, c, d, e, f] = self.labels();
        let status = status_text(error.status().unwrap_or(error.kind().status()));
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

    fn labels(&self) -> [&str; DEPLOYMENT.len()] {
        self.0.labels.each_ref().map(|label| &**label)
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
        if call.cost_drift {
            this.families.cost_drift.with_label_values(&self.labels()).inc();
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

/// Known statuses by name, others by their hundred: an upstream may invent as many as it likes.
fn status_text(status: u16) -> &'static str {
    const KNOWN: &[(u16, &str)] = &[
        (200, "200"),
        (400, "400"),
        (401, "401"),
        (402, "402"),
        (403, "403"),
        (404, "404"),
        (405, "405"),
        (408, "408"),
        (409, "409"),
        (413, "413"),
        (422, "422"),
        (429, "429"),
        (499, "499"),
        (500, "500"),
        (502, "502"),
        (503, "503"),
        (504, "504"),
        (529, "529"),
    ];
    match KNOWN.binary_search_by_key(&status, |(known, _)| *known) {
        Ok(found) => KNOWN[found].1,
        Err(_) => match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lockgate_core::{Money, Operation, Origin, Usage};

    use super::*;

    const LABELS: DeploymentLabels<'_> = DeploymentLabels {
        model_group: "gpt",
        model: "gpt-4o",
        model_id: "id-1",
        api_base: "https://me:canary@api.example/v1?key=canary",
        provider: "openai",
    };

    fn call() -> CallRecord {
        let mut call = CallRecord::new("call-1", "openai", Operation::Chat);
        call.duration = Duration::from_millis(1002);
        call.upstream = Some(Duration::from_secs(1));
        call.usage = Some(Usage { input: 100, output: 20, cache_read: Some(40), ..Usage::default() });
        call.cost = Some(Money::from_dollars(0.0015));
        call
    }

    fn sample(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
        let line = text.lines().find(|line| {
            line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label))
        });
        line?.rsplit(' ').next()?.parse().ok()
    }

    #[test]
    fn a_call_is_counted_under_litellms_names() {
        let metrics = Metrics::new().unwrap();
        let surface = metrics.surface("/v1/chat/completions", "gpt");
        let deployment = metrics.deployment(&LABELS);
        deployment.attempt_succeeded();
        metrics.record(&call(), &surface, Some(&deployment));
        let streamed = CallRecord { stream: true, ttft: Some(Duration::from_millis(300)), ..call() };
        metrics.record(&streamed, &surface, Some(&deployment));
        let text = metrics.render();
        let route = ["requested_model=\"gpt\"", "route=\"/v1/chat/completions\"", "status_code=\"200\""];
        assert_eq!(sample(&text, "litellm_proxy_total_requests_metric", &route), Some(2.0));
        assert_eq!(sample(&text, "litellm_request_total_latency_metric_sum", &route[..2]), Some(2.004));
        let labels = ["model_id=\"id-1\"", "api_base=\"https://api.example/v1\"", "api_provider=\"openai\""];
        for (name, value) in [
            ("litellm_requests_metric", 2.0),
            ("litellm_spend_metric", 0.003),
            ("litellm_total_tokens_metric", 240.0),
            ("litellm_input_tokens_metric", 200.0),
            ("litellm_output_tokens_metric", 40.0),
            ("litellm_input_cached_tokens_metric", 80.0),
            ("litellm_deployment_total_requests", 1.0),
            ("litellm_deployment_success_responses", 1.0),
            ("litellm_llm_api_latency_metric_count", 2.0),
            ("litellm_llm_api_time_to_first_token_metric_count", 1.0),
            ("litellm_overhead_latency_metric_count", 2.0),
            ("litellm_deployment_latency_per_output_token_sum", 0.1),
        ] {
            assert_eq!(sample(&text, name, &labels), Some(value), "{name}");
        }
        assert!(!text.contains("canary"));
    }

    #[test]
    fn failures_are_counted_by_status_and_class() {
        let metrics = Metrics::new().unwrap();
        let surface = metrics.surface("/v1/messages", "");
        let deployment = metrics.deployment(&LABELS);
        let error = Error::new(ErrorKind::RateLimit, Origin::Upstream, "canary").with_status(429);
        deployment.attempt_failed(&error);
        deployment.cooled_down(&error);
        let failed = CallRecord {
            status: 429,
            error: Some(ErrorKind::RateLimit),
            dropped_params: 2,
            unpriced: true,
            estimated: true,
            ..call()
        };
        metrics.record(&failed, &surface, Some(&deployment));
        metrics.fallback("gpt", "claude", ErrorKind::RateLimit, true);
        let text = metrics.render();
        let class = ["exception_status=\"429\"", "exception_class=\"RateLimitError\""];
        assert_eq!(sample(&text, "litellm_proxy_failed_requests_metric", &class), Some(1.0));
        assert_eq!(sample(&text, "litellm_deployment_failure_responses", &class), Some(1.0));
        assert_eq!(sample(&text, "litellm_deployment_successful_fallbacks", &class), Some(1.0));
        assert_eq!(sample(&text, "litellm_deployment_cooled_down", &class[..1]), Some(1.0));
        assert_eq!(sample(&text, "litellm_deployment_state", &[]), Some(2.0));
        assert_eq!(sample(&text, "lockgate_dropped_params_total", &[]), Some(2.0));
        assert_eq!(sample(&text, "lockgate_unpriced_requests_total", &[]), Some(1.0));
        assert_eq!(sample(&text, "lockgate_estimated_usage_total", &[]), Some(1.0));
        assert!(!text.contains("canary"));
    }

    #[test]
    fn the_number_of_series_does_not_grow_with_calls() {
        let metrics = Metrics::new().unwrap();
        let surface = metrics.surface("/v1/chat/completions", "gpt");
        let deployment = metrics.deployment(&LABELS);
        let series = || metrics.render().lines().filter(|line| !line.starts_with('#')).count();
        for status in 200..=599 {
            metrics.record(&CallRecord { status, ..call() }, &surface, Some(&deployment));
        }
        let before = series();
        for number in 0..1000_u32 {
            let mut call = CallRecord::new(format!("call-{number}"), "openai", Operation::Chat);
            call.model_group = format!("user-{number}").into();
            call.model = format!("model-{number}").into();
            call.status = 100 + (number % 900) as u16;
            metrics.record(&call, &surface, Some(&deployment));
        }
        assert!(series() <= before + 2, "{} {before}", series());
    }

    #[test]
    fn the_same_labels_are_the_same_series_after_a_reload() {
        let metrics = Metrics::new().unwrap();
        metrics.deployment(&LABELS).attempt_succeeded();
        metrics.deployment(&LABELS).attempt_succeeded();
        assert_eq!(sample(&metrics.render(), "litellm_deployment_total_requests", &[]), Some(2.0));
    }

    #[test]
    fn requests_in_flight_are_counted_down_by_dropping() {
        let metrics = Metrics::new().unwrap();
        let one = metrics.in_flight();
        let two = metrics.in_flight();
        assert!(metrics.render().contains("litellm_in_flight_requests 2\n"));
        drop((one, two));
        assert!(metrics.render().contains("litellm_in_flight_requests 0\n"));
    }
}
