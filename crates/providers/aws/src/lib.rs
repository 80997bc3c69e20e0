#![doc = include_str!("../README.md")]

mod chain;
mod frames;
mod machine;
mod place;
mod profile;
mod sign;
mod signer;
mod sts;

pub use frames::{Frame, Frames};
pub use place::{domain, region, settle};
pub use sign::{Keys, Scope};
pub use signer::signer;
