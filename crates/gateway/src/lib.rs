//! The data plane: listener, the stack, surfaces.
//!
//! [`Gateway`] is the whole of it: built from a configuration snapshot, served by [`Gateway::serve`], reloaded by
//! [`Gateway::reload`]. The path of a call through it is written once, in `stack.rs`.

mod app;
mod attempt;
mod auth;
mod body;
mod control;
mod estimate;
mod form;
mod handles;
mod headers;
mod intake;
mod keepalive;
mod listener;
mod mask;
mod meter;
mod mock;
mod parts;
mod rescue;
mod responses;
mod route;
mod signature;
mod spend;
mod stack;
mod stream_body;
mod surface;
mod trace;
mod watch;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use app::Gateway;
pub use body::ResponseBody;
pub use listener::Drain;
pub use watch::watch_files;
