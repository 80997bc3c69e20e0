//! ERR-1: what every dialect makes of every kind of refusal, and what clients of every surface read of it.

use bytes::Bytes;
use lockgate_core::{
    Attempt, Dialect, Error, ErrorKind, Media, Operation, Origin, Retry, Surface, transcode,
};
use lockgate_registry::{dialects, surfaces};
use lockgate_testkit::sample;
use serde_json::Value;

use crate::subjects::{CHAT, MESSAGES, dialect, surface, target};

/// The words of a refusal that must reach the client.
const SAID: &str = "The provider's own words 4711.";

/// Status, kind, whether and where to try again, LiteLLM's class, OpenAI's and Anthropic's type.
#[rustfmt::skip]
const STATUSES: [(u16, ErrorKind, Retry, &str, &str, &str); 23] = [
    (400, ErrorKind::BadRequest, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (401, ErrorKind::Authentication, Retry::Other, "AuthenticationError", "authentication_error", "authentication_error"),
    (402, ErrorKind::PaymentRequired, Retry::Other, "PaymentRequiredError", "invalid_request_error", "billing_error"),
    (403, ErrorKind::PermissionDenied, Retry::Other, "PermissionDeniedError", "permission_error", "permission_error"),
    (404, ErrorKind::NotFound, Retry::Other, "NotFoundError", "not_found_error", "not_found_error"),
    (405, ErrorKind::MethodNotAllowed, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (408, ErrorKind::Timeout, Retry::Same, "Timeout", "timeout_error", "timeout_error"),
    (409, ErrorKind::Conflict, Retry::Same, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (410, ErrorKind::BadRequest, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (413, ErrorKind::TooLarge, Retry::Never, "BadRequestError", "invalid_request_error", "request_too_large"),
    (415, ErrorKind::BadRequest, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (418, ErrorKind::BadRequest, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (422, ErrorKind::Unprocessable, Retry::Never, "UnprocessableEntityError", "invalid_request_error", "invalid_request_error"),
    (429, ErrorKind::RateLimit, Retry::Other, "RateLimitError", "throttling_error", "rate_limit_error"),
    (451, ErrorKind::BadRequest, Retry::Never, "BadRequestError", "invalid_request_error", "invalid_request_error"),
    (500, ErrorKind::Internal, Retry::Same, "InternalServerError", "internal_server_error", "api_error"),
    (501, ErrorKind::Internal, Retry::Same, "InternalServerError", "internal_server_error", "api_error"),
    (502, ErrorKind::BadGateway, Retry::Same, "BadGatewayError", "internal_server_error", "api_error"),
    (503, ErrorKind::ServiceUnavailable, Retry::Same, "ServiceUnavailableError", "internal_server_error", "overloaded_error"),
    (504, ErrorKind::GatewayTimeout, Retry::Same, "Timeout", "internal_server_error", "timeout_error"),
    (520, ErrorKind::Internal, Retry::Same, "InternalServerError", "internal_server_error", "api_error"),
    (524, ErrorKind::Internal, Retry::Same, "InternalServerError", "internal_server_error", "api_error"),
    (529, ErrorKind::ServiceUnavailable, Retry::Same, "ServiceUnavailableError", "internal_server_error", "overloaded_error"),
];

/// Bodies, and whether they say [`SAID`].
fn bodies() -> Vec<(String, bool)> {
    let telling = [
        format!(r#"{{"error":{{"message":"{SAID}","type":"some_type","param":null,"code":null}}}}"#),
        format!(r#"{{"error":{{"message":"{SAID}"}}}}"#),
        format!(
            r#"{{"type":"error","error":{{"type":"some_error","message":"{SAID}"}},"request_id":"req_b"}}"#
        ),
        format!(r#"{{"error":{{"code":400,"message":"{SAID}","status":"SOME_STATUS","details":[]}}}}"#),
        format!(r#"[{{"error":{{"code":400,"message":"{SAID}","status":"SOME_STATUS"}}}}]"#),
        format!(r#"{{"id":"x","message":"{SAID}"}}"#),
        format!(r#"{{"error":"{SAID}"}}"#),
        format!(r#"{{"detail":"{SAID}"}}"#),
        format!(r#"{{"detail":[{{"loc":["body"],"msg":"{SAID}","type":"missing"}}]}}"#),
        format!(r#"{{"errors":[{{"message":"{SAID}"}}]}}"#),
        format!(r#"{{"object":"error","message":"{SAID}","type":"BadRequestError","code":400}}"#),
        SAID.to_owned(),
        // Cut off in the middle: what came is shown.
        format!(r#"{{"error":{{"message":"{SAID}"#),
    ];
    let silent = [
        "",
        " \n",
        "{}",
        "null",
        "[]",
        "17",
        "{\"error\":null}",
        "{\"error\":{}}",
        "{\"error\":{\"message\":null,\"type\":null}}",
        "{\"foo\":[1,2]}",
        "<html><head><title>502 Bad Gateway</title></head><body>10.0.0.1 internal</body></html>",
        "<!DOCTYPE html><html></html>",
        "\u{fffd}\u{0}",
    ];
    let telling = telling.into_iter().map(|body| (body, true));
    telling.chain(silent.into_iter().map(|body| (body.to_owned(), false))).collect()
}

/// All dialects that have an upstream.
fn speakers() -> impl Iterator<Item = &'static dyn Dialect> {
    dialects().iter().copied().filter(|dialect| dialect.id() != "demo")
}

fn refused(dialect: &'static dyn Dialect, status: u16, headers: &[(&str, &str)], body: &str) -> Error {
    let call = sample::call(surface("openai"), Operation::Chat, CHAT).unwrap();
    let (target, media) = (target(dialect), Media::default());
    let attempt = Attempt { call: &call, target: &target, media: &media };
    let mut answer = http::Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    let head = answer.body(()).unwrap().into_parts().0;
    dialect.reject(&attempt, &head, &Bytes::copy_from_slice(body.as_bytes()))
}

/// What a client of the surface reads: status and body.
fn told(surface: &dyn Surface, error: &Error) -> (u16, Value) {
    let response = surface.error(error);
    (response.status().as_u16(), serde_json::from_slice(&response.body().to_vec()).unwrap())
}

#[test]
fn every_status_and_body_has_its_kind_verdict_and_class() {
    let mut checked = 0;
    for dialect in speakers() {
        for (status, kind, retry, class, openai, anthropic) in STATUSES {
            for (body, tells) in bodies() {
                let place = format!("{}, status {status}, body {body:?}", dialect.id());
                let headers = [("x-request-id", "req_7"), ("retry-after", "3")];
                let error = refused(dialect, status, &headers, &body);
                assert_eq!((error.kind(), error.retry()), (kind, retry), "{place}");
                assert_eq!(error.kind().class(), class, "{place}");
                assert_eq!((error.status(), error.origin()), (Some(status), Origin::Upstream), "{place}");
                assert_eq!(error.provider(), Some("sample"), "{place}");
                assert_eq!(error.request_id(), Some("req_7"), "{place}");
                assert_eq!(error.retry_after().map(|delay| delay.as_secs()), Some(3), "{place}");
                assert_eq!(error.body().map(|kept| &**kept), Some(body.as_bytes()), "{place}");
                assert!(!error.message().trim().is_empty(), "{place}: says nothing");
                assert_eq!(error.message().contains(SAID), tells, "{place}: {}", error.message());
                assert!(!error.message().contains('<'), "{place}: a page is shown: {}", error.message());
                for (id, type_) in [("openai", openai), ("anthropic", anthropic)] {
                    let (shown, told) = told(surface(id), &error);
                    let own =
                        if id == "openai" && kind == ErrorKind::BadRequest { status } else { kind.status() };
                    assert_eq!(shown, own, "{place} at {id}");
                    assert_eq!(told["error"]["type"], type_, "{place} at {id}: {told}");
                    assert!(
                        told.to_string().contains("req_7"),
                        "{place} at {id}: the request's id is lost: {told}"
                    );
                }
                checked += 1;
            }
        }
    }
    assert!(checked >= 300, "{checked} rows");
}

/// Clients of every surface get the status, the words, and when to come back.
#[test]
fn every_surface_tells_what_it_is_told() {
    for (status, kind, ..) in STATUSES {
        let body = &bodies()[0].0;
        let error = refused(dialect("openai"), status, &[("retry-after", "3")], body);
        for surface in surfaces() {
            let response = surface.error(&error);
            let place = format!("{}, status {status}", surface.id());
            let shown = response.status().as_u16();
            assert!(shown == kind.status() || shown == status, "{place}: {shown}");
            assert_eq!(response.headers()["retry-after"], "3", "{place}");
            assert_eq!(response.headers()["content-type"], "application/json", "{place}");
            let text = String::from_utf8(response.body().to_vec()).unwrap();
            assert!(text.contains(SAID), "{place}: {text}");
            serde_json::from_str::<Value>(&text).unwrap();
        }
    }
}

/// Real messages of a prompt that is too long.
#[rustfmt::skip]
const TOO_LONG: [(&str, u16, &str); 15] = [
    ("openai", 400, r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 10010 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#),
    ("openai", 400, r#"{"error":{"message":"Your input exceeds the context window of this model.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}"#),
    ("openai", 400, r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","param":null,"code":400}"#),
    ("openai", 422, r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096","error_type":"validation"}"#),
    ("openai", 413, r#"{"error":{"message":"Prompt is too long for this model","code":"x"}}"#),
    ("openai", 400, r#"{"error":{"message":"Please reduce the length of the messages or completion.","type":"invalid_request_error"}}"#),
    ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#),
    ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 199000 + 4000 > 200000"}}"#),
    ("gemini", 400, r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#),
    ("vertex", 400, r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#),
    ("cohere", 400, r#"{"id":"x","message":"too many tokens: total tokens in the prompt exceeds the maximum of 128000"}"#),
    ("ollama", 400, r#"{"error":"the input length exceeds the context length"}"#),
    ("ollama", 500, r#"{"error":"prompt is too long: exceeds maximum context length"}"#),
    ("azure", 400, r#"{"error":{"message":"This model's maximum context length is 16385 tokens, however you requested 20000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#),
    ("azure_ai", 400, r#"{"error":{"message":"Input is too long for this model's context window.","code":"x"}}"#),
];

/// Real messages of a content policy.
#[rustfmt::skip]
const FORBIDDEN: [(&str, u16, &str); 7] = [
    ("openai", 400, r#"{"error":{"message":"Your request was rejected as a result of our safety system.","type":"invalid_request_error","code":"content_policy_violation"}}"#),
    ("openai", 400, r#"{"error":{"message":"blocked","type":"content_filter","code":null}}"#),
    ("azure", 400, r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#),
    ("anthropic", 400, r#"{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}"#),
    ("cohere", 498, r#"{"message":"blocked input"}"#),
    ("openai", 400, r#"{"error":{"message":"Your prompt violates our content policy."}}"#),
    ("gemini", 400, r#"{"error":{"code":400,"message":"The prompt violates our usage policy.","status":"INVALID_ARGUMENT"}}"#),
];

#[test]
fn prompts_that_are_too_long_or_forbidden_are_recognised() {
    for (kind, retry, class, rows) in [
        (ErrorKind::ContextWindow, Retry::Larger, "ContextWindowExceededError", &TOO_LONG[..]),
        (ErrorKind::ContentPolicy, Retry::Never, "ContentPolicyViolationError", &FORBIDDEN[..]),
    ] {
        for (id, status, body) in rows {
            let error = refused(dialect(id), *status, &[], body);
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{id}: {body}");
            assert_eq!(error.kind().class(), class, "{id}");
            for surface in surfaces() {
                let (shown, _) = told(*surface, &error);
                assert_eq!(shown, 400, "{id} at {}: {body}", surface.id());
            }
        }
    }
    // A rate limit on tokens speaks of too many tokens, too; waiting helps there.
    for dialect in speakers() {
        let error = refused(
            dialect,
            429,
            &[],
            r#"{"error":{"message":"too many input tokens per minute: maximum context"}}"#,
        );
        assert_eq!(error.kind(), ErrorKind::RateLimit, "{}", dialect.id());
    }
}

/// When to try again, in every way that providers say it.
#[test]
fn the_time_to_wait_is_kept() {
    let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
    for dialect in speakers() {
        for (headers, milliseconds) in [
            (vec![("retry-after", "2")], Some(2000)),
            (vec![("retry-after", "0.5")], Some(500)),
            (vec![("retry-after-ms", "1500")], Some(1500)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT")], Some(30_000)),
            (vec![("retry-after", "tomorrow")], None),
            (vec![], None),
        ] {
            let error = refused(dialect, 429, &headers, r#"{"error":{"message":"Slow down."}}"#);
            let found = error.retry_after().map(|delay| delay.as_millis());
            assert_eq!(found, milliseconds, "{}: {headers:?}", dialect.id());
        }
    }
}

/// An error event in the middle of a stream, and the kind it is of.
fn failures() -> Vec<(&'static str, String, ErrorKind)> {
    let openai = |code: &str, kind| {
        let event = format!(
            "data: {{\"error\":{{\"message\":\"{SAID}\",\"type\":\"server_error\",\"code\":{code}}}}}\n\n"
        );
        ("openai", event, kind)
    };
    let anthropic = |type_: &str, kind| {
        let event = format!(
            "event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"{type_}\",\"message\":\"{SAID}\"}}}}\n\n"
        );
        ("anthropic", event, kind)
    };
    let gemini = |code: u16, kind| {
        (
            "gemini",
            format!(
                "data: {{\"error\":{{\"code\":{code},\"message\":\"{SAID}\",\"status\":\"X\"}}}}\r\n\r\n"
            ),
            kind,
        )
    };
    vec![
        openai("null", ErrorKind::Internal),
        openai("429", ErrorKind::RateLimit),
        openai("\"502\"", ErrorKind::BadGateway),
        ("openai", format!("data: {{\"error\":\"{SAID}\"}}\n\n"), ErrorKind::Internal),
        (
            "openai",
            format!("event: error\ndata: {{\"message\":\"{SAID}\",\"code\":503}}\n\n"),
            ErrorKind::ServiceUnavailable,
        ),
        anthropic("overloaded_error", ErrorKind::ServiceUnavailable),
        anthropic("api_error", ErrorKind::Internal),
        anthropic("rate_limit_error", ErrorKind::RateLimit),
        anthropic("invalid_request_error", ErrorKind::BadRequest),
        anthropic("brand_new_error", ErrorKind::Internal),
        gemini(429, ErrorKind::RateLimit),
        gemini(503, ErrorKind::ServiceUnavailable),
        gemini(500, ErrorKind::Internal),
        ("ollama", format!("{{\"error\":\"{SAID}\"}}\n"), ErrorKind::Internal),
        (
            "cohere",
            format!(
                "data: {{\"type\":\"message-end\",\"delta\":{{\"error\":\"{SAID}\",\"finish_reason\":\"ERROR\"}}}}\n\n"
            ),
            ErrorKind::Internal,
        ),
    ]
}

/// A stream's first words.
fn words(id: &str) -> &'static str {
    match id {
        "openai" => {
            "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n"
        }
        "anthropic" => concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        ),
        "gemini" => {
            "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Hel\"}]},\"index\":0}]}\r\n\r\n"
        }
        "ollama" => {
            "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n"
        }
        _ => {
            "data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hel\"}}}}\n\n"
        }
    }
}

#[test]
fn a_failure_in_a_stream_has_its_kind_and_is_told_in_the_clients_protocol() {
    for (id, event, kind) in failures() {
        for (to, body) in [("openai", CHAT), ("anthropic", MESSAGES)] {
            let place = format!("{id} to {to}: {event}");
            let dialect = match id {
                // Its chat is a dialect of its own name.
                "ollama" => speakers().find(|dialect| dialect.id() == "ollama_chat").unwrap_or(dialect(id)),
                _ => dialect(id),
            };
            let call = sample::call(surface(to), Operation::Chat, body).unwrap();
            let (target, media) = (target(dialect), Media::default());
            let attempt = Attempt { call: &call, target: &target, media: &media };
            let encoded = transcode::prepare(&attempt, call.received).unwrap();
            // A relay knows an error by its `error` member.
            let unnamed = encoded.relay && !event.contains("\"error\"");
            if unnamed || encoded.request.uri().path().ends_with("/responses") {
                continue;
            }
            let head = sample::head(200, "text/event-stream");
            // Before any content it is an error that another target may answer.
            let mut stream = transcode::Stream::new(&attempt, &encoded, &head);
            let refused = stream.push(event.clone().into()).and_then(|_| stream.finish());
            let error = refused.expect_err(&place);
            assert_eq!(error.kind(), kind, "{place}");
            assert!(error.message().contains(SAID), "{place}: {error}");
            // After it, the client is told once, and the stream is over.
            let mut stream = transcode::Stream::new(&attempt, &encoded, &head);
            let mut out = stream.push(words(id).into()).unwrap().to_vec();
            assert!(String::from_utf8_lossy(&out).contains("Hel"), "{place}");
            match stream.push(event.clone().into()) {
                Ok(bytes) => out.extend_from_slice(&bytes),
                Err(error) => out.extend_from_slice(&stream.fail(&error)),
            }
            if !stream.ended() {
                match stream.finish() {
                    Ok(bytes) => out.extend_from_slice(&bytes),
                    Err(error) => out.extend_from_slice(&stream.fail(&error)),
                }
            }
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches(SAID).count(), 1, "{place}: {text}");
            assert_eq!(stream.report().error.map(|error| error.kind()), Some(kind), "{place}");
            assert!(!text.contains("message_stop") && !text.contains("[DONE]"), "{place}: {text}");
        }
    }
}
