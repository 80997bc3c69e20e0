//! Responses that the gateway keeps: the record, the contract of a store, conversations continued.
//!
//! - [`Record`] is what is kept of one response; [`ResponseStore`] is where.
//! - [`MemoryStore`] is the smallest store, and the cache of larger ones.
//! - [`history`] walks from a response to those before it; [`items`] makes lists of items and pages of them.

mod history;
pub mod items;
mod memory;
mod record;
mod store;

pub use history::{conversation, history};
pub use memory::MemoryStore;
pub use record::Record;
pub use store::{ResponseStore, Stored};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
