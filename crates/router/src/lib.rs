//! Which deployment next: selection, health, cooldown, retry, fallback: a state machine that takes `now`.
//!
//! Nothing here awaits, sleeps, reads a clock or draws its own randomness, so every rule is tested as a table.
//!
//! - [`target::build`] makes a [`Deployment`] of LiteLLM's parameters.
//! - [`Routes`] finds the deployments behind a public model name.
//! - [`Plan`] says, attempt by attempt, where a call goes next, by the [`Policy`] and what [`Health`] remembers.

mod client_side;
mod cooldown;
mod credential;
mod deployment;
#[cfg(test)]
mod fixtures;
mod health;
mod params;
mod plan;
mod policy;
mod routes;
mod select;
pub mod target;

pub use client_side::with_client_credentials;
pub use deployment::{Deployment, Timeouts};
pub use health::{Health, InFlight};
pub use params::Params;
pub use plan::{Decision, Plan};
pub use policy::{Fallback, Fallbacks, Policy, RetryPolicy, Strategy};
pub use routes::{Capture, Name, Route, Routes, Wildcard};
pub use target::Issue;
