//! Anthropic's API of prompts, `/v1/complete`, for servers that still have it.

use bytes::Bytes;
use lockgate_core::{
    Extra, FinishReason, Raw, Result,
    hub::{Content, Message},
    json::{raw, to_raw},
    whole::lacking,
    wire::view,
};

use crate::{
    answer::{Piece, Said, failed, parse, parse_event},
    api::Api,
    ask::{Ask, Outgoing},
};

/// What a completion may be if nobody says: the API wants a limit.
const USUAL_LIMIT: u64 = 4096;

pub(crate) struct AnthropicText;

view! {
    #[derive(Clone, Debug, Default)]
    struct Answer {
        id: Option<String>,
        model: Option<String>,
        completion: Option<String>,
        stop_reason: Option<String>,
        error: Option<Raw>,
    }
}

impl Api for AnthropicText {
    fn id(&self) -> &'static str {
        "anthropic_text"
    }

    fn names(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("max_completion_tokens", "max_tokens_to_sample"),
            ("max_tokens", "max_tokens_to_sample"),
            ("stop", "stop_sequences"),
            ("temperature", "temperature"),
            ("top_k", "top_k"),
            ("top_p", "top_p"),
            ("user", "metadata"),
        ]
    }

    fn request(&self, ask: &mut Ask<'_>) -> Result<Outgoing> {
        let mut body = Extra::new();
        body.push("model", to_raw(ask.model()));
        lockgate_core::prompt::report_left_out(&ask.request.messages, &mut ask.notes);
        body.push("prompt", to_raw(&prompt(&ask.request.messages)));
        body.push("max_tokens_to_sample", to_raw(&USUAL_LIMIT));
        ask.options().iter().for_each(|(name, value)| body.push(name, value.to_owned()));
        if let Some(user) = &ask.request.user {
            let mut metadata = Extra::new();
            metadata.push("user_id", to_raw(user));
            body.push("metadata", to_raw(&metadata));
        }
        if ask.stream() {
            body.push("stream", raw("true"));
        }
        ask.others(&mut body);
        let base = ask.base();
        let base = base.strip_suffix("/complete").unwrap_or(&base);
        let url = match base.ends_with("/v1") {
            true => format!("{base}/complete"),
            false => format!("{base}/v1/complete"),
        };
        Ok(Outgoing::json(url, body).with("anthropic-version", "2023-06-01"))
    }

    fn whole(&self, body: &Bytes) -> Result<Said> {
        let answer: Answer = parse(body)?;
        match (answer.completion, answer.error) {
            (Some(text), _) => Ok(Said {
                id: answer.id,
                model: answer.model,
                text,
                finish: answer.stop_reason.as_deref().map(finish),
                native: answer.stop_reason,
                usage: None,
            }),
            (None, Some(error)) => Err(failed(error.get())),
            (None, None) => Err(lacking("`completion`", body)),
        }
    }

    fn piece(&self, event: &str, data: &str) -> Result<Piece> {
        if event == "ping" {
            return Ok(Piece::default());
        }
        let answer: Answer = parse_event(data)?;
        if let Some(error) = &answer.error {
            return Err(failed(error.get()));
        }
        Ok(Piece {
            text: answer.completion.unwrap_or_default(),
            done: answer.stop_reason.is_some(),
            finish: answer.stop_reason.as_deref().map(finish),
            native: answer.stop_reason,
            usage: None,
        })
    }
}

/// The turns that this API knows: what the system says stands before the first.
fn prompt(messages: &[Message]) -> String {
    let mut prompt = String::new();
    for message in messages {
        let before = match message.role.as_str() {
            "system" | "developer" if prompt.is_empty() => "",
            "assistant" => "\n\nAssistant: ",
            _ => "\n\nHuman: ",
        };
        prompt.push_str(before);
        prompt.push_str(&message.content.as_ref().map(Content::text).unwrap_or_default());
    }
    prompt.push_str("\n\nAssistant:");
    prompt
}

fn finish(word: &str) -> FinishReason {
    if word == "max_tokens" { FinishReason::Length } else { FinishReason::Stop }
}
