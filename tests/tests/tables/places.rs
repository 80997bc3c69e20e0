//! Where providers are, where their keys come from, and whose names are.

use std::collections::{BTreeMap, BTreeSet};

use lockgate_core::{AuthScheme, Operation, Provider};
use lockgate_registry::Registry;
use lockgate_tests::golden::{Runner, Verdict};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{NOWHERE, case, case_in, deployment, deviations, table, token};

#[derive(Deserialize)]
struct Address {
    surface: String,
    model: String,
    method: String,
    url: String,
    query: Map<String, Value>,
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Place {
    provider: Option<String>,
    model: Option<String>,
    api_base: Option<String>,
}

/// A plain request of the surface.
fn plain(surface: &str) -> Value {
    let messages = json!([{"role": "user", "content": "What is the capital of France?"}]);
    match surface {
        "chat" => json!({"messages": messages}),
        "messages" => json!({"messages": messages, "max_tokens": 64}),
        "responses" => json!({"input": "What is the capital of France?"}),
        "embeddings" => json!({"input": ["The food was delicious."]}),
        "rerank" => json!({"query": "x", "documents": ["y"], "top_n": 1}),
        "audio_speech" => json!({"input": "Hello", "voice": "alloy"}),
        "audio_transcription" => {
            json!({"file": {"$file": {"name": "a.wav", "base64": "UklGRg==", "content_type": "audio/wav"}}})
        }
        "images" => json!({"prompt": "A cat"}),
        "search" => json!({"query": "x"}),
        other => panic!("{other}"),
    }
}

/// The deployment of a row of addresses: without an address of its own.
fn unplaced(row: &str, address: &Address) -> Map<String, Value> {
    let mut params = deployment(&address.model);
    let key = ["authorization", "x-api-key", "x-goog-api-key", "xi-api-key", "x-subscription-token"]
        .iter()
        .find_map(|name| address.headers.get(*name)?.rsplit(' ').next());
    match row.split_once('.') {
        Some(("vertex_ai" | "vertex_ai_claude", place)) if params.contains_key("vertex_location") => {
            params.insert("vertex_location".to_owned(), place.into());
        }
        Some(("bedrock_eu", _)) => {
            params.insert("aws_region_name".to_owned(), "eu-central-1".into());
        }
        _ => {}
    }
    if address.model.starts_with("snowflake/") {
        return json!({"api_key": "pat/k", "account_id": "AAAA-BBBB"}).as_object().unwrap().clone();
    }
    match key {
        Some(key) if params.contains_key("api_key") => drop(params.insert("api_key".to_owned(), key.into())),
        None => drop(params.remove("api_key")),
        _ => {}
    }
    if let Some(engine) = row.strip_prefix("search_") {
        params.insert("search_provider".to_owned(), engine.into());
    }
    params
}

#[test]
fn providers_are_where_litellm_says_that_they_are() {
    let runner = Runner::new().unwrap();
    let mut explained: BTreeSet<String> =
        deviations().addresses.into_iter().flat_map(|other| other.rows).collect();
    let mut faults = Vec::new();
    for (row, address) in table::<Address>("default_urls.json") {
        let surface = if row.starts_with("search_") { "search" } else { &address.surface };
        let (origin, path) = match address.url.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap());
                (Some(format!("{scheme}://{host}")), path)
            }
            None => (None, address.url.as_str()),
        };
        let sent = json!({"expect": {
            "method": address.method, "path": path, "origin": origin, "headers": address.headers,
            "query": if surface == "search" { Map::new() } else { address.query.clone() },
        }});
        let steps = if row.starts_with("vertex") { json!([token(), sent]) } else { json!([sent]) };
        let main = format!("$.upstream[{}].expect", steps.as_array().unwrap().len() - 1);
        let params = unplaced(&row, &address);
        let case = case(surface, &address.model, params, &plain(surface), steps);
        let differs = |path: &str| {
            let part = path.strip_prefix(&main);
            let wanted = |part: &str| {
                ["", ".method", ".path", ".origin", ".headers"].contains(&part)
                    || part.starts_with(".headers.") && !part.ends_with("content-type")
                    || part.starts_with(".query") && surface != "search"
            };
            part.is_some_and(wanted)
        };
        let diffs = runner.judge(&case).diffs.into_iter();
        let diffs: Vec<String> = diffs
            .filter(|diff| diff.verdict == Verdict::Request && differs(&diff.path))
            .map(|diff| diff.to_string())
            .collect();
        match (diffs.is_empty(), explained.remove(&row)) {
            (true, true) => faults.push(format!("{row} holds: take it off")),
            (false, false) => faults.push(format!("{row}\n{}", diffs.join("\n"))),
            _ => {}
        }
    }
    faults.extend(explained.iter().map(|row| format!("{row}: no such row")));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn names_lead_where_litellm_says_that_they_lead() {
    let runner = Runner::new().unwrap();
    let mut explained: BTreeSet<String> =
        deviations().names.into_iter().flat_map(|other| other.rows).collect();
    let mut faults = Vec::new();
    for (row, place) in table::<Place>("model_routing.json") {
        // A name that leads nowhere there may well lead somewhere here.
        let (Some(provider), Some(model)) = (place.provider, place.model) else { continue };
        let (name, base) =
            row.split_once(" @ ").map_or((row.as_str(), None), |(name, base)| (name, Some(base)));
        let led = |base: Option<&str>| {
            let mut params = deployment(name);
            if let Some(base) = base {
                params.insert("api_base".to_owned(), base.into());
            }
            runner.leads_to(&case("chat", name, params, &plain("chat"), json!([])))
        };
        // Who has no address of their own gets one.
        let found = led(base).or_else(|error| led(Some("http://127.0.0.1:9")).map_err(|_| error));
        let right = found.as_ref().is_ok_and(|(id, own, at)| {
            let placed = place.api_base.as_ref().is_none_or(|wanted| {
                // One of the two may have more of the path.
                at.starts_with(wanted) || wanted.starts_with(at) || at == "http://127.0.0.1:9"
            });
            *id == provider && *own == model && placed
        });
        match (right, explained.remove(&row)) {
            (true, true) => faults.push(format!("{row} holds: take it off")),
            (false, false) => {
                let wanted = (provider, model, place.api_base);
                faults.push(format!("{row} leads to {found:?}, not {wanted:?}"));
            }
            _ => {}
        }
    }
    faults.extend(explained.iter().map(|row| format!("{row}: no such row")));
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

/// What a provider offers, as cases name it.
fn surface_of(provider: &Provider) -> Option<&'static str> {
    let offered = |operation| provider.offers(operation);
    let surfaces = [
        (Operation::Chat, "chat"),
        (Operation::Embedding, "embeddings"),
        (Operation::Rerank, "rerank"),
        (Operation::ImageGeneration, "images"),
        (Operation::Transcription, "audio_transcription"),
        (Operation::Speech, "audio_speech"),
    ];
    surfaces.into_iter().find(|(operation, _)| offered(*operation)).map(|(_, surface)| surface)
}

