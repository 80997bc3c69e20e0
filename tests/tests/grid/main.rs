//! Every surface over every dialect, and signed reasoning between them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod histories;
mod streams;

use bytes::Bytes;
use lockgate_core::Operation;
use lockgate_testkit::{grammar, laws::Dice};
use lockgate_tests::grid::{self, Client, Said, Scene, Script, Site, Upstream, clients};
use serde_json::Value;

#[test]
fn nothing_is_lost_between_any_surface_and_any_dialect() {
    let lines = grid::table();
    assert!(lines.len() >= 250, "the table is whole");
    let (text, holes) = grid::print(&lines);
    assert_eq!(holes, 0, "\n{text}");
}

#[test]
fn a_loss_would_be_noticed() {
    let request: lockgate_core::hub::ChatRequest = serde_json::from_str(
        r#"{"messages":[{"role":"tool","content":"{\"result\":\"sunny\"}"}],"max_tokens":5}"#,
    )
    .unwrap();
    assert_eq!(grid::of_request(&request), ["result: sunny", "limit: 5"]);
}

/// The signature that an upstream gives in a turn; none if it has none.
fn signature(upstream: &Upstream, turn: usize) -> Option<String> {
    Some(upstream.words.signs?.replace("+/", &format!("{turn}+/")))
}

/// One turn: what was sent, what is reported as dropped, and the signature that came back.
fn turn(
    client: &Client,
    site: &Site,
    body: &mut Value,
    number: usize,
    streamed: bool,
) -> (String, Vec<String>, Option<String>) {
    let call = grid::call(client, body, streamed).unwrap();
    let (encoded, sent) = grid::prepare(&call, &site.deployment).unwrap();
    let upstream = site.upstream(encoded.format.0).unwrap();
    let given = signature(upstream, number);
    let mut said = Said { signature: given.clone(), ..Said::usual(true) };
    said.calls.iter_mut().for_each(|call| call.id += &format!("_{number}"));
    let answer = if streamed {
        let stream = site.framed(encoded.format.0, &upstream.frames(&said, &Script::default()));
        let (bytes, failed) = grid::stream(&call, site, &encoded, &[&stream]);
        assert!(failed.is_none(), "{failed:?}");
        grammar::check(client.surface, &bytes).answer
    } else {
        let written = grid::answer(&call, site, &encoded, &upstream.whole(&said)).unwrap();
        serde_json::from_slice(&written).unwrap()
    };
    client.continue_with(body, &answer);
    (sent, encoded.notes.dropped, given)
}

/// Cohere's format has no place for signatures but the id of a call, in which Gemini's travel.
fn carries(client: &Client, upstream: &Upstream) -> bool {
    client.surface != "cohere" || upstream.name == "gemini.generate_content"
}

#[test]
fn signed_reasoning_survives_six_turns() {
    let mut pairs = 0;
    for client in clients() {
        for site in &grid::sites() {
            for streamed in [false, true] {
                let mut body = client.request(Scene::Thoughts);
                let call = grid::call(client, &body, streamed).unwrap();
                let format = grid::prepare(&call, &site.deployment).unwrap().0.format;
                let upstream = site.upstream(format.0).unwrap();
                if signature(upstream, 0).is_none() || !carries(client, upstream) {
                    continue;
                }
                pairs += 1;
                let mut given: Vec<String> = Vec::new();
                for number in 0..6 {
                    let (sent, dropped, new) = turn(client, site, &mut body, number, streamed);
                    let place =
                        || format!("{} over {}, turn {number}, {streamed}", client.surface, site.name);
                    for signature in &given {
                        let count = sent.matches(signature.as_str()).count();
                        assert_eq!(count, 1, "{}: {signature} in {sent}", place());
                    }
                    let lost = dropped.iter().any(|name| name.contains("thinking_blocks"));
                    assert!(!lost, "{}: {dropped:?}", place());
                    given.extend(new);
                }
            }
        }
    }
    assert!(pairs >= 100, "only {pairs} pairs have signatures");
}

#[test]
fn a_signature_of_another_s_is_stripped_and_that_is_said() {
    for client in clients() {
        for issuer in ["anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"] {
            let sites = grid::sites();
            let from = sites.iter().find(|site| site.name == issuer).unwrap();
            let mut body = client.request(Scene::Thoughts);
            let (_, _, given) = turn(client, from, &mut body, 3, false);
            let given = given.unwrap();
            let family = if issuer.starts_with("gemini") {
                &["gemini/", "vertex_ai/gemini"][..]
            } else {
                &[
                    "anthropic/",
                    "bedrock/",
                    "vertex_ai/claude",
                    "azure_ai/claude",
                    "databricks/databricks-claude",
                ]
            };
            for site in &sites {
                let target = site.name;
                // Behind a router may be whoever signed it; DeepSeek's own Messages take blocks as they are.
                if target.starts_with("openrouter/")
                    || target.starts_with("deepseek/")
                    || family.iter().any(|prefix| target.starts_with(prefix))
                    || (client.surface == "cohere" && issuer.starts_with("anthropic"))
                {
                    continue;
                }
                let call = grid::call(client, &body, false).unwrap();
                let (encoded, sent) = grid::prepare(&call, &site.deployment).unwrap();
                let case = format!("{} from {issuer} to {target}", client.surface);
                assert!(!sent.contains(&given), "{case}: {sent}");
                assert!(!sent.contains("bG9ja2dhdGU6"), "{case}: {sent}");
                assert!(!encoded.notes.dropped.is_empty(), "{case}: nothing is said; {sent}");
            }
        }
    }
}

#[test]
fn no_bytes_make_a_surface_panic() {
    let mut dice = Dice::new(7);
    let sites = grid::sites();
    for client in clients() {
        for scene in Scene::ALL {
            let body = client.request(scene).to_string();
            for _ in 0..40 {
                let body = Bytes::from(dice.mutate(body.as_bytes()));
                let asked = lockgate_core::surface::Asked::of(Operation::Chat).model("m");
                let Ok(call) = grid::surface(client.surface).read(asked, http::HeaderMap::new(), body) else {
                    continue;
                };
                for _ in 0..4 {
                    let _ = grid::prepare(&call, &sites[dice.below(sites.len())].deployment);
                }
            }
        }
        for site in &sites {
            let call = grid::call(client, &client.request(Scene::Text), true).unwrap();
            let (encoded, _) = grid::prepare(&call, &site.deployment).unwrap();
            let upstream = site.upstream(encoded.format.0).unwrap();
            let said = Said { calls: Vec::new(), ..Said::usual(upstream.words.calls) };
            let stream = site.framed(encoded.format.0, &upstream.frames(&said, &Script::default()));
            for _ in 0..5 {
                grid::stream(&call, site, &encoded, &[&dice.mutate(&stream)]);
            }
        }
    }
}
