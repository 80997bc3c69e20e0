//! Golden cases: a client's request, the upstream request it must become, the upstream's answer, the client's answer
//! and the cost, run without sockets through the code that the gateway runs.

mod answer;
mod case;
mod cost;
mod deviations;
mod diff;
mod error;
mod form;
mod json;
mod messages;
mod object;
mod report;
mod request;
mod responses;
mod run;
mod sse;
mod stream;
mod upstream;

pub use case::{Case, Filter, load};
pub use deviations::Deviations;
pub use diff::{Diff, Verdict};
pub use report::Report;
pub use run::{Judgement, Runner};
