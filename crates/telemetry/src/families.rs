//! The families of metrics: names, meanings, labels, buckets.

use prometheus::{
    CounterVec, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry,
};

/// Upper bounds in seconds, from an answer off a cache to a long piece of reasoning.
const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0,
    120.0, 300.0, 600.0,
];
/// Upper bounds in seconds for what the gateway itself takes.
const OVERHEAD: &[f64] =
    &[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

const ROUTE: &[&str] = &["requested_model", "route"];
pub(crate) const DEPLOYMENT: &[&str] =
    &["requested_model", "model_group", "litellm_model_name", "model_id", "api_base", "api_provider"];

/// All families.
pub(crate) struct Families {
    pub(crate) registry: Registry,
    pub(crate) in_flight: IntGauge,
    pub(crate) total: IntCounterVec,
    pub(crate) failed: IntCounterVec,
    pub(crate) total_latency: HistogramVec,
    pub(crate) dropped_params: IntCounterVec,
    pub(crate) unpriced: IntCounterVec,
    pub(crate) estimated: IntCounterVec,
    pub(crate) cost_drift: IntCounterVec,
    pub(crate) requests: IntCounterVec,
    pub(crate) spend: CounterVec,
    pub(crate) tokens: [IntCounterVec; TOKENS.len()],
    pub(crate) api_latency: HistogramVec,
    pub(crate) ttft: HistogramVec,
    pub(crate) overhead: HistogramVec,
    pub(crate) per_output_token: HistogramVec,
    pub(crate) deployment_total: IntCounterVec,
    pub(crate) deployment_success: IntCounterVec,
    pub(crate) deployment_failure: IntCounterVec,
    pub(crate) deployment_state: GaugeVec,
    pub(crate) deployment_cooled_down: IntCounterVec,
    pub(crate) fallbacks_ok: IntCounterVec,
    pub(crate) fallbacks_failed: IntCounterVec,
}

/// Names and meanings of the token counters, in the order in which they are recorded.
pub(crate) const TOKENS: [(&str, &str); 6] = [
    ("litellm_total_tokens_metric", "Input and output tokens"),
    ("litellm_input_tokens_metric", "Input tokens, cached ones included"),
    ("litellm_output_tokens_metric", "Output tokens, reasoning included"),
    ("litellm_input_cached_tokens_metric", "Input tokens read from the provider's cache"),
    ("litellm_input_cache_creation_tokens_metric", "Input tokens written to the provider's cache"),
    ("litellm_output_reasoning_tokens_metric", "Output tokens spent on reasoning"),
];

impl Families {
    pub(crate) fn register(registry: Registry) -> Result<Self, prometheus::Error> {
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
            cost_drift: maker.counter(
                "lockgate_cost_drift_total",
                "Requests whose provider's own cost is not that of the price list",
                DEPLOYMENT,
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
