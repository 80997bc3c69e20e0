//! Dialects that carry other dialects: clouds with addresses and credentials of their own for the formats of the
//! models' makers.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::response::Parts;

use crate::{
    Attempt, Call, CloudSettings, Dialect, Encoded, Error, Exchange, Format, Payload, Probe, Reply, Result,
    Signer, StreamDecoder, Target, Usage,
};

/// A dialect that does as another one wherever it has nothing to add. Every method but [`Carrier::id`] and
/// [`Carrier::carried`] is that of [`Dialect`], done by the carried dialect unless the carrier does it itself.
pub trait Carrier: Send + Sync + 'static {
    /// As [`Dialect::id`].
    fn id(&self) -> &'static str;

    /// The dialect that is carried.
    fn carried(&self, of: Carried<'_>) -> &'static dyn Dialect;

    /// As [`Dialect::supported_params`].
    fn supported_params(&self, target: &Target) -> Vec<String> {
        self.carried(Carried::To(target)).supported_params(target)
    }

    /// As [`Dialect::local`].
    fn local(&self, call: &Call, target: &Target) -> Option<Result<Reply>> {
        self.carried(Carried::To(target)).local(call, target)
    }

    /// As [`Dialect::signer`]. Credentials are the carrier's own: what it carries has none.
    ///
    /// # Errors
    /// As for [`Dialect::signer`].
    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        Err(settings.no_signer())
    }

    /// As [`Dialect::settle`].
    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        settings.params.clone()
    }

    /// As [`Dialect::headers`]. The carrier's own: parameters are about the place, not about what is said there.
    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// As [`Dialect::price_conditions`].
    fn price_conditions(&self, target: &Target) -> Vec<String> {
        self.carried(Carried::To(target)).price_conditions(target)
    }

    /// As [`Dialect::fetches`].
    ///
    /// # Errors
    /// As for [`Dialect::fetches`].
    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        self.carried(Carried::To(target)).fetches(call, target)
    }

    /// As [`Dialect::streams_upload`].
    fn streams_upload(&self, call: &Call, target: &Target) -> bool {
        self.carried(Carried::To(target)).streams_upload(call, target)
    }

    /// As [`Dialect::embeds_tokens`].
    fn embeds_tokens(&self, target: &Target) -> bool {
        self.carried(Carried::To(target)).embeds_tokens(target)
    }

    /// As [`Dialect::counts_tokens`].
    fn counts_tokens(&self, target: &Target) -> bool {
        self.carried(Carried::To(target)).counts_tokens(target)
    }

    /// As [`Dialect::encode`].
    ///
    /// # Errors
    /// As for [`Dialect::encode`].
    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        self.carried(Carried::To(attempt.target)).encode(attempt)
    }

    /// As [`Dialect::decode`].
    ///
    /// # Errors
    /// As for [`Dialect::decode`].
    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        self.carried(Carried::In(encoded.format)).decode(attempt, encoded, head, body)
    }

    /// As [`Dialect::exchange`].
    fn exchange(&self, attempt: &Attempt<'_>, encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        self.carried(Carried::In(encoded.format)).exchange(attempt, encoded)
    }

    /// As [`Dialect::stream`].
    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        self.carried(Carried::In(encoded.format)).stream(attempt, encoded, head)
    }

    /// As [`Dialect::reject`].
    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        self.carried(Carried::To(attempt.target)).reject(attempt, head, body)
    }

    /// As [`Dialect::inspect`].
    ///
    /// # Errors
    /// As for [`Dialect::inspect`].
    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        self.carried(Carried::In(encoded.format)).inspect(encoded, head, body)
    }

    /// As [`Dialect::pass`].
    ///
    /// # Errors
    /// As for [`Dialect::pass`].
    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        self.carried(Carried::In(encoded.format)).pass(encoded, head, body)
    }

    /// As [`Dialect::probe`].
    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        self.carried(Carried::In(encoded.format)).probe(encoded)
    }
}

/// What tells which dialect is carried, where a carrier has more than one.
#[derive(Clone, Copy, Debug)]
pub enum Carried<'a> {
    /// Whatever goes to the target, or comes from it in nobody's particular format.
    To(&'a Target),
    /// An answer in the format.
    In(Format),
}

// The lint keeps a method that `Dialect` is given later from being forgotten here.
#[deny(clippy::missing_trait_methods)]
impl<C: Carrier> Dialect for C {
    fn id(&self) -> &'static str {
        Carrier::id(self)
    }

    fn supported_params(&self, target: &Target) -> Vec<String> {
        Carrier::supported_params(self, target)
    }

    fn local(&self, call: &Call, target: &Target) -> Option<Result<Reply>> {
        Carrier::local(self, call, target)
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        Carrier::signer(self, settings)
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        Carrier::settle(self, settings)
    }

    fn headers(&self) -> &'static [(&'static str, &'static str)] {
        Carrier::headers(self)
    }

    fn price_conditions(&self, target: &Target) -> Vec<String> {
        Carrier::price_conditions(self, target)
    }

    fn fetches(&self, call: &Call, target: &Target) -> Result<Vec<String>> {
        Carrier::fetches(self, call, target)
    }

    fn streams_upload(&self, call: &Call, target: &Target) -> bool {
        Carrier::streams_upload(self, call, target)
    }

    fn embeds_tokens(&self, target: &Target) -> bool {
        Carrier::embeds_tokens(self, target)
    }

    fn counts_tokens(&self, target: &Target) -> bool {
        Carrier::counts_tokens(self, target)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        Carrier::encode(self, attempt)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<Reply> {
        Carrier::decode(self, attempt, encoded, head, body)
    }

    fn exchange(&self, attempt: &Attempt<'_>, encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        Carrier::exchange(self, attempt, encoded)
    }

    fn stream(&self, attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Box<dyn StreamDecoder> {
        Carrier::stream(self, attempt, encoded, head)
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        Carrier::reject(self, attempt, head, body)
    }

    fn inspect(&self, encoded: &Encoded, head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        Carrier::inspect(self, encoded, head, body)
    }

    fn pass(&self, encoded: &Encoded, head: &Parts, body: Bytes) -> Result<(Payload, Option<Usage>)> {
        Carrier::pass(self, encoded, head, body)
    }

    fn probe(&self, encoded: &Encoded) -> Box<dyn Probe> {
        Carrier::probe(self, encoded)
    }
}
