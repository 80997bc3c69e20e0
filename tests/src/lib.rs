//! The suites that need the whole: golden cases, behaviour of the binary, SDK clients, speed.
//!
//! This library holds what they share: [`golden`] runs recorded calls through the gateway's own translation code,
//! without sockets, and compares what comes out with what was recorded; [`grid`] runs one conversation over every pair
//! of a surface and a dialect.

pub mod golden;
pub mod grid;
