//! An upstream that answers a streaming request with a whole body: the body as the stream that was asked for.

use bytes::Bytes;
use http::HeaderMap;
use lockgate_core::{
    Extra, Raw, Result,
    json::{raw, to_raw},
    refusal::is_error,
    wire::{Object, write_sse},
};

use crate::{error, path::replaced};

/// Whether the answer that begins with these bytes is a body and no stream; `None` if they do not tell.
pub(crate) fn is_whole(bytes: &[u8]) -> Option<bool> {
    bytes.trim_ascii_start().first().map(|first| *first == b'{')
}

/// The stream that says the same as the body.
///
/// # Errors
/// The body is an error, or no JSON object.
pub(crate) fn as_stream(body: &Bytes) -> Result<Vec<u8>> {
    let object = Object::scan(body.clone()).map_err(|why| error::malformed(body, why))?;
    if let Some(text) = object.raw("error").filter(|text| is_error(text)) {
        return Err(error::in_answer(text, &HeaderMap::new()).with_body(body.clone()));
    }
    let mut chunk: Extra = lockgate_core::json::answer(body)?;
    if chunk.get("object").is_some_and(|object| object.get() == "\"chat.completion\"") {
        chunk = replaced(chunk, "object", raw("\"chat.completion.chunk\""));
    }
    let choices =
        chunk.get("choices").and_then(|choices| serde_json::from_str::<Vec<Extra>>(choices.get()).ok());
    if let Some(choices) = choices {
        let choices: Vec<Extra> = choices.into_iter().map(delta).collect();
        chunk = replaced(chunk, "choices", to_raw(&choices));
    }
    let usage = chunk.remove("usage").filter(|usage| usage.get() != "null");
    let mut out = Vec::with_capacity(body.len() + 128);
    write_sse(&mut out, None, to_raw(&chunk).get());
    if let Some(usage) = usage {
        chunk = replaced(chunk, "choices", raw("[]"));
        chunk.push("usage", usage);
        write_sse(&mut out, None, to_raw(&chunk).get());
    }
    out.extend_from_slice(b"data: [DONE]\n\n");
    Ok(out)
}

/// A choice with its message as a delta, its tool calls numbered.
fn delta(mut choice: Extra) -> Extra {
    let Some(message) = choice.remove("message") else { return choice };
    let numbered = serde_json::from_str::<Extra>(message.get()).ok().and_then(|message| {
        let calls: Vec<Extra> = serde_json::from_str(message.get("tool_calls")?.get()).ok()?;
        let calls: Vec<Raw> = calls
            .into_iter()
            .enumerate()
            .map(|(at, mut call)| {
                call.push("index", raw(at.to_string()));
                to_raw(&call)
            })
            .collect();
        Some(to_raw(&replaced(message, "tool_calls", to_raw(&calls))))
    });
    choice.push("delta", numbered.unwrap_or(message));
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_becomes_a_stream() {
        let body = br#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"content":"a","tool_calls":[{"id":"x"}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#;
        let stream = String::from_utf8(as_stream(&Bytes::from_static(body)).unwrap()).unwrap();
        assert_eq!(
            stream,
            concat!(
                r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"finish_reason":"stop","delta":{"content":"a","tool_calls":[{"id":"x","index":0}]}}]}"#,
                "\n\n",
                r#"data: {"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1}}"#,
                "\n\ndata: [DONE]\n\n"
            )
        );
        assert!(as_stream(&Bytes::from_static(br#"{"error":{"message":"no"}}"#)).is_err());
        assert!(as_stream(&Bytes::from_static(b"{")).is_err());
        assert_eq!((is_whole(b" {"), is_whole(b"data:"), is_whole(b"\n")), (Some(true), Some(false), None));
    }
}
