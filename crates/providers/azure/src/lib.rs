#![doc = include_str!("../README.md")]

mod address;
mod agents;
mod answered;
mod bing;
mod credentials;
mod entra;
mod foundry;
mod heard;
mod intelligence;
mod pictures;
mod run;
mod schema;
mod service;
mod voices;

pub use foundry::AzureAi;
pub use service::Azure;

/// Searches that a model of a project does.
pub const BING_GROUNDING: lockgate_core::whole::Simple = lockgate_core::whole::Simple(&bing::Bing);
