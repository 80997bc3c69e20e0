//! The laws of every dialect and surface, for this one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{DIALECT, SURFACE, chat, decoder, messages, sse, target, with};
use lockgate_anthropic::AnthropicSurface;
use lockgate_core::{Dialect, ErrorKind, Event, FinishReason, Surface};
use lockgate_testkit::{laws, sample};

const SIGNATURE: &str = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds==";

const BODY: &str = concat!(
    r#"{"model":"claude-sonnet-4-5","max_tokens":64,"temperature":0.70,"x_new":{"a":[1.0, 2]},"#,
    r#""messages":[{"role":"user","content":"hi"}],"stream":true}"#
);

fn stream() -> String {
    let events = [
        r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-x","content":[],"usage":{"input_tokens":9,"cache_read_input_tokens":3,"output_tokens":1}}}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Grüße 😀"}}"#,
        &format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"signature_delta","signature":"{SIGNATURE}"}}}}"#
        ),
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"Emw+/=="}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Let me \"see\".\n"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        r#"{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"g","input":{}}}"#,
        r#"{"type":"content_block_stop","index":4}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    sse(&events)
}

#[test]
fn streams_are_read_alike_however_they_are_cut() {
    let (target, call) =
        (target("claude-sonnet-4-5"), chat(r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#));
    with(&target, &call, |attempt, encoded| {
        let decoders = || decoder(attempt, encoded);
        let probes = || attempt.dialect().probe(encoded);
        for stream in [stream(), stream().replace('\n', "\r\n"), stream().replace("event: ", ": x\nevent:")] {
            let stream = stream.as_bytes();
            let events = laws::any_chunking_gives_the_same_events(&decoders, stream);
            laws::a_good_stream_is_well_formed(&events);
            laws::a_cut_off_stream_is_an_error(&decoders, stream);
            laws::a_relayed_stream_is_untouched(&probes, stream);
            let complete =
                |head: &[u8]| String::from_utf8_lossy(head).contains(r#"data: {"type":"message_stop"}"#);
            laws::a_cut_off_relay_is_an_error(&probes, stream, complete);
        }
        laws::garbage_never_panics(&decoders, &probes, stream().as_bytes(), 1_000);
    });
}

#[test]
fn what_is_read_can_be_written_and_read_again() {
    let (target, call) = (target("claude-sonnet-4-5"), messages(BODY));
    with(&target, &call, |attempt, encoded| {
        let events = laws::decode(decoder(attempt, encoded), [stream().as_bytes()]).unwrap();
        let written = laws::encode(SURFACE.encoder(&call), &events);
        let again = laws::decode(decoder(attempt, encoded), [written.as_slice()]).unwrap();
        // The raw usage is the writer's own.
        let plain = |events: &[Event]| -> Vec<String> {
            let known = events.iter().filter(|event| !matches!(event, Event::Usage(_) | Event::Start { .. }));
            known.map(|event| format!("{event:?}")).collect()
        };
        assert_eq!(plain(&again), plain(&events));
        assert!(
            String::from_utf8(written).unwrap().contains(SIGNATURE),
            "the signature survives byte by byte"
        );
        let usage = again.iter().find_map(|event| match event {
            Event::Usage(usage) => Some((usage.input, usage.output, usage.cache_read)),
            _ => None,
        });
        assert_eq!(usage, Some((12, 20, Some(3))));
    });
}

#[test]
fn a_call_without_arguments_has_an_empty_object() {
    let (target, call) = (target("claude-sonnet-4-5"), messages(BODY));
    with(&target, &call, |attempt, encoded| {
        let events = laws::decode(decoder(attempt, encoded), [stream().as_bytes()]).unwrap();
        let arguments = |number: u32| -> String {
            let fragments = events.iter().filter_map(|event| match event {
                Event::ToolArguments { index, fragment, .. } if *index == number => Some(fragment.as_str()),
                _ => None,
            });
            fragments.collect()
        };
        assert_eq!((arguments(0).as_str(), arguments(1).as_str()), (r#"{"a":1}"#, "{}"));
        assert!(
            events.iter().any(|event| matches!(event, Event::Finish { reason: FinishReason::ToolCalls, .. }))
        );
    });
}

#[test]
fn relayed_requests_keep_their_bytes() {
    let (other, call) = (target("claude-opus-4-6"), messages(BODY));
    with(&other, &call, |attempt, encoded| {
        laws::a_relayed_request_is_untouched(BODY.as_bytes(), encoded, &["model"]);
        laws::encoding_is_deterministic(attempt);
    });
    let (same, call) = (target("claude-sonnet-4-5"), messages(BODY));
    with(&same, &call, |_, encoded| {
        assert_eq!(encoded.request.body().to_vec(), BODY.as_bytes(), "nothing to edit, nothing changed");
    });
}

#[test]
fn refusals_are_explained_and_translation_is_deterministic() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}],"stop":"x"}"#;
    let (target, call) = (target("claude-sonnet-4-5"), chat(body));
    with(&target, &call, |attempt, _| {
        laws::encoding_is_deterministic(attempt);
        laws::every_refusal_is_explained(attempt, "the provider's very words");
    });
}

#[test]
fn an_error_before_anything_else_can_be_tried_elsewhere_and_one_after_is_passed_on() {
    let error = sse(&[r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#]);
    let (target, call) = (target("claude-sonnet-4-5"), messages(BODY));
    with(&target, &call, |attempt, encoded| {
        let mut probe = attempt.dialect().probe(encoded);
        let first = probe.pass(error.clone().into_bytes().into()).unwrap_err();
        assert_eq!(first.message(), "Overloaded");

        let mut probe = attempt.dialect().probe(encoded);
        let start = stream().split_inclusive("\n\n").take(4).collect::<String>();
        probe.pass(start.into_bytes().into()).unwrap();
        assert_eq!(probe.pass(error.clone().into_bytes().into()).unwrap(), error);
        let end = probe.finish();
        assert!(end.told && end.error.is_some());
        assert_eq!(probe.chunks(), 1);
        assert_eq!(probe.usage().map(|usage| usage.input), Some(12));
    });
}

#[test]
fn unknown_events_survive_and_known_ones_that_are_broken_are_errors() {
    let (target, call) = (target("claude-sonnet-4-5"), messages(BODY));
    with(&target, &call, |attempt, encoded| {
        let mut events = Vec::new();
        let mut fresh = decoder(attempt, encoded);
        fresh.feed(b"event: brand_new\ndata: [1, 2]\n\nevent: other\ndata: {\"type\":\"other\",\"index\":\"x\"}\n\n", &mut events).unwrap();
        let names: Vec<_> = events
            .iter()
            .map(|event| match event {
                Event::Other { name, data } => (name.as_str(), data.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, [("brand_new", "[1, 2]"), ("other", r#"{"type":"other","index":"x"}"#)]);
        let broken = b"event: content_block_delta\ndata: {\"type\":\"content_bl\n\n";
        assert!(fresh.feed(broken, &mut events).is_err());
    });
    assert_eq!(DIALECT_ID, lockgate_core::Dialect::id(&DIALECT));
}

const DIALECT_ID: &str = "anthropic";

#[test]
fn the_surface_explains_errors_in_its_own_envelope() {
    let error = lockgate_core::Error::new(
        lockgate_core::ErrorKind::RateLimit,
        lockgate_core::Origin::Upstream,
        "Slow \"down\"",
    )
    .with_type("requests")
    .with_retry_after(std::time::Duration::from_millis(1500));
    let response = AnthropicSurface.error(&error);
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(
        String::from_utf8(response.into_body().to_vec()).unwrap(),
        r#"{"type":"error","error":{"type":"rate_limit_error","message":"Slow \"down\""}}"#
    );
}

#[test]
fn an_error_or_nothing_at_all_is_no_answer_whatever_its_status() {
    let head = sample::head(200, "application/json");
    let (target, call) = (target("claude-sonnet-4-5"), chat(BODY));
    with(&target, &call, |attempt, encoded| {
        let read = |answer: &'static str| Dialect::decode(&DIALECT, attempt, encoded, &head, answer.into());
        let refused = read(r#"{"error":{"type":"rate_limit_error","message":"slow down"}}"#).unwrap_err();
        assert_eq!((refused.kind(), refused.message()), (ErrorKind::RateLimit, "slow down"));
        assert_eq!(read("{}").unwrap_err().kind(), ErrorKind::InvalidResponse);
        assert!(read(r#"{"content":[],"stop_reason":null,"error":null}"#).is_ok());
        assert!(read(r#"{"content":null,"stop_reason":"end_turn"}"#).is_ok());
    });
}
