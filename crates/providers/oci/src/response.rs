//! Whole answers.

use bytes::Bytes;
use lockgate_core::{
    Attempt, ChatReply, Choice, Encoded, Error, ErrorKind, Extra, Origin, Reply, Result, Usage,
    hub::{Content, FunctionCall, Message, ToolCall},
    json,
    refusal::Refusal,
};

use crate::{
    EMBED, embed,
    wire::{Answer, CallView, Chat, MessageView, finish},
};

/// Reads a successful answer.
pub(crate) fn decode(attempt: &Attempt<'_>, encoded: &Encoded, body: &Bytes) -> Result<Reply> {
    if encoded.format == EMBED {
        return embed::decode(attempt, body);
    }
    let answer = parse(body)?;
    let chat = answer.chat_response.unwrap_or_default();
    failure(&chat)?;
    let choices = match (&chat.choices, &chat.text, &chat.tool_calls) {
        (Some(choices), ..) => choices
            .iter()
            .zip(0..)
            .map(|(choice, at)| {
                let message = choice.message.clone().unwrap_or_default();
                self::choice(choice.index.unwrap_or(at), message, choice.finish_reason.clone(), attempt)
            })
            .collect(),
        (None, None, None) => {
            return Err(
                Error::invalid_response("The provider's answer has no message.").with_body(body.clone())
            );
        }
        (None, ..) => {
            let message = MessageView { tool_calls: chat.tool_calls.clone(), ..MessageView::default() };
            let mut only = choice(0, message, chat.finish_reason.clone(), attempt);
            only.message.content = chat.text.clone().map(Content::Text);
            vec![only]
        }
    };
    let mut extra = Extra::new();
    if let Some(citations) = chat.citations.filter(|citations| citations.get() != "null") {
        extra.push("citations", citations);
    }
    Ok(Reply::Chat(Box::new(ChatReply {
        id: answer.id.unwrap_or_default(),
        model: answer.model_id.unwrap_or_else(|| attempt.target.model.to_string()),
        created: chat.time_created.as_deref().and_then(seconds),
        choices,
        usage: chat.usage.map(|usage| usage.hub()),
        extra,
        ..ChatReply::default()
    })))
}

/// Checks an answer that is relayed.
pub(crate) fn inspect(body: &Bytes) -> Result<Option<Usage>> {
    Ok(parse(body)?.chat_response.and_then(|chat| chat.usage).map(|usage| usage.hub()))
}

/// An answer, or an event, that says that the model failed.
pub(crate) fn failure(chat: &Chat) -> Result<()> {
    let failed = chat.finish_reason.as_deref() == Some("ERROR");
    if !failed && chat.error_message.is_none() && chat.code.is_none() {
        return Ok(());
    }
    let said = chat.error_message.clone().or_else(|| chat.extra_message());
    let message = said.unwrap_or_else(|| "The provider failed while it answered.".to_owned());
    let status = chat.code.as_deref().and_then(|code| code.get().parse().ok()).unwrap_or(500);
    let kind = Refusal { message: message.clone(), ..Refusal::default() }.kind(status);
    Err(Error::new(kind, Origin::Upstream, message).with_status(status))
}

/// The names and ids of calls: Cohere's have none.
pub(crate) fn call_id(call: &CallView, own: &str, number: usize) -> String {
    match call.id.as_deref() {
        Some(id) if !id.is_empty() => id.to_owned(),
        _ => {
            let own: String = own.chars().filter(char::is_ascii_alphanumeric).collect();
            format!("call_{own}{number}")
        }
    }
}

impl Chat {
    /// The words of an error event, whose `message` is a text and no message.
    fn extra_message(&self) -> Option<String> {
        self.message.as_ref().map(MessageView::text).filter(|text| !text.is_empty())
    }
}

fn parse(body: &Bytes) -> Result<Answer> {
    let answer: Answer = json::answer(body)?;
    if answer.chat_response.is_none() && answer.code.is_some() {
        let said = Refusal::of_body(body);
        return Err(Error::new(ErrorKind::Internal, Origin::Upstream, said.message).with_body(body.clone()));
    }
    Ok(answer)
}

fn choice(index: u32, view: MessageView, word: Option<String>, attempt: &Attempt<'_>) -> Choice {
    let calls: Vec<ToolCall> = view
        .tool_calls
        .iter()
        .flatten()
        .enumerate()
        .map(|(number, call)| ToolCall {
            id: Some(call_id(call, &attempt.call.id, number)),
            kind: Some("function".to_owned()),
            function: Some(FunctionCall {
                name: call.name.clone(),
                arguments: Some(call.arguments()),
                ..FunctionCall::default()
            }),
            ..ToolCall::default()
        })
        .collect();
    let called = !calls.is_empty();
    Choice {
        index,
        message: Message {
            role: "assistant".to_owned(),
            content: view.content.is_some().then(|| Content::Text(view.text())),
            reasoning_content: view.reasoning_content.filter(|text| !text.is_empty()),
            refusal: view.refusal,
            tool_calls: called.then_some(calls),
            ..Message::default()
        },
        finish: Some(finish(word.as_deref().unwrap_or_default(), called)),
        native_finish: word,
        ..Choice::default()
    }
}

/// Seconds since 1970 of `2025-03-10T00:00:00.000Z`.
fn seconds(date: &str) -> Option<i64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days since 1970 of the Gregorian calendar, years beginning in March.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn dates() {
        assert_eq!(seconds("2025-03-10T00:00:00.000Z"), Some(1_741_564_800));
        assert_eq!(seconds("1970-01-01T00:00:01Z"), Some(1));
        assert_eq!(seconds("2024-02-29T23:59:59+00:00"), Some(1_709_251_199));
        assert_eq!(seconds("soon"), None);
    }
}
