//! The access log: one line for a finished call.
//!
//! Written by hand rather than as an event with two dozen fields, because it is on every call's path: an event costs
//! as much as the rest of the call's bookkeeping together. Filters treat it as an event of the target `lockgate::call`.

use std::{
    cell::RefCell,
    fmt::{Display, Write as _},
    sync::OnceLock,
    time::SystemTime,
};

use lockgate_core::{Decimal, ErrorKind, wire::quote};
use tracing::Level;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime, SystemTime as Clock},
};

use crate::{CallRecord, sink};

/// The target of access-log lines, for filters such as `lockgate::call=info`.
pub const CALL_TARGET: &str = "lockgate::call";

/// How a line looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Like an event's line: `name=value`.
    Text,
    /// One JSON object.
    Json,
}

static STDERR: OnceLock<Style> = OnceLock::new();

/// From now on, lines go to standard error, past the subscriber.
pub(crate) fn to_stderr(style: Style) {
    // A second call changes nothing: there is one log for the process.
    let _ = STDERR.set(style);
}

/// Logs a finished call, from its typed fields only. Costs next to nothing when filtered out.
///
/// Where [`init`](crate::init) was not called, the line is an event's message: the program has a subscriber of its own.
pub fn log_call(call: &CallRecord) {
    let failed = call.error.is_some();
    let enabled = match failed {
        false => tracing::enabled!(target: CALL_TARGET, Level::INFO),
        true => tracing::enabled!(target: CALL_TARGET, Level::WARN),
    };
    match STDERR.get() {
        _ if !enabled => {}
        Some(style) => {
            let mut line = Line::open(*style, failed);
            line.call(call);
            sink::push(line.close().as_bytes());
        }
        None => {
            let mut line = Line { text: String::new(), style: Style::Text };
            line.call(call);
            let text = line.text;
            match failed {
                false => tracing::info!(target: CALL_TARGET, "call answered{text}"),
                true => tracing::warn!(target: CALL_TARGET, "call failed{text}"),
            }
        }
    }
}

struct Line {
    text: String,
    style: Style,
}

impl Line {
    /// The time, the level, the target and the message.
    fn open(style: Style, failed: bool) -> Self {
        let mut time = String::with_capacity(512);
        timestamp(&mut time);
        let (level, message) = if failed { ("WARN", "call failed") } else { ("INFO", "call answered") };
        let text = match style {
            Style::Text => {
                let _ = write!(time, " {level:>5} {CALL_TARGET}: {message}");
                time
            }
            Style::Json => format!(
                r#"{{"timestamp":"{time}","level":"{level}","target":"{CALL_TARGET}","message":"{message}""#
            ),
        };
        Self { text, style }
    }

    fn close(mut self) -> String {
        self.text.push_str(if self.style == Style::Json { "}\n" } else { "\n" });
        self.text
    }

    /// Every field that is known.
    fn call(&mut self, call: &CallRecord) {
        self.string("call_id", &call.call_id);
        self.string("surface", call.surface);
        self.string("operation", call.operation.name());
        self.string("model_group", &call.model_group);
        self.string("model", &call.model);
        self.string("deployment", &call.deployment);
        self.string("provider", &call.provider);
        self.plain("status", Some(call.status));
        self.plain("stream", Some(call.stream));
        self.plain("duration_ms", Some(Decimal::millis(call.duration)));
        self.plain("upstream_ms", call.upstream.map(Decimal::millis));
        self.plain("ttft_ms", call.ttft.map(Decimal::millis));
        if let Some(usage) = &call.usage {
            self.plain("input_tokens", Some(usage.input));
            self.plain("output_tokens", Some(usage.output));
            self.plain("cached_tokens", usage.cache_read);
        }
        self.plain("cost_usd", call.cost);
        self.plain("provider_cost_usd", call.provider_cost);
        self.plain("list_cost_usd", call.list_cost);
        self.plain("cost_drift", call.cost_drift.then_some(true));
        self.plain("retries", nonzero(call.retries));
        self.plain("fallbacks", nonzero(call.fallbacks));
        self.plain("dropped_params", nonzero(call.dropped_params));
        self.plain("estimated", call.estimated.then_some(true));
        self.plain("unpriced", call.unpriced.then_some(true));
        self.string("error", call.error.map_or("", ErrorKind::class));
    }

