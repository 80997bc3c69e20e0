#![doc = include_str!("../README.md")]

//! Dialect crates by feature, and the rows of `providers.toml` as [`Provider`](lockgate_core::Provider) values.
//!
//! A provider is a row. The built-in rows and the rows that users write in their own configuration have one type,
//! [`Row`], so that they cannot drift apart.

mod registry;
mod row;

pub use registry::{Registry, Resolved, dialects, surfaces};
pub use row::{AlternateRow, AuthRow, Row, RowError};
