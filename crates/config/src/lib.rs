//! Configuration: files and environment in, one immutable [`Snapshot`] out, or all problems at once.
//!
//! An existing LiteLLM `config.yaml` is read as it is. Layers, later ones win: the defaults of [`reference_markdown`],
//! the files, the environment (only where a key says so), the command line ([`Overrides`]). The environment is handed
//! in and never read here.

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
