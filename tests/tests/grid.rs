//! Every surface over every dialect, and signed reasoning between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use bytes::Bytes;
use lockgate_core::{Attempt, Media, Operation, transcode::Stream};
use lockgate_router::Deployment;
use lockgate_testkit::laws::Dice;
use lockgate_tests::grid::{self, Client, Scene, clients};
use serde_json::{Value, json};

/// The signatures in the canned answers of the formats that have any.
const SIGNATURES: [(&str, &str); 3] = [
    ("anthropic.messages", "EqAB+/x="),
    ("gemini.generate_content", "CqAB+/x="),
    ("openai.responses", "gAAA+/="),
];

#[test]
fn nothing_is_lost_between_any_surface_and_any_dialect() {
    let (text, holes) = grid::print(&grid::table());
    assert_eq!(holes, 0, "\n{text}");
}

#[test]
fn a_loss_would_be_noticed() {
    let lines = grid::table();
    assert!(lines.len() >= 40, "the table is whole");
    let request: lockgate_core::hub::ChatRequest = serde_json::from_str(
        r#"{"messages":[{"role":"tool","content":"{\"result\":\"sunny\"}"}],"max_tokens":5}"#,
    )
    .unwrap();
    assert_eq!(grid::of_request(&request), ["result: sunny", "limit: 5"]);
}

