//! What is an API's own.

use std::collections::BTreeMap;

use bytes::Bytes;
use lockgate_core::{Attempt, CloudSettings, Encoded, Error, Exchange, Reply, Result};

use crate::{
    answer::{Piece, Said},
    ask::{Ask, Outgoing},
};

/// One of the APIs of this crate.
pub(crate) trait Api: Send + Sync + 'static {
    /// Its name in provider rows.
    fn id(&self) -> &'static str;

    /// OpenAI's parameters that it takes, and its own names of them.
    fn names(&self) -> &'static [(&'static str, &'static str)];

    /// Where to send what.
    ///
    /// # Errors
    /// The call cannot be expressed.
    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing>;

    /// Reads a whole answer.
    ///
    /// # Errors
    /// It is malformed, or an error in spite of its status.
    fn whole(&self, body: &Bytes) -> Result<Said>;

    /// How its streams are written.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// Reads an event of a stream, or a line, which has no name.
    ///
    /// # Errors
    /// It cannot be understood, or tells of a failure.
    fn piece(&self, _event: &str, _data: &str) -> Result<Piece> {
        Ok(Piece::default())
    }

    /// Whether its streams end with their connection, without a mark.
    fn ends_unmarked(&self) -> bool {
        false
    }

    /// The deployment's parameters, completed from its surroundings.
    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        settings.params.clone()
    }

    /// What follows the first request.
    fn exchange(&self, _attempt: &Attempt<'_>) -> Option<Box<dyn Exchange>> {
        None
    }

    /// The request for embeddings.
    ///
    /// # Errors
    /// It has none.
    fn embed(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        Err(Error::bad_request(format!("{} has no embeddings.", attempt.target.provider.title)))
    }

    /// Reads embeddings.
    ///
    /// # Errors
    /// As for [`Api::whole`].
    fn vectors(&self, _attempt: &Attempt<'_>, _body: &Bytes) -> Result<Reply> {
        Err(Error::internal("An API without embeddings was asked for some."))
    }
}

/// How a stream is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// JSON lines.
    Lines,
}
