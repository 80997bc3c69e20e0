//! Calls that a provider takes only in parts: asked for together, answered as one.

use std::sync::Arc;

use lockgate_core::{Call, Result, Target, embedding::Part, transcode};
use lockgate_router::Deployment;

use crate::{
    attempt::{self, End, Progress, Success},
    estimate, headers, mask,
    meter::Meter,
};

/// Asks for all parts. What an answered part consumed is counted even if another one fails.
///
/// # Errors
/// The first error of a part.
pub(crate) async fn run(
    progress: &Progress,
    call: &Arc<Call>,
    (deployment, target): (&Deployment, &Target),
    parts: Vec<Part>,
    meter: &mut Meter,
) -> Result<Success> {
    let limits = attempt::limits(call, deployment, meter.elapsed());
    let sent = std::time::Instant::now();
    let transport = progress.gateway.transport();
    let joined = transport
        .join(target, &parts, (limits, &progress.live.egress), |part, usage| {
            let usage = usage.cloned().or_else(|| estimate::usage(&part.call, &target.model, 0));
            meter.part(usage);
        })
        .await;
    meter.upstream(sent.elapsed());
    let joined = joined.map_err(|error| {
        let signer = target.alternate_signers.get(call.surface.id()).unwrap_or(&target.signer);
        mask::error(attempt::named(error, deployment), signer.as_ref())
    })?;
    let answer = transcode::local(call, joined.reply)?;
    let response =
        attempt::whole_response(answer.body, answer.content_type, headers::upstream(joined.headers));
    let end = End::Whole { usage: answer.usage, reply: answer.reply };
    Ok(Success { response, notes: joined.notes, end })
}
