//! The only outbound I/O: pooled client, timeouts, egress guard.
//!
//! [`Transport::send`] makes one attempt on an upstream and is the hot path; [`Transport::fetch`] downloads a file that
//! a client named by URL, through an [`Egress`] guard. Cancelling is dropping: whoever drops the future of `send` or
//! the [`UpstreamBody`] closes the connection to the upstream.

mod body;
mod config;
mod connect;
mod drive;
mod egress;
mod exclusive;
mod failure;
mod fetch;

mod mime;
mod parts;
mod payload;
mod pool;
mod send;
mod shared;
mod tls;
mod token;
mod walk;

pub use body::UpstreamBody;
pub use config::{Limits, TransportConfig, TransportError};
pub use egress::Egress;
pub use parts::Joined;
pub use send::Transport;
pub use walk::Walked;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
