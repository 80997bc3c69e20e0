//! Logs to standard error.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use lockgate_core::ErrorKind;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

use crate::CallRecord;

/// The target of access-log events, for filters such as `lockgate::call=info`.
pub const CALL_TARGET: &str = "lockgate::call";

/// Whether lines are coloured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How to log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// A level, or a list of directives such as `info,lockgate::call=off`.
    pub level: String,
    /// One JSON object per line.
    pub json: bool,
    /// Whether lines are coloured; JSON never is.
    pub color: Color,
    /// At least `debug` for the project's own crates (LiteLLM's `--detailed_debug`).
    pub detailed: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false, color: Color::Auto, detailed: false }
    }
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The level is no level and no directive.
    #[error("`{0}` is not a log level (error, warn, info, debug, trace) or a list of filters")]
    Level(String),
    /// Something else in the process logs already.
    #[error("logging is already set up")]
    Already,
}

/// Sets up logging for the process.
///
/// # Errors
/// The level makes no sense, or logging is set up already.
pub fn init(options: &LogOptions) -> Result<(), LogError> {
    registry().with(layer(options, io::stderr)?).try_init().map_err(|_| LogError::Already)
}

fn layer<S, W>(options: &LogOptions, writer: W) -> Result<Box<dyn Layer<S> + Send + Sync>, LogError>
where
    S: tracing::Subscriber + for<'a> registry::LookupSpan<'a>,
    W: for<'w> fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter(options)?;
    let layer = fmt::layer().with_writer(writer);
    if options.json {
        let layer = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
        return Ok(layer.with_filter(filter).boxed());
    }
    let ansi = match options.color {
        Color::Auto => {
            io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
        Color::Always => true,
        Color::Never => false,
    };
    Ok(layer.with_ansi(ansi).with_filter(filter).boxed())
}

/// The libraries underneath are kept at `warn` unless asked for by name: at `trace` they print headers.
fn filter(options: &LogOptions) -> Result<EnvFilter, LogError> {
    let level = options.level.trim().to_ascii_lowercase();
    let bad = || LogError::Level(options.level.clone());
    let directives = match level.as_str() {
        "" => quiet("info"),
        "off" | "error" => level.clone(),
        "warn" | "warning" => "warn".to_owned(),
        "info" | "debug" | "trace" => quiet(&level),
        _ => options.level.trim().to_owned(),
    };
    let directives = if options.detailed { format!("{directives},lockgate=debug") } else { directives };
    EnvFilter::builder().parse(directives).map_err(|_| bad())
}

fn quiet(level: &str) -> String {
    format!("{level},hyper=warn,hyper_util=warn,h2=warn,rustls=warn,tower=warn,reqwest=warn,mio=warn")
}

/// Logs a finished call: one event, of typed fields only. Costs next to nothing when filtered out.
pub fn log_call(call: &CallRecord) {
    /// The level must be known when compiling.
    macro_rules! event {
        ($level:ident, $message:literal) => {{
            let usage = call.usage.as_ref();
            tracing::$level!(
                target: CALL_TARGET,
                call_id = &*call.call_id,
                surface = call.surface,
                operation = call.operation.name(),
                model_group = named(&call.model_group),
                model = named(&call.model),
                deployment = named(&call.deployment),
                provider = named(&call.provider),
                status = call.status,
                stream = call.stream,
                duration_ms = milliseconds(call.duration),
                upstream_ms = call.upstream.map(milliseconds),
                ttft_ms = call.ttft.map(milliseconds),
                input_tokens = usage.map(|usage| usage.input),
                output_tokens = usage.map(|usage| usage.output),
                cached_tokens = usage.and_then(|usage| usage.cache_read),
                cost_usd = call.cost.map(tracing::field::display),
                retries = nonzero(call.retries),
                fallbacks = nonzero(call.fallbacks),
                dropped_params = nonzero(call.dropped_params),
                estimated = call.estimated.then_some(true),
                unpriced = call.unpriced.then_some(true),
                error = call.error.map(ErrorKind::class),
                $message
            )
        }};
    }
    match call.error {
        None => event!(info, "call answered"),
        Some(_) => event!(warn, "call failed"),
    }
}

fn named(name: &str) -> Option<&str> {
    (!name.is_empty()).then_some(name)
}

fn nonzero(count: u32) -> Option<u32> {
    (count > 0).then_some(count)
}

/// Milliseconds with microseconds behind the point.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use lockgate_core::{Money, Operation, Usage};
    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(options: &LogOptions, action: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = registry().with(layer(options, move || writer.clone()).unwrap());
        with_default(subscriber, action);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    fn call() -> CallRecord {
        let mut call = CallRecord::new("call-1", "openai", Operation::Chat);
        call.model_group = "gpt".into();
        call.duration = Duration::from_micros(1_234_567);
        call.usage = Some(Usage { input: 12, output: 3, ..Usage::default() });
        call.cost = Some(Money::from_dollars(0.000123));
        call
    }

    #[test]
    fn a_json_line_holds_typed_fields_and_leaves_out_what_is_not_known() {
        let options = LogOptions { json: true, ..LogOptions::default() };
        let text = logged(&options, || log_call(&call()));
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["target"], "lockgate::call");
        assert_eq!(line["call_id"], "call-1");
        assert_eq!(line["operation"], "chat");
        assert_eq!(line["status"], 200);
        assert_eq!(line["duration_ms"], 1234.567);
        assert_eq!(line["input_tokens"], 12);
        assert_eq!(line["cost_usd"], "0.000123");
        for absent in ["ttft_ms", "provider", "error", "retries", "unpriced"] {
            assert!(line.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn failures_are_warnings_with_their_class() {
        let text = logged(&LogOptions { color: Color::Never, ..LogOptions::default() }, || {
            log_call(&CallRecord { status: 429, error: Some(ErrorKind::RateLimit), retries: 2, ..call() });
        });
        assert!(
            text.contains(" WARN ")
                && text.contains("error=\"RateLimitError\"")
                && text.contains("retries=2"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn levels_filter_and_libraries_stay_quiet() {
        let warn = LogOptions { level: "WARNING".to_owned(), ..LogOptions::default() };
        assert_eq!(logged(&warn, || log_call(&call())), "");
        let trace = LogOptions { level: "trace".to_owned(), detailed: true, ..LogOptions::default() };
        let text = logged(&trace, || {
            tracing::trace!(target: "hyper::proto", "authorization: secret");
            tracing::debug!(target: "lockgate_gateway::route", "chosen");
        });
        assert!(!text.contains("secret") && text.contains("chosen"), "{text}");
        let off = LogOptions { level: "info,lockgate::call=off".to_owned(), ..LogOptions::default() };
        assert_eq!(logged(&off, || log_call(&call())), "");
        assert!(matches!(filter(&LogOptions { level: "a=b=c".to_owned(), ..off }), Err(LogError::Level(_))));
    }
}
