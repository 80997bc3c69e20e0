//! The transport against scripted upstreams on local sockets.
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;
mod fetch;
mod limits;
mod secure;
mod send;
mod token;
mod walk;
