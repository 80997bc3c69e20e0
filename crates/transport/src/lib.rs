//! The only outbound I/O: pooled client, timeouts, egress guard.
