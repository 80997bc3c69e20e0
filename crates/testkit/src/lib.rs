//! Laws of dialects and surfaces, the grammar of streams, a scripted upstream, a fake clock: what the tests of several crates share.
//!
//! A dev-dependency only: everything here panics with an explanation when an expectation is not met.
#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

pub mod clock;
pub mod event_stream;
pub mod grammar;
pub mod jwt;
pub mod laws;
pub mod sample;
pub mod steps;
pub mod upstream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
