#![doc = include_str!("../README.md")]

mod address;
mod answered;
mod credentials;
mod entra;
mod foundry;
mod schema;
mod service;

pub use foundry::AzureAi;
pub use service::Azure;
