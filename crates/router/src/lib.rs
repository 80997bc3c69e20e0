#![doc = include_str!("../README.md")]

mod client_side;
mod cooldown;
mod credential;
mod deployment;
#[cfg(test)]
mod fixtures;
mod health;
mod listing;
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