#[test]
fn keys_are_where_litellm_looks_for_them() {
    let (runner, registry) = (Runner::new().unwrap(), Registry::builtin().unwrap());
    let mut faults = Vec::new();
    let mut checks = BTreeSet::new();
    for (model, variables) in table::<Vec<String>>("env_keys.json") {
        let Some(provider) = model.split_once('/').and_then(|(prefix, _)| registry.get(prefix)) else {
            continue;
        };
        let (name, prefix) = match &provider.auth.scheme {
            AuthScheme::Bearer => ("authorization", "Bearer "),
            AuthScheme::Header { name, prefix } => (name.as_str(), prefix.as_str()),
            // Clouds know their own.
            AuthScheme::Cloud | AuthScheme::None => continue,
        };
        let Some(surface) = surface_of(provider) else { continue };
        for variable in variables.into_iter().filter(|name| !name.ends_with("_API_BASE")) {
            if !checks.insert((provider.id.clone(), variable.clone())) {
                continue;
            }
            let mut params = deployment(&model);
            params.remove("api_key");
            params.insert("api_base".to_owned(), NOWHERE.into());
            let step = json!({"expect": {
                "method": "POST", "path": "/", "headers": {name: format!("{prefix}key-of-{variable}")},
            }});
            let env = json!({variable.as_str(): format!("key-of-{variable}")});
            let case = case_in(&env, surface, &model, params, &plain(surface), json!([step]));
            let diffs = runner.judge(&case).diffs.into_iter();
            let wrong: Vec<String> = diffs
                .filter(|diff| {
                    diff.path == "$.upstream[0].expect"
                        || diff.path.starts_with("$.upstream[0].expect.headers.")
                })
                .map(|diff| diff.to_string())
                .collect();
            if !wrong.is_empty() {
                faults.push(format!("{model} {variable}\n{}", wrong.join("\n")));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    assert!(checks.len() >= 38, "only {} checks", checks.len());
}
