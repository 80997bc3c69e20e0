//! Prometheus registry with pre-resolved handles, tracing, log formats.
