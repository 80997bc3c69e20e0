//! The words of the domain and the contracts: operations, call, hub types, events, usage, error, secret.
//!
//! Everything here is pure: no sockets, no clock, no randomness, no environment. A dialect crate depends on this
//! crate and on `lockgate-wire`, and on nothing else of the project.
//!
//! Read in this order: [`Operation`] and [`Format`] (what is asked, in which bytes), [`Call`] (one request),
//! [`Target`] (where it goes), [`Dialect`] and [`Surface`] (the two halves of a translation), [`Carrier`] (a dialect
//! that carries others), [`transcode`] (the driver that joins the halves), [`Error`].

pub mod call;
pub mod carrier;
pub mod data_url;
pub mod decimal;
pub mod dialect;
pub mod embedding;
pub mod error;
pub mod event;
pub mod exchange;
pub mod facts;
pub mod hub;
pub mod json;
pub mod money;
pub mod names;
pub mod oauth;
pub mod operation;
pub mod options;
pub mod params;
pub mod prompt;
pub mod provider;
pub mod quirks;
pub mod refusal;
pub mod reply;
pub mod secret;
pub mod signed;
pub mod surface;
pub mod target;
pub mod token;
pub mod transcode;
pub mod upload;
pub mod uri;
pub mod usage;
pub mod watch;
pub mod whole;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use call::Call;
pub use carrier::{Carried, Carrier};
pub use decimal::Decimal;
pub use dialect::{
    Attempt, Dialect, Encoded, Media, MediaFile, Memo, Notes, Probe, StreamDecoder, StreamEnd,
};
pub use error::{Error, ErrorKind, Origin, Result, Retry};
pub use event::Event;
pub use exchange::{Exchange, Step};
pub use facts::ModelFacts;
pub use money::Money;
pub use operation::{Format, Operation};
pub use options::{CONTROL_MEMBERS, CallOptions};
pub use provider::{Alternate, Auth, AuthScheme, Provider};
pub use quirks::Quirks;
pub use reply::{
    AudioReply, ChatReply, Choice, CompletionReply, EmbeddingReply, FinishReason, Image, ImagesReply,
    OcrPage, OcrReply, Reply, RerankReply, RerankResult, SearchReply, SearchResult, TranscriptionReply,
};
pub use secret::Secret;
pub use surface::{StreamEncoder, Surface};
pub use target::{ParamPolicy, Signer, Target};
pub use token::{CloudSettings, Token, TokenKey, TokenSource};
pub use upload::{Upload, UploadFile};
pub use usage::{Measures, Usage};
pub use watch::Watch;

/// JSON text kept as it came: what the domain has no word for.
pub type Raw = Box<serde_json::value::RawValue>;

pub use lockgate_wire as wire;
pub use lockgate_wire::{Extra, Payload};
