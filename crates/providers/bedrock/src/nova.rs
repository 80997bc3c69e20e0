//! Nova's own format: Converse's words in Invoke's envelope.

use std::borrow::Cow;

use http::response::Parts;
use lockgate_aws::{Frame, Frames, error, unframe::chunk};
use lockgate_core::{
    Attempt, Encoded, Error, Event, Extra, Format, Memo, Notes, Operation, Raw, Result, StreamDecoder,
    json::{read, to_raw},
    params,
};

use crate::{model::Model, prompt, request, stream::State, wire::EventView};

/// Bodies and answers of Nova.
pub(crate) const NOVA: Format = Format("bedrock.nova");

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let policy = attempt.policy();
    let (mut notes, mut memo) = (Notes::default(), Memo::default());
    let given = match attempt.call.operation {
        Operation::Completion => Cow::Owned(prompt::chat(attempt.call.completion()?)?),
        _ => Cow::Borrowed(attempt.call.chat()?),
    };
    let given = params::effective(attempt, &policy, given, &mut notes)?;
    let written = request::body(attempt, model, &policy, &given, &mut memo, &mut notes)?;
    let mut body: Extra = read(&to_raw(&written)).unwrap_or_default();
    // What Converse passes on to the model stands beside the rest here.
    let own = body.remove("additionalModelRequestFields").and_then(|fields| read::<Extra>(&fields));
    body.remove("additionalModelResponseFieldPaths");
    for (name, value) in own.unwrap_or_default().iter() {
        let merged = body.get(name).and_then(|before| merged(before, value));
        body.push(name, merged.unwrap_or_else(|| value.to_owned()));
    }
    let verb = if attempt.call.stream { "invoke-with-response-stream" } else { "invoke" };
    let request = request::post(attempt, model, verb, to_raw(&body).get().to_owned().into())?;
    Ok(Encoded { request, format: NOVA, relay: false, withhold_usage: false, memo, notes })
}

fn merged(before: &serde_json::value::RawValue, more: &serde_json::value::RawValue) -> Option<Raw> {
    let (mut members, more): (Extra, Extra) = (read(before)?, read(more)?);
    more.iter().for_each(|(name, value)| members.push(name, value.to_owned()));
    Some(to_raw(&members))
}

/// Reads a stream: each chunk is an object with the event's name as its only member.
pub(crate) struct Decoder {
    frames: Frames,
    state: State,
}

impl Decoder {
    pub(crate) fn new(attempt: &Attempt<'_>, encoded: &Encoded, head: &Parts) -> Self {
        Self { frames: Frames::default(), state: State::new(attempt, encoded, Some(head)) }
    }
}

impl StreamDecoder for Decoder {
    fn feed(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<()> {
        let state = &mut self.state;
        self.frames.feed(bytes, |frame| match frame {
            Frame::Event { payload, .. } => event(state, &chunk(&payload)?, out),
            failure => {
                state.fail(error::in_stream(&failure), out);
                Ok(())
            }
        })
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        self.frames.finish()?;
        self.state.finish(out)
    }
}

fn event(state: &mut State, json: &[u8], out: &mut Vec<Event>) -> Result<()> {
    let unreadable = |why: serde_json::Error| {
        Error::invalid_response(format!("An event of the provider's stream cannot be read: {why}"))
    };
    let named: Extra = serde_json::from_slice(json).map_err(unreadable)?;
    for (name, value) in named.iter() {
        if value.get().starts_with('{') {
            let event: EventView = serde_json::from_str(value.get()).map_err(unreadable)?;
            state.read(name, event, out);
        }
    }
    Ok(())
}
