//! The Responses API's life beyond one call: responses that are kept, continued and worked on in the background.
//!
//! Some providers keep responses themselves. Their ids go to clients with the deployment inside ([`native`]), so that
//! what is asked of them later goes back there. For all others the gateway keeps the response ([`keep`]), tells the
//! model the whole conversation again when it is continued, and works in the background itself ([`background`]).

pub(crate) mod background;
mod events;
pub(crate) mod follow;
mod keep;
pub(crate) mod native;
mod owed;
mod past;
mod stored;

use std::sync::Arc;

use lockgate_core::{
    Call, Error, Operation, Result,
    wire::{Edits, Object},
};
use lockgate_openai::stored as ids;

pub(crate) use events::LogBody;
use keep::Reading;
pub(crate) use keep::{Keep, KeptBody};
pub(crate) use owed::OwedBody;
use owed::Owing;
use past::Past;
pub(crate) use stored::{Asked, PATHS, answer, find};

use crate::{
    app::{Gateway, Live},
    meter::Meter,
    route,
    stack::Response,
};

/// The surface whose calls these are.
pub(crate) const SURFACE: &str = "responses";

/// Reads off a call what it goes on from and whether its answer is kept. Nothing for calls of other surfaces.
///
/// # Errors
/// What it goes on from is not there.
pub(crate) async fn prepare(gateway: &Gateway, live: &Arc<Live>, call: &mut Call) -> Result<Option<Keep>> {
    if call.surface.id() != SURFACE || call.operation != Operation::Chat {
        return Ok(None);
    }
    let id = ids::own(&uuid::Uuid::now_v7().simple().to_string());
    call.answer_id = Some(id.clone());
    // Boxed, because its state is large, and every call's future would carry it.
    let Past { previous, input } = Box::pin(past::complete(gateway, live, call)).await?;
    let detached = call.body.bool("background") == Some(true);
    let elsewhere = detached && native::keeps(live, call);
    let background = detached && !elsewhere;
    let stored = call.body.bool("store") != Some(false) && live.snapshot.general.store_responses;
    if background && !stored {
        let message =
            "A response that is worked on in the background must be kept; leave `store: false` out.";
        return Err(Error::bad_field("background", message));
    }
    let background = background.then_some(if call.stream { Reading::Along } else { Reading::Later });
    if background == Some(Reading::Later) {
        // Read as a stream by the gateway, which can tell then how far the response is.
        let mut edits = Edits::new();
        edits.set("stream", "true");
        call.body = spliced(&call.body, &edits)?;
        call.stream = true;
    }
    Ok((stored || elsewhere).then_some(Keep { id, previous, input, background, elsewhere, stored }))
}

/// Answers a call whose response may be kept.
///
/// # Errors
/// As [`route::run`].
pub(crate) async fn run(
    gateway: Gateway,
    live: Arc<Live>,
    call: Arc<Call>,
    keep: Keep,
    meter: Meter,
) -> Result<Response> {
    if keep.background.is_some() {
        return background::start(gateway, live, call, keep, meter).await;
    }
    let owing = Owing::new(&gateway, &live, &call.id);
    let response = route::run(gateway, live, (call, None), meter).await?;
    Ok(keep.watch(owing, response).await)
}

/// The object with these edits.
fn spliced(object: &Object, edits: &Edits) -> Result<Object> {
    Object::scan(object.splice(edits).into_bytes())
        .map_err(|error| Error::internal(format!("An edited body is not JSON: {error}")))
}