/// A request that leads to calls of tools, with reasoning.
fn opening(client: &Client) -> Value {
    let mut body = client.request(Scene::Tools).unwrap();
    let object = body.as_object_mut().unwrap();
    object.remove("tool_choice");
    object.remove("toolConfig");
    match client.surface {
        "anthropic" => {
            body["max_tokens"] = json!(4000);
            body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
        }
        "gemini" => {
            body["generationConfig"] = json!({"maxOutputTokens": 4000, "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true}});
        }
        "cohere" => body["thinking"] = json!({"type": "enabled", "token_budget": 1024}),
        _ => {
            body["max_tokens"] = json!(4000);
            body["reasoning_effort"] = json!("low");
        }
    }
    body
}

/// The signature that an upstream of the format gives in a turn; none if the format has none.
fn signature(format: &str, turn: usize) -> Option<(&'static str, String)> {
    let (_, own) = SIGNATURES.iter().find(|(name, _)| *name == format)?;
    Some((own, own.replace("+/", &format!("{turn}+/"))))
}

/// One turn: what was sent, what is reported as dropped, and the signature that came back.
fn turn(
    client: &Client,
    deployment: &Deployment,
    body: &mut Value,
    number: usize,
) -> (String, Vec<String>, Option<String>) {
    let call = grid::call(client, body, false).unwrap();
    let (encoded, sent) = grid::prepare(&call, deployment).unwrap();
    let canned = grid::canned(encoded.format.0).unwrap();
    let (answer, given) = match signature(encoded.format.0, number) {
        Some((own, new)) => (canned.bytes(true, false).replace(own, &new), Some(new)),
        None => (canned.bytes(true, false).to_owned(), None),
    };
    let written = grid::answer(&call, deployment, &encoded, &answer).unwrap();
    client.continue_with(body, &serde_json::from_str(&written).unwrap());
    (sent, encoded.notes.dropped, given)
}

/// Cohere's format has no place for signatures but the id of a call, in which Gemini's travel.
fn carries(client: &Client, format: &str) -> bool {
    client.surface != "cohere" || format == "gemini.generate_content"
}

#[test]
fn signed_reasoning_survives_six_turns() {
    let mut pairs = 0;
    for client in clients() {
        for (target, deployment) in grid::deployments() {
            let mut body = opening(client);
            let call = grid::call(client, &body, false).unwrap();
            let format = grid::prepare(&call, &deployment).unwrap().0.format;
            if grid::canned(format.0).is_none()
                || signature(format.0, 0).is_none()
                || !carries(client, format.0)
            {
                continue;
            }
            pairs += 1;
            let mut given: Vec<String> = Vec::new();
            for number in 0..6 {
                let (sent, dropped, new) = turn(client, &deployment, &mut body, number);
                for signature in &given {
                    let count = sent.matches(signature.as_str()).count();
                    assert_eq!(
                        count, 1,
                        "{} over {target}, turn {number}: {signature} in {sent}",
                        client.surface
                    );
                }
                assert!(
                    !dropped.iter().any(|name| name.contains("thinking_blocks")),
                    "{} over {target}: {dropped:?}",
                    client.surface
                );
                given.extend(new);
            }
        }
    }
    assert!(pairs >= 10, "only {pairs} pairs have signatures");
}

#[test]
fn a_signature_of_another_s_is_stripped_and_that_is_said() {
    for client in clients() {
        for issuer in ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"] {
            let deployments = grid::deployments();
            let from = &deployments.iter().find(|(name, _)| *name == issuer).unwrap().1;
            let mut body = opening(client);
            let (_, _, given) = turn(client, from, &mut body, 3);
            let given = given.unwrap();
            let family = if issuer.starts_with("gemini") {
                ["gemini/", "vertex_ai/"]
            } else {
                ["anthropic/", "bedrock/"]
            };
            for (target, deployment) in &deployments {
                // Behind Databricks may be a Claude that signed it.
                if target.starts_with("databricks")
                    || family.iter().any(|prefix| target.starts_with(prefix))
                    || (client.surface == "cohere" && issuer.starts_with("anthropic"))
                {
                    continue;
                }
                let call = grid::call(client, &body, false).unwrap();
                let (encoded, sent) = grid::prepare(&call, deployment).unwrap();
                let case = format!("{} from {issuer} to {target}", client.surface);
                assert!(!sent.contains(&given), "{case}: {sent}");
                assert!(!sent.contains("bG9ja2dhdGU6"), "{case}: {sent}");
                assert!(!encoded.notes.dropped.is_empty(), "{case}: nothing is said; {sent}");
            }
        }
    }
}

/// What the client gets of these pieces of an upstream's stream; what broke it off is told in its protocol.
fn streamed(client: &Client, deployment: &Deployment, pieces: &[&[u8]]) -> String {
    let call = grid::call(client, &client.request(Scene::Tools).unwrap(), true).unwrap();
    let media = Media::default();
    let attempt = Attempt { call: &call, target: &deployment.target, media: &media };
    let (encoded, _) = grid::prepare(&call, deployment).unwrap();
    let mut stream = Stream::new(&attempt, &encoded, &grid::head(200, "text/event-stream"));
    let mut out = Vec::new();
    let mut end = |given: lockgate_core::Result<Bytes>, stream: &mut Stream| match given {
        Ok(bytes) => {
            out.extend_from_slice(&bytes);
            true
        }
        Err(error) => {
            out.extend_from_slice(&stream.fail(&error));
            false
        }
    };
    let whole = pieces.iter().all(|piece| {
        let given = stream.push(Bytes::copy_from_slice(piece));
        end(given, &mut stream)
    });
    if whole {
        let given = stream.finish();
        end(given, &mut stream);
    }
    assert!(stream.ended(), "the client is left without an end");
    String::from_utf8_lossy(&out).into_owned()
}

/// Each pair that has a canned stream.
fn each_stream(mut test: impl FnMut(&Client, &Deployment, &str)) {
    for client in clients() {
        for (target, deployment) in &grid::deployments() {
            let call = grid::call(client, &client.request(Scene::Tools).unwrap(), true).unwrap();
            let format = grid::prepare(&call, deployment).unwrap().0.format;
            let Some(canned) = grid::canned(format.0).filter(|_| !target.starts_with("bedrock")) else {
                continue;
            };
            test(client, deployment, canned.bytes(true, true));
        }
    }
}

#[test]
fn streams_do_not_depend_on_how_the_bytes_are_cut() {
    each_stream(|client, deployment, stream| {
        let whole = streamed(client, deployment, &[stream.as_bytes()]);
        for size in [1, 2, 7, 64] {
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            assert_eq!(
                streamed(client, deployment, &pieces),
                whole,
                "{} in pieces of {size}",
                client.surface
            );
        }
    });
}

#[test]
fn a_cut_stream_is_told_in_the_client_s_protocol() {
    let deployments = grid::deployments();
    each_stream(|client, deployment, stream| {
        for part in [3, 5, 7] {
            let cut = stream.len() * part / 10;
            let told = streamed(client, deployment, &[&stream.as_bytes()[..cut]]);
            let call = grid::call(client, &client.request(Scene::Tools).unwrap(), true).unwrap();
            let read = grid::read(client, &deployments, &call, &told);
            assert!(read.is_err(), "{} reads {read:?} in a cut stream: {told}", client.surface);
        }
    });
}

#[test]
fn no_bytes_make_a_surface_panic() {
    let mut dice = Dice::new(7);
    let deployments = grid::deployments();
    for client in clients() {
        for scene in Scene::ALL {
            let body = client.request(scene).unwrap().to_string();
            for _ in 0..60 {
                let body = Bytes::from(dice.mutate(body.as_bytes()));
                let asked = lockgate_core::surface::Asked::of(Operation::Chat).model("m");
                let Ok(call) = grid::surface(client.surface).read(asked, http::HeaderMap::new(), body) else {
                    continue;
                };
                for (_, deployment) in deployments.iter().take(4) {
                    let _ = grid::prepare(&call, deployment);
                }
            }
        }
    }
    each_stream(|client, deployment, stream| {
        for _ in 0..5 {
            let bytes = dice.mutate(stream.as_bytes());
            streamed(client, deployment, &[&bytes]);
        }
    });
}
