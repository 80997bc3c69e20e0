//! Prometheus registry with pre-resolved handles, tracing, log formats.
//!
//! A finished call is one [`CallRecord`]: it goes into the [`Metrics`] with [`Metrics::record`] and into the log with
//! [`log_call`]. Both take only what the record's typed fields hold, so nothing secret can reach them.

mod call_line;
mod families;
mod log;
mod metrics;
mod record;
mod sink;

pub use call_line::{CALL_TARGET, log_call};
pub use log::{Color, LogError, LogOptions, init};
pub use metrics::{DeploymentLabels, DeploymentMetrics, DeploymentState, InFlight, Metrics, SurfaceMetrics};
pub use record::CallRecord;
pub use sink::flush;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
