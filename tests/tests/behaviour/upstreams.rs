//! What the scripted providers say.

use std::time::Duration;

use lockgate_testkit::upstream::{Answer, Request, Upstream};

pub(crate) const OPENAI: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1741570283,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":14,"completion_tokens":8,"total_tokens":22}}"#;
pub(crate) const ANTHROPIC: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":14,"output_tokens":8}}"#;

const OPENAI_CHUNKS: [&str; 5] = [
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo.\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
];

const ANTHROPIC_CHUNKS: [&str; 7] = [
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":14,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo.\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":8}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

/// The two upstream formats, by the model that is addressed: `gpt` (chat completions) and `claude` (messages).
pub(crate) const MODELS: [&str; 2] = ["gpt", "claude"];

pub(crate) fn is_anthropic(request: &Request) -> bool {
    request.target.starts_with("/v1/messages")
}

/// A good stream's chunks in the format of the request's path.
pub(crate) fn chunks(anthropic: bool) -> Vec<&'static str> {
    if anthropic { ANTHROPIC_CHUNKS.to_vec() } else { OPENAI_CHUNKS.to_vec() }
}

/// A good answer: whole or streamed, as the request wants it.
pub(crate) fn good(request: &Request) -> Answer {
    let anthropic = is_anthropic(request);
    if request.text().contains("\"stream\":true") {
        return Answer::stream(chunks(anthropic), Duration::ZERO);
    }
    Answer::json(200, if anthropic { ANTHROPIC } else { OPENAI })
}

/// The first two pieces of content of a stream, and no more: say how it ends.
pub(crate) fn begun(request: &Request) -> Answer {
    let anthropic = is_anthropic(request);
    Answer::open_stream(chunks(anthropic).into_iter().take(if anthropic { 3 } else { 2 }), Duration::ZERO)
}

/// Starts a scripted upstream, and gives the model list that points `gpt` and `claude` at it, and `openai`, whose
/// answers to chat completions are relayed.
pub(crate) async fn start(
    handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    params: &str,
) -> (Upstream, String) {
    let upstream = Upstream::start(handler).await.unwrap();
    let url = upstream.url();
    // A server that is not OpenAI's own is spoken to in chat completions by every surface.
    let gpt = crate::gateway::model("gpt", "hosted_vllm/gpt-4o", &format!("{url}/v1"), params);
    let claude = crate::gateway::model("claude", "anthropic/claude-sonnet-4-5", &url, params);
    let openai = crate::gateway::model("openai", "openai/gpt-4o", &format!("{url}/v1"), params);
    (upstream, gpt + &claude + &openai)
}
