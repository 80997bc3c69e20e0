//! Paying for what a provider works on in the background: once, by whoever sees its end first.
//!
//! When such a response is made, nobody knows what it will consume, and its client may come back in many ways: by
//! asking again and again, by reading along, in another process; if it does not, the gateway itself sees the end
//! ([`follow`](super::follow)). A note in the store says that it has not been paid for. Of several who delete the note,
//! one is told so, and that one pays.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use lockgate_core::{Money, Raw, Result, Usage, wire::Object};
use lockgate_openai::stored as ids;
use lockgate_responses::{Record, ResponseStore};

use super::{
    keep::{last, response_of},
    native,
};
use crate::{
    ResponseBody,
    app::{Gateway, Live},
    meter::Meter,
};

/// Who is to pay, and where that is noted.
#[derive(Clone)]
pub(crate) struct Owing {
    gateway: Gateway,
    live: Arc<Live>,
    call_id: String,
}

impl Owing {
    /// In the name of the call of that id.
    pub(crate) fn new(gateway: &Gateway, live: &Arc<Live>, call_id: &str) -> Self {
        Self { gateway: gateway.clone(), live: live.clone(), call_id: call_id.to_owned() }
    }

    /// Where the notes are.
    pub(crate) fn store(&self) -> Arc<dyn ResponseStore> {
        self.gateway.store()
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// The same by the configuration of now.
    pub(super) fn renewed(&self) -> Self {
        Self::new(&self.gateway, &self.gateway.live(), &self.call_id)
    }

    /// Notes that the response of that id has not been paid for, and follows it to its end.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn note(&self, id: &str) -> Result<()> {
        self.store().put(Arc::new(Record { id: unsettled(id), ..Record::default() })).await?;
        self.gateway.followers().begin(self.clone(), id);
        Ok(())
    }

    /// Whether the response of that id is noted as not paid for.
    ///
    /// # Errors
    /// The store fails.
    pub(super) async fn is_due(&self, id: &str) -> Result<bool> {
        Ok(self.store().get(&unsettled(id)).await?.is_some())
    }

    /// Pays for the response of that id, which is over, unless that has been done; what it cost.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn settle(&self, id: &str, usage: Option<Usage>) -> Result<Option<Money>> {
        if !self.store().delete(&unsettled(id)).await? {
            return Ok(None);
        }
        let keeper = ids::unwrap(id).map(|(keeper, _)| keeper);
        let deployment = keeper.and_then(|keeper| native::kept_by(&self.live, &keeper).ok());
        let (Some(usage), Some(deployment)) = (usage, deployment) else { return Ok(None) };
        let mut meter = Meter::late(&self.gateway, &self.live, &self.call_id);
        meter.attempt(&deployment, self.live.health.begin(&deployment));
        Ok(meter.settle_whole(Some(usage), None).cost)
    }
}

/// Under what id it is noted that a response has not been paid for.
fn unsettled(id: &str) -> String {
    let mut digest: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in id.bytes() {
        digest = (digest ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("unsettled_{digest:032x}")
}

/// A stream about a response that a provider works on in the background. The client has its beginning when the note is
/// there, and its end when it is paid for.
pub(crate) struct OwedBody {
    inner: ResponseBody,
    owing: Owing,
    /// The response's id, once it has been noted.
    id: Option<String>,
    saving: Option<(Saving, Bytes)>,
}

type Saving = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

impl OwedBody {
    /// Around a stream about the response of that id; without one the stream begins the response.
    pub(crate) fn new(inner: ResponseBody, owing: Owing, id: Option<String>) -> Self {
        Self { inner, owing, id, saving: None }
    }

    /// The next bytes for the client; `None` at the end.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.saving.is_none() {
            let Poll::Ready(next) = self.inner.poll_bytes(context) else { return Poll::Pending };
            let Some(bytes) = next else { return Poll::Ready(None) };
            let Some(saving) = self.saving(&bytes) else { return Poll::Ready(Some(bytes)) };
            self.saving = Some((saving, bytes));
        }
        let Some((saving, bytes)) = &mut self.saving else { return Poll::Ready(None) };
        let Poll::Ready(outcome) = saving.as_mut().poll(context) else { return Poll::Pending };
        if outcome.is_err() {
            tracing::warn!("it could not be noted what a response costs");
        }
        let bytes = std::mem::take(bytes);
        self.saving = None;
        Poll::Ready(Some(bytes))
    }

    /// What is to be done before these bytes may go to the client.
    fn saving(&mut self, bytes: &[u8]) -> Option<Saving> {
        let begun = match &self.id {
            None => response_of(bytes, &["response.created", "response.queued", "response.in_progress"]),
            Some(_) => None,
        };
        let begun = begun.as_ref().and_then(id_of);
        if let Some(id) = &begun {
            self.id = Some(id.clone());
        }
        let ended = last(bytes);
        if begun.is_none() && ended.is_none() {
            return None;
        }
        let (owing, id) = (self.owing.clone(), self.id.clone()?);
        let usage = ended.as_ref().map(|response| {
            Object::scan(response.get().to_owned().into()).ok().and_then(|object| ids::usage(&object))
        });
        Some(Box::pin(async move {
            if begun.is_some() {
                owing.note(&id).await?;
            }
            if let Some(usage) = usage {
                owing.settle(&id, usage).await?;
            }
            Ok(())
        }))
    }
}

fn id_of(response: &Raw) -> Option<String> {
    Object::scan(response.get().to_owned().into()).ok()?.str("id").map(|id| id.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_what_is_not_paid_for_differ() {
        let long = "resp_".repeat(60);
        assert_ne!(unsettled("a"), unsettled("b"));
        assert_ne!(unsettled(&format!("{long}a")), unsettled(&format!("{long}b")));
        assert!(unsettled(&long).len() < 60);
    }
}