    fn name(&mut self, name: &str) {
        match self.style {
            Style::Text => {
                self.text.push(' ');
                self.text.push_str(name);
                self.text.push('=');
            }
            Style::Json => {
                self.text.push_str(",\"");
                self.text.push_str(name);
                self.text.push_str("\":");
            }
        }
    }

    fn string(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.name(name);
        if value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
            self.text.push('"');
            self.text.push_str(value);
            self.text.push('"');
        } else {
            self.text.push_str(&quote(value));
        }
    }

    /// A number or a truth value.
    fn plain(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.name(name);
            let _ = write!(self.text, "{value}");
        }
    }
}

/// Writes the time like the subscriber's events, whose formatting costs as much as the rest of a line: the part down to
/// the second is kept for as long as it lasts.
fn timestamp(out: &mut String) {
    thread_local! {
        static SECOND: RefCell<(u64, String)> = RefCell::default();
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_secs() || text.is_empty() {
            text.clear();
            // Writing to a string cannot fail.
            let _ = Clock.format_time(&mut Writer::new(text));
            let length = text.find('.').unwrap_or(text.len());
            text.truncate(length);
            *second = now.as_secs();
        }
        out.push_str(text);
    });
    let _ = write!(out, ".{:06}Z", now.subsec_micros());
}

fn nonzero(count: u32) -> Option<u32> {
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lockgate_core::{Money, Operation, Usage};

    use super::*;

    fn record() -> CallRecord {
        let mut call = CallRecord::new("call-1", "openai", Operation::Chat);
        call.model_group = "g\"pt\n".into();
        call.duration = Duration::from_micros(1_234_567);
        call.usage = Some(Usage { input: 12, output: 3, ..Usage::default() });
        call.cost = Some(Money::from_dollars(0.000123));
        call
    }

    fn line(style: Style, call: &CallRecord) -> String {
        let mut line = Line::open(style, call.error.is_some());
        line.call(call);
        line.close()
    }

    #[test]
    fn a_json_line_holds_typed_fields_and_leaves_out_what_is_not_known() {
        let text = line(Style::Json, &record());
        assert_eq!(text.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["target"], "lockgate::call");
        assert_eq!(line["call_id"], "call-1");
        assert_eq!(line["model_group"], "g\"pt\n");
        assert_eq!(line["operation"], "chat");
        assert_eq!(line["status"], 200);
        assert_eq!(line["duration_ms"], 1234.567);
        assert_eq!(line["input_tokens"], 12);
        assert_eq!(line["cost_usd"], 0.000123);
        for absent in
            ["ttft_ms", "provider_cost_usd", "cost_drift", "provider", "error", "retries", "unpriced"]
        {
            assert!(line.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn the_time_is_written_like_the_subscriber_s() {
        let (mut own, mut other) = (String::new(), String::new());
        timestamp(&mut own);
        Clock.format_time(&mut Writer::new(&mut other)).unwrap();
        assert_eq!(own.len(), other.len());
        assert!(own.ends_with('Z') && own.as_bytes()[10] == b'T', "{own} {other}");
        // The hour cannot have changed in between but once an hour.
        assert_eq!(own[..11], other[..11]);
    }

    #[test]
    fn failures_are_warnings_with_their_class() {
        let call = CallRecord { status: 429, error: Some(ErrorKind::RateLimit), retries: 2, ..record() };
        let text = line(Style::Text, &call);
        assert!(text.contains(" WARN lockgate::call: call failed call_id=\"call-1\""), "{text}");
        assert!(text.contains("error=\"RateLimitError\"") && text.contains("retries=2"), "{text}");
    }
}
