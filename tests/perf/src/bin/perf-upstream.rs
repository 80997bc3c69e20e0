//! A mock provider on 127.0.0.1: OpenAI chat (`/v1/chat/completions`) and Anthropic (`/v1/messages`), and whole answers
//! of 1 KB in other formats ([`WHOLE`]).
//!
//! The model's name says how it answers; whatever stands before `mock-` is ignored:
//! `mock-json` (about 1 KB), `mock-json-BYTES`, `mock-stream-paced-N` (N text chunks, one every 20 ms),
//! `mock-stream-unpaced-N` (each chunk written on its own), `mock-stream-burst-N` (as many chunks in a write
//! as fit). Every request body is read to its end; every answer carries usage.
//!
//! `perf-upstream --port PORT`

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use lockgate_perf::Flags;
use memchr::memmem;
use tokio::time::{Instant, Sleep, sleep_until};

const TICK: Duration = Duration::from_millis(20);

type Answer = Either<Full<Bytes>, Stream>;

fn main() -> Result<()> {
    let port = Flags::from_env(&["port"])?.need("port")?;
    lockgate_perf::runtime()?.block_on(lockgate_perf::serve(port, answer))
}

async fn answer(request: Request<Incoming>) -> Response<Answer> {
    let path = request.uri().path();
    let dialect = match path {
        "/v1/chat/completions" => Dialect::OpenAi,
        "/v1/messages" => Dialect::Anthropic,
        "/" => return plain(StatusCode::OK, "ready"),
        _ => match WHOLE.iter().find(|(end, _)| path.ends_with(end)) {
            Some((_, frame)) => Dialect::Whole(frame),
            None => return plain(StatusCode::NOT_FOUND, "no such path"),
        },
    };
    let Ok(body) = request.into_body().collect().await else {
        return plain(StatusCode::BAD_REQUEST, "the body broke off");
    };
    let behaviour = match dialect {
        Dialect::Whole(_) => Some(Behaviour::Json { size: 1024 }),
        _ => Behaviour::of(&body.to_bytes()),
    };
    let Some(behaviour) = behaviour else {
        return plain(StatusCode::BAD_REQUEST, "no `mock-…` model in the body");
    };
    let (kind, body) = match behaviour {
        Behaviour::Json { size } => ("application/json", Either::Left(Full::from(dialect.json(size)))),
        Behaviour::Stream { pace, chunks } => {
            ("text/event-stream; charset=utf-8", Either::Right(Stream::new(dialect, pace, chunks)))
        }
    };
    let mut answer = Response::new(body);
    dialect.headers(answer.headers_mut());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn plain(status: StatusCode, text: &'static str) -> Response<Answer> {
    let mut answer = Response::new(Either::Left(Full::from(text)));
    *answer.status_mut() = status;
    answer
}

#[derive(Debug, PartialEq)]
enum Behaviour {
    Json { size: usize },
    Stream { pace: Pace, chunks: usize },
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pace {
    /// One chunk every [`TICK`].
    Paced,
    /// Without a pause, each chunk in a write of its own, as providers flush.
    Unpaced,
    /// Without a pause, left to the server's write buffer.
    Burst,
}

impl Behaviour {
    /// Reads the first `mock-…` model in a request body, without parsing the JSON.
    fn of(body: &[u8]) -> Option<Self> {
        let key = memmem::find(body, b"\"model\"")?;
        let value = body.get(key..)?.get(..120.min(body.len() - key))?;
        let name = value.get(memmem::find(value, b"mock-")?..)?;
        let name = std::str::from_utf8(name.get(..memchr::memchr(b'"', name)?)?).ok()?;
        let mut words = name.split('-').skip(1);
        let (kind, rest): (_, Vec<_>) = (words.next()?, words.collect());
        let pace = |pace, n: &str| Some(Self::Stream { pace, chunks: n.parse().ok()? });
        match (kind, rest.as_slice()) {
            ("json", []) => Some(Self::Json { size: 1024 }),
            ("json", [size]) => Some(Self::Json { size: size.parse().ok()? }),
            ("stream", ["paced", n]) => pace(Pace::Paced, n),
            ("stream", ["unpaced", n]) => pace(Pace::Unpaced, n),
            ("stream", ["burst", n]) => pace(Pace::Burst, n),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Dialect {
    OpenAi,
    Anthropic,
    /// One that is only measured with whole answers of 1 KB: the answer without its text.
    Whole(&'static str),
}

/// Ends of paths, and the answers given there.
const WHOLE: [(&str, &str); 5] = [
    (
        ":generateContent",
        r#"{"candidates":[{"content":{"parts":[{"text":"TEXT"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":212,"candidatesTokenCount":64,"totalTokenCount":276,"cachedContentTokenCount":128,"promptTokensDetails":[{"modality":"TEXT","tokenCount":212}]},"modelVersion":"gemini-2.5-flash","responseId":"kR0kaYv5GMqJxN8P3sOa6AI"}"#,
    ),
    (
        "/converse",
        r#"{"output":{"message":{"role":"assistant","content":[{"text":"TEXT"}]}},"stopReason":"end_turn","usage":{"inputTokens":212,"outputTokens":64,"totalTokens":276,"cacheReadInputTokens":128,"cacheWriteInputTokens":0},"metrics":{"latencyMs":412}}"#,
    ),
    (
        "/v2/chat",
        r#"{"id":"c14c80c3-18eb-4519-9460-6c92edd8cfb4","finish_reason":"COMPLETE","message":{"role":"assistant","content":[{"type":"text","text":"TEXT"}]},"usage":{"billed_units":{"input_tokens":212,"output_tokens":64},"tokens":{"input_tokens":280,"output_tokens":64}}}"#,
    ),
    (
        "/api/chat",
        r#"{"model":"mock-json","created_at":"2026-01-01T00:00:00.000000Z","message":{"role":"assistant","content":"TEXT"},"done":true,"done_reason":"stop","total_duration":512000000,"load_duration":12000000,"prompt_eval_count":212,"prompt_eval_duration":42000000,"eval_count":64,"eval_duration":400000000}"#,
    ),
    (
        "/v1/responses",
        r#"{"id":"resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b","object":"response","created_at":1763800000,"status":"completed","error":null,"incomplete_details":null,"instructions":null,"model":"gpt-4o-2024-08-06","output":[{"type":"message","id":"msg_67ccd2bf17f0819081ff3bb2cf6508e60bb6a6b452d3795b","status":"completed","role":"assistant","content":[{"type":"output_text","text":"TEXT","annotations":[]}]}],"parallel_tool_calls":true,"store":false,"temperature":0.7,"usage":{"input_tokens":212,"input_tokens_details":{"cached_tokens":128},"output_tokens":64,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":276},"metadata":{}}"#,
    ),
];

impl Dialect {
    /// The answer without its text, and the events of a stream: those before the text, the text, those after.
    fn texts(self) -> (&'static str, &'static [&'static str], &'static str, &'static [&'static str]) {
        match self {
            Self::OpenAi => (openai::JSON, &openai::HEAD, openai::CHUNK, &openai::TAIL),
            Self::Anthropic => (anthropic::JSON, &anthropic::HEAD, anthropic::CHUNK, &anthropic::TAIL),
            Self::Whole(frame) => (frame, &[], "", &[]),
        }
    }

    fn json(self, size: usize) -> String {
        const SENTENCE: &str = "All work and no play makes a dull day. ";
        let frame = self.texts().0;
        let room = size.saturating_sub(frame.len());
        let mut text = SENTENCE.repeat(room / SENTENCE.len() + 1);
        text.truncate(room);
        frame.replacen("TEXT", &text, 1)
    }

    fn headers(self, headers: &mut HeaderMap) {
        let list: &[(&str, &str)] = match self {
            Self::OpenAi => &openai::HEADERS,
            Self::Anthropic => &anthropic::HEADERS,
            Self::Whole(_) => &openai::HEADERS,
        };
        for &(name, value) in list {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
    }
}

/// The events of one streamed answer.
struct Stream {
    dialect: Dialect,
    pace: Pace,
    chunks: usize,
    sent: usize,
    flushed: bool,
    due: Pin<Box<Sleep>>,
}

impl Stream {
    fn new(dialect: Dialect, pace: Pace, chunks: usize) -> Self {
        // Streams of one load must not tick together: each starts at another point of the first tick.
        static STREAMS: AtomicU32 = AtomicU32::new(0);
        let phase = STREAMS.fetch_add(1, Ordering::Relaxed).wrapping_mul(7) % 20;
        let due = Box::pin(sleep_until(Instant::now() + Duration::from_millis(phase.into())));
        Self { dialect, pace, chunks, sent: 0, flushed: true, due }
    }

    fn event(&self) -> Option<&'static str> {
        let (_, head, chunk, tail) = self.dialect.texts();
        match self.sent.checked_sub(head.len()) {
            None => head.get(self.sent).copied(),
            Some(n) if n < self.chunks => Some(chunk),
            Some(n) => tail.get(n - self.chunks).copied(),
        }
    }

    /// Ready when the next event may be sent.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.pace {
            Pace::Burst => {}
            Pace::Unpaced if self.flushed => self.flushed = false,
            Pace::Unpaced => {
                self.flushed = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Pace::Paced => {
                let head = self.dialect.texts().1.len();
                if (head..head + self.chunks).contains(&self.sent) {
                    ready!(self.due.as_mut().poll(cx));
                    let next = self.due.deadline() + TICK;
                    self.due.as_mut().reset(next);
                }
            }
        }
        Poll::Ready(())
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let stream = self.get_mut();
        let Some(event) = stream.event() else { return Poll::Ready(None) };
        ready!(stream.poll_due(cx));
        stream.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(event.as_bytes())))))
    }
}

mod openai {
    pub(super) const HEADERS: [(&str, &str); 12] = [
        ("x-request-id", "req_5f0b1d8a3c6e4b7f9a2d1c0e8b6a4f3d"),
        ("openai-organization", "example-org"),
        ("openai-processing-ms", "412"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "30000000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "29999720"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "0s"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
        ("x-content-type-options", "nosniff"),
    ];

    pub(super) const JSON: &str = r#"{"id":"chatcmpl-CkT0aVnYqP3xwZ8eR5mLd7Hs2Bf9J","object":"chat.completion","created":1763800000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"TEXT","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":212,"completion_tokens":64,"total_tokens":276,"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_b28b39ffa8"}"#;

    macro_rules! chunk {
        ($rest:literal) => {
            concat!(
                r#"data: {"id":"chatcmpl-CkT0aVnYqP3xwZ8eR5mLd7Hs2Bf9J","object":"chat.completion.chunk","created":1763800000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_b28b39ffa8","#,
                $rest,
                "}\n\n"
            )
        };
    }

    pub(super) const HEAD: [&str; 1] = [chunk!(
        r#""choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null"#
    )];
    pub(super) const CHUNK: &str = chunk!(
        r#""choices":[{"index":0,"delta":{"content":" weather"},"logprobs":null,"finish_reason":null}],"usage":null"#
    );
    pub(super) const TAIL: [&str; 3] = [
        chunk!(r#""choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null"#),
        chunk!(
            r#""choices":[],"usage":{"prompt_tokens":212,"completion_tokens":100,"total_tokens":312,"prompt_tokens_details":{"cached_tokens":128,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#
        ),
        "data: [DONE]\n\n",
    ];
}

mod anthropic {
    pub(super) const HEADERS: [(&str, &str); 9] = [
        ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
        ("anthropic-organization-id", "0f0e0d0c-0b0a-4908-8706-050403020100"),
        ("anthropic-ratelimit-requests-limit", "4000"),
        ("anthropic-ratelimit-requests-remaining", "3999"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
        ("anthropic-ratelimit-tokens-limit", "480000"),
        ("anthropic-ratelimit-tokens-remaining", "479000"),
        ("anthropic-ratelimit-tokens-reset", "2026-01-01T00:00:00Z"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ];

    pub(super) const JSON: &str = r#"{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{"type":"text","text":"TEXT"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":212,"cache_creation_input_tokens":0,"cache_read_input_tokens":128,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},"output_tokens":64,"service_tier":"standard"}}"#;

    pub(super) const HEAD: [&str; 3] = [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":212,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":128,\"output_tokens\":1,\"service_tier\":\"standard\"}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    ];
    pub(super) const CHUNK: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" weather\"}}\n\n";
    pub(super) const TAIL: [&str; 3] = [
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":100}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_name_says_how_to_answer() {
        let of = |model: &str| Behaviour::of(format!(r#"{{"stream":true,"model": "{model}"}}"#).as_bytes());
        assert_eq!(of("mock-json"), Some(Behaviour::Json { size: 1024 }));
        assert_eq!(of("claude-mock-json-9"), Some(Behaviour::Json { size: 9 }));
        assert_eq!(of("mock-stream-paced-5"), Some(Behaviour::Stream { pace: Pace::Paced, chunks: 5 }));
        assert_eq!(of("gpt-4o"), None);
    }

    #[test]
    fn answers_have_the_asked_size_and_are_json() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic]
            .into_iter()
            .chain(WHOLE.map(|(_, frame)| Dialect::Whole(frame)))
        {
            let json = dialect.json(4096);
            assert!(json.len().abs_diff(4096) < 8, "{}", json.len());
            assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap().is_object());
        }
    }

    #[test]
    fn every_event_is_json_or_done() {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let (_, head, chunk, tail) = dialect.texts();
            for event in head.iter().chain([&chunk]).chain(tail) {
                let data = event.split("data: ").nth(1).unwrap().strip_suffix("\n\n").unwrap();
                assert!(
                    data == "[DONE]" || serde_json::from_str::<serde_json::Value>(data).is_ok(),
                    "{data}"
                );
            }
        }
    }
}
