#![doc = include_str!("../README.md")]

mod expand;
mod exposure;
mod files;
mod keys;
mod load;
mod model_list;
mod problem;
mod reference;
mod report;
mod router_settings;
mod section;
mod snapshot;
mod suggest;
mod yaml;

pub use exposure::check_exposure;
pub use load::{Overrides, Sources, load};
pub use problem::Problem;
pub use reference::reference_markdown;
pub use snapshot::{General, Settings, Snapshot};
