//! A whole answer as the events of a stream.

use crate::{ChatReply, Event, FinishReason, hub::Message, json::read, wire::view};

/// The events of a whole answer, for a client that wants a stream from an upstream that gave none.
pub fn events(reply: &ChatReply) -> Vec<Event> {
    let mut events = vec![Event::Start {
        id: reply.id.clone(),
        model: reply.model.clone(),
        created: reply.created,
        usage: None,
    }];
    for choice in &reply.choices {
        let index = choice.index;
        let message = &choice.message;
        reasoning(index, message, &mut events);
        if let Some(content) = &message.content {
            let text = content.text();
            events.extend(
                text.split_inclusive(' ').map(|word| Event::Text { choice: index, text: word.to_owned() }),
            );
        }
        if let Some(text) = &message.refusal {
            events.push(Event::Refusal { choice: index, text: text.clone() });
        }
        for (position, call) in message.tool_calls.iter().flatten().enumerate() {
            let number = position as u32;
            let function = call.function.clone().unwrap_or_default();
            events.push(Event::ToolStart {
                choice: index,
                index: number,
                id: call.id.clone().unwrap_or_default(),
                name: function.name.unwrap_or_default(),
                extra: call.provider_specific_fields.clone(),
            });
            let fragment = function.arguments.unwrap_or_default();
            events.push(Event::ToolArguments { choice: index, index: number, fragment });
        }
        events.push(Event::Finish {
            choice: index,
            reason: choice.finish.clone().unwrap_or(FinishReason::Stop),
            native: choice.native_finish.clone(),
            stop_sequence: choice.stop_sequence.clone(),
        });
    }
    if let Some(usage) = &reply.usage {
        events.push(Event::Usage(Box::new(usage.clone())));
    }
    events.push(Event::Done);
    events
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Thinking {
        thinking: Option<String>,
        signature: Option<String>,
    }
}

/// What was thought, block by block with its signature where there are blocks.
fn reasoning(choice: u32, message: &Message, events: &mut Vec<Event>) {
    let Some(blocks) = message.thinking_blocks.as_ref().filter(|blocks| !blocks.is_empty()) else {
        events.extend(message.reasoning_content.clone().map(|text| Event::Reasoning { choice, text }));
        return;
    };
    for block in blocks {
        match read::<Thinking>(block).and_then(|told| Some((told.thinking?, told.signature))) {
            Some((text, signature)) => {
                events.push(Event::Reasoning { choice, text });
                events.extend(signature.map(|signature| Event::Signature { choice, signature }));
            }
            None => events.push(Event::RedactedThinking { choice, block: block.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_keeps_its_signatures_as_a_stream() {
        let block = |json: &str| crate::json::raw(json);
        let message = Message {
            reasoning_content: Some("a".to_owned()),
            thinking_blocks: Some(vec![
                block(r#"{"type":"thinking","thinking":"a","signature":"s"}"#),
                block(r#"{"type":"redacted_thinking","data":"d"}"#),
            ]),
            ..Message::default()
        };
        let mut events = Vec::new();
        reasoning(0, &message, &mut events);
        assert!(matches!(
            &events[..],
            [Event::Reasoning { text, .. }, Event::Signature { signature, .. }, Event::RedactedThinking { .. }]
                if text == "a" && signature == "s"
        ));
    }
}
