//! How many tokens a conversation would be, counted by the model's own host.

use std::borrow::Cow;

use bytes::Bytes;
use lockgate_core::{
    Attempt, Encoded, Error, Extra, Format, Memo, Notes, Reply, Result,
    json::{self, read, to_raw},
    params,
    wire::view,
};

use crate::{model::Model, request};

/// Answers of CountTokens.
pub(crate) const COUNT: Format = Format("bedrock.count_tokens");

/// Of a Converse request, what is counted.
const COUNTED: [&str; 4] = ["messages", "system", "toolConfig", "additionalModelRequestFields"];

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        input as "inputTokens": Option<u64>,
    }
}

pub(crate) fn encode(attempt: &Attempt<'_>, model: &Model<'_>) -> Result<Encoded> {
    let (policy, mut notes) = (attempt.policy(), Notes::default());
    let chat = Cow::Borrowed(attempt.call.chat()?);
    let chat = params::effective(attempt, &policy, chat, &mut notes)?;
    let mut memo = Memo::default();
    let body = request::body(attempt, model, &policy, &chat, &mut memo, &mut notes)?;
    let mut counted: Extra = read(&to_raw(&body)).unwrap_or_default();
    counted.retain(|name, _| COUNTED.contains(&name));
    let body = format!("{{\"input\":{{\"converse\":{}}}}}", to_raw(&counted).get());
    let request = request::post(attempt, model, "count-tokens", body.into())?;
    Ok(Encoded { request, format: COUNT, relay: false, withhold_usage: false, memo, notes })
}

pub(crate) fn decode(body: &Bytes) -> Result<Reply> {
    let answer: Answer = json::answer(body)?;
    let lacking =
        || Error::invalid_response("The provider's answer has no `inputTokens`.").with_body(body.clone());
    answer.input.map(|input| Reply::TokenCount { input }).ok_or_else(lacking)
}
