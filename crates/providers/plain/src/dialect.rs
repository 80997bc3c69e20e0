//! One dialect for all of them: what is common.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;
use http::response::Parts;
use lockgate_core::{
    Attempt, CloudSettings, Dialect, Encoded, Error, Exchange, Operation, Probe, Reply, Result, Signer,
    StreamDecoder, Target, Usage, Watch, oauth, params, refusal, target::HeaderSigner,
};

use crate::{EMBED, api::Api, ask::Ask, stream::Decoder};

/// An API that answers with one plain text.
#[derive(Clone, Copy)]
pub struct Plain(pub(crate) &'static dyn Api);

impl Dialect for Plain {
    fn id(&self) -> &'static str {
        self.0.id()
    }

    fn supported_params(&self, _target: &Target) -> Vec<String> {
        params::names(self.0.names().iter().map(|(name, _)| *name).chain(["stream"]))
    }

    fn signer(&self, settings: &CloudSettings<'_>) -> Result<Arc<dyn Signer>> {
        let Some(key) = &settings.api_key else {
            let names = settings.provider.auth.env.join(", ");
            return Err(oauth::wrong(format!("There is no `api_key`, and none of {names} is set.")));
        };
        Ok(Arc::new(HeaderSigner::bearer(key)?))
    }

    fn settle(&self, settings: &CloudSettings<'_>) -> BTreeMap<String, String> {
        self.0.settle(settings)
    }

    fn encode(&self, attempt: &Attempt<'_>) -> Result<Encoded> {
        if attempt.call.operation == Operation::Embedding {
            return self.0.embed(attempt);
        }
        let mut ask = Ask::new(self.0, attempt)?;
        let outgoing = self.0.request(&mut ask)?;
        outgoing.encoded(ask.notes)
    }

    fn decode(&self, attempt: &Attempt<'_>, encoded: &Encoded, _head: &Parts, body: Bytes) -> Result<Reply> {
        if encoded.format == EMBED {
            return self.0.vectors(attempt, &body);
        }
        Ok(self.0.whole(&body)?.reply(attempt))
    }

    fn exchange(&self, attempt: &Attempt<'_>, _encoded: &Encoded) -> Option<Box<dyn Exchange>> {
        self.0.exchange(attempt)
    }

    fn stream(&self, attempt: &Attempt<'_>, _encoded: &Encoded, _head: &Parts) -> Box<dyn StreamDecoder> {
        Box::new(Decoder::new(self.0, &attempt.target.model))
    }

    fn reject(&self, attempt: &Attempt<'_>, head: &Parts, body: &Bytes) -> Error {
        refusal::reject(head, body).with_provider(&*attempt.target.provider.id)
    }

    fn inspect(&self, _encoded: &Encoded, _head: &Parts, body: &Bytes) -> Result<Option<Usage>> {
        Ok(self.0.whole(body)?.usage)
    }

    fn probe(&self, _encoded: &Encoded) -> Box<dyn Probe> {
        Box::new(Watch::new(Decoder::new(self.0, "")))
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plain").field(&self.0.id()).finish()
    }
}
