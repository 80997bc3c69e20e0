//! The stack: every stop of a call, once, in order. Read this file to know what happens to a request.
//!
//! Stops 7 (limits), 8 (guard) and 9 (cache) of the design are not built yet; they stand between the meter and the
//! route.

use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use lockgate_core::Result;

use crate::{
    app::Gateway,
    auth, control, intake, keepalive,
    meter::Meter,
    rescue, responses, route,
    surface::{self, Found, Matched},
    trace::{self, Inbound},
};

/// A response for a client.
pub(crate) type Response = http::Response<crate::ResponseBody>;

/// Answers one request. Never fails: every error becomes a response in the client's own format.
pub(crate) async fn handle(gateway: Gateway, request: Request<Incoming>) -> Response {
    let inbound = trace::begin(&gateway, request); //                  1  call id, start time
    match surface::find(&inbound) {
        //                                                             3  path → surface and operation
        Found::Model(matched) => {
            let (surface, id) = (matched.surface, inbound.id.clone());
            let answer = call(gateway, matched, inbound);
            rescue::guard(surface, &id, answer).await //               2  errors and panics → the client's format
        }
        Found::Models(matched) => control::models(&gateway, &matched, &inbound),
        // Boxed, because its state is larger than a call's.
        Found::Control(route) => Box::pin(control::answer(gateway, route, inbound)).await,
        Found::WrongMethod(allow) => rescue::wrong_method(&inbound, allow),
        Found::Nothing => rescue::not_found(&inbound),
    }
}

/// A call to a model. The meter is opened before anything can be refused, so that refusals are recorded too.
async fn call(gateway: Gateway, matched: Matched, inbound: Inbound) -> Result<Response> {
    let live = gateway.live(); //                                         one snapshot for the whole call
    let mut meter = Meter::open(&gateway, &live, &matched, &inbound); //  6 settles exactly once, whatever happens
    let call = match auth::claim(&live, &inbound.parts) {
        //                                                             4  who is calling
        Ok(claim) => intake::read(&live, matched, inbound, claim).await, // 5  body under a cap → Call
        Err(error) => Err(error),
    };
    let (mut call, rest) = call.inspect_err(|error| meter.fail(error))?;
    let keep = responses::prepare(&gateway, &live, &mut call).await; // what a response goes on from, and is kept as
    let keep = keep.inspect_err(|error| meter.fail(error))?;
    let call = Arc::new(call);
    meter.call(&call);
    let interval = live.keepalive();
    // Boxed once: what an attempt holds is large, and would be copied at each stop that hands the future on.
    let answer: keepalive::Answer = match keep {
        None => Box::pin(route::run(gateway, live, (call.clone(), rest), meter)), // 10 plan, retry → 11 attempt
        Some(keep) => Box::pin(responses::run(gateway, live, call.clone(), keep, meter)),
    };
    let events = call.stream && call.upload.is_none();
    if events { keepalive::open(call, interval, answer).await } else { answer.await }
}
