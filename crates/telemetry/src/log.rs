//! Logs to standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

use crate::call_line::{self, Style};

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
    registry().with(layer(options, io::stderr)?).try_init().map_err(|_| LogError::Already)?;
    call_line::to_stderr(if options.json { Style::Json } else { Style::Text });
    Ok(())
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use lockgate_core::Operation;
    use tracing::subscriber::with_default;

    use super::*;
    use crate::{CallRecord, log_call};

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
        CallRecord::new("call-1", "openai", Operation::Chat)
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
