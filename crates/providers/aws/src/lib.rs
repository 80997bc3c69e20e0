#![doc = include_str!("../README.md")]

mod chain;
pub mod error;
mod frames;
mod machine;
mod place;
mod profile;
mod sign;
mod signer;
mod sts;
pub mod unframe;

pub use frames::{Frame, Frames, write_frame};
pub use place::{domain, region, settle};
pub use sign::{Keys, Scope};
pub use signer::signer;
pub use unframe::{Unframed, UnframedProbe};
