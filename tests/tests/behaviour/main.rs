//! The real binary against a scripted upstream: what it promises to clients and operators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod agents;
mod client;
mod clouds;
mod config;
mod disconnect;
mod embeddings;
mod gateway;
mod lifecycle;
mod limits;
mod pace;
mod params;
mod responses;
mod search;
mod secrets;
mod signatures;
mod streams;
mod unreachable;
mod uploads;
mod upstreams;
