#![doc = include_str!("../README.md")]

mod catalog;
mod cost;
mod data;
mod day;
mod entry;
mod families;
mod import;
mod names;
mod price;
mod rate;
mod spend;

pub use catalog::{Catalog, CatalogError, CompactText};
pub use cost::{Cost, Measured, Pricing, Terms};
pub use day::{Day, OffPeak};
pub use entry::Entry;
pub use price::{DatedRates, Price, Rates};
pub use rate::{Rate, RateKey, Unit, Variant};
pub use spend::{measured_from_json, usage_from_json};
