//! The library face: complete, stream, embed, search, read documents, count tokens, cost; with routing and fallback, without a server.
//!
//! - [`Client`] sends [`Chat`], [`Embed`], [`Search`] and [`Ocr`] requests to any provider, by the same pure code as the gateway.
//! - [`ClientBuilder`] gives it keys, addresses, deployments, fallbacks. There is no global state: two clients with
//!   different keys live side by side, and only [`Client::from_env`] looks at the environment.
//! - Errors are one type, [`Error`], to be matched on by [`Error::kind`].
//! - Cancelling is dropping: whoever drops a future or a [`ChatStream`] closes the connection to the provider.

mod answer;
mod builder;
mod chat;
mod client;
mod collect;
mod drive;
mod embed;
mod lookup;
pub mod message;
mod stream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use answer::{Answer, Embeddings, Meta};
pub use builder::{BuildError, ClientBuilder};
pub use chat::Chat;
pub use client::Client;
pub use embed::Embed;
pub use futures_core::Stream;
pub use lockgate_catalog::{Catalog, Pricing};
pub use lockgate_core::{
    ChatReply, Choice, Error, ErrorKind, Event, FinishReason, Money, OcrPage, OcrReply, Origin, Result,
    Retry, SearchResult, Usage,
    hub::{Content, FunctionCall, Message, Part, Tool, ToolCall, ToolChoice},
};
pub use lockgate_registry::Row;
pub use lockgate_router::{Issue, Params as Deployment, Policy, Strategy, Timeouts};
pub use lockgate_tokens::Count;
pub use lockgate_transport::{Egress, TransportConfig};
pub use lookup::{Found, Ocr, OcrAnswer, Search};
pub use stream::{ChatStream, TextStream};
