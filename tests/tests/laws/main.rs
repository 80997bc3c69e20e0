//! The laws of `lockgate-testkit` for every dialect and surface.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod errors;
mod streams;
mod subjects;

use lockgate_core::{Attempt, Call, Event, Media, Operation, transcode};
use lockgate_testkit::{grammar, laws, sample};

use crate::subjects::{for_each, speaks, subjects, target};

#[test]
fn any_chunking_gives_the_same_events_and_they_are_well_formed() {
    for_each(|subject, attempt, encoded| {
        if !speaks(subject, attempt, encoded) {
            return;
        }
        let head = sample::head(200, "text/event-stream");
        let make = || subject.dialect.stream(attempt, encoded, &head);
        let events = laws::any_chunking_gives_the_same_events(&make, subject.stream.as_bytes());
        laws::a_good_stream_is_well_formed(&events);
        let usage = events.iter().filter(|event| matches!(event, Event::Usage(_))).count();
        assert_eq!(usage, 1, "{}: usage is lost", subject.dialect.id());
    });
}

#[test]
fn a_cut_off_stream_is_an_error() {
    for_each(|subject, attempt, encoded| {
        if !speaks(subject, attempt, encoded) {
            return;
        }
        let head = sample::head(200, "text/event-stream");
        let make = || subject.dialect.stream(attempt, encoded, &head);
        laws::a_cut_off_stream_is_an_error(&make, subject.stream.as_bytes());
    });
}

#[test]
fn relayed_bytes_are_untouched() {
    let media = Media::default();
    for subject in &subjects() {
        let (surface, body) = subject.relayed;
        let call = sample::call(surface, Operation::Chat, body).unwrap();
        let target = target(subject.dialect);
        let attempt = Attempt { call: &call, target: &target, media: &media };
        let encoded = transcode::prepare(&attempt, call.received).unwrap();
        laws::a_relayed_request_is_untouched(body.as_bytes(), &encoded, &["model"]);
        let make = || subject.dialect.probe(&encoded);
        laws::a_relayed_stream_is_untouched(&make, subject.stream.as_bytes());
        let complete = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            let end = text.rfind("[DONE]").or_else(|| text.rfind("\"finish_reason\":\"tool_calls\""));
            end.or_else(|| text.rfind("{\"type\":\"message_stop\"}")).is_some()
        };
        laws::a_cut_off_relay_is_an_error(&make, subject.stream.as_bytes(), complete);
    }
}

#[test]
fn an_unknown_event_survives_a_relay_and_does_not_break_a_translation() {
    let unknown = "event: brand_new\ndata: {\"type\":\"brand_new\",\"x\":1}\n\n";
    for_each(|subject, attempt, encoded| {
        if !speaks(subject, attempt, encoded) {
            return;
        }
        let at = subject.stream.find("\n\n").unwrap() + 2;
        let stream = format!("{}{unknown}{}", &subject.stream[..at], &subject.stream[at..]);
        if encoded.relay {
            laws::a_relayed_stream_is_untouched(&|| subject.dialect.probe(encoded), stream.as_bytes());
        }
        let head = sample::head(200, "text/event-stream");
        let make = || subject.dialect.stream(attempt, encoded, &head);
        let events = laws::decode(make(), [stream.as_bytes()]).unwrap();
        laws::a_good_stream_is_well_formed(&events);
    });
}

#[test]
fn every_refusal_is_explained() {
    for_each(|_, attempt, _| laws::every_refusal_is_explained(attempt, "The provider's own words 4711."));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for_each(|_, attempt, _| laws::encoding_is_deterministic(attempt));
}

#[test]
fn no_bytes_make_a_reader_panic() {
    for_each(|subject, attempt, encoded| {
        let head = sample::head(200, "text/event-stream");
        let decoders = || subject.dialect.stream(attempt, encoded, &head);
        let probes = || subject.dialect.probe(encoded);
        laws::garbage_never_panics(&decoders, &probes, subject.stream.as_bytes(), 300);
        laws::garbage_never_panics(&decoders, &probes, b"", 10);
    });
}

#[test]
fn the_credential_is_in_the_signed_request_and_nowhere_else() {
    for_each(|_, attempt, encoded| {
        let signed = &encoded.request.headers()["authorization"];
        assert!(signed.to_str().unwrap().contains(sample::SECRET));
        laws::no_secret(&encoded.request.headers(), "the request's headers");
        laws::no_secret(attempt.target, "the target");
        laws::no_secret(&attempt.target.provider, "the provider");
        assert!(!String::from_utf8_lossy(&encoded.request.body().to_vec()).contains(sample::SECRET));
    });
}

#[test]
fn what_the_client_did_not_set_is_not_sent_as_null() {
    for_each(|subject, attempt, encoded| {
        let body: serde_json::Value = serde_json::from_slice(&encoded.request.body().to_vec()).unwrap();
        for (key, value) in body.as_object().unwrap() {
            assert!(
                !value.is_null(),
                "{} sends {key}: null for {}",
                subject.dialect.id(),
                attempt.call.surface.id()
            );
        }
    });
}

/// Streams in both directions through the driver that the gateway uses: what a client of one surface reads from the
/// other's upstream is well-formed however the upstream's bytes are cut.
#[test]
fn translated_streams_do_not_depend_on_chunks() {
    for_each(|subject, attempt, encoded| {
        if encoded.relay || !speaks(subject, attempt, encoded) {
            return;
        }
        let head = sample::head(200, "text/event-stream");
        let run = |size: usize| {
            let mut stream = transcode::Stream::new(attempt, encoded, &head);
            let mut out = Vec::new();
            for piece in subject.stream.as_bytes().chunks(size) {
                out.extend_from_slice(&stream.push(piece.to_vec().into()).unwrap());
            }
            out.extend_from_slice(&stream.finish().unwrap());
            assert!(stream.ended());
            String::from_utf8(out).unwrap()
        };
        let whole = run(usize::MAX);
        for size in [1, 2, 3, 5, 17, 256] {
            assert_eq!(run(size), whole);
        }
        let call: &Call = attempt.call;
        let ending = grammar::check(call.surface.id(), &whole);
        assert!(ending.finished && ending.usage.is_some() && !ending.tools.is_empty(), "{whole}");
    });
}
