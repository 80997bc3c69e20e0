//! Every provider of LiteLLM has its row, or there is a reason why not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use std::collections::BTreeMap;

use lockgate_core::Operation;
use lockgate_registry::Registry;

const NAMES: &str = include_str!("../data/litellm.txt");
const EXCLUDED: &str = include_str!("../data/excluded.toml");

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Excluded {
    providers: BTreeMap<String, String>,
    operations: BTreeMap<String, String>,
}

/// Names with what is offered under them.
fn names() -> impl Iterator<Item = (&'static str, Vec<Operation>)> {
    NAMES.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, operations) = line.split_once(": ").unwrap_or((line, ""));
        let operation = |word| Operation::from_name(word).unwrap_or_else(|| panic!("{name}: {word}"));
        (name, operations.split_whitespace().map(operation).collect())
    })
}

#[test]
fn every_provider_has_its_row_or_a_reason() {
    let (registry, excluded): (_, Excluded) =
        (Registry::builtin().unwrap(), toml::from_str(EXCLUDED).unwrap());
    let mut missing = Vec::new();
    for (name, operations) in names() {
        let Some(provider) = registry.get(name) else {
            if !excluded.providers.contains_key(name) {
                missing.push(name.to_owned());
            }
            continue;
        };
        let lacking = operations.into_iter().filter(|operation| !provider.offers(*operation));
        let lacking = lacking.map(|operation| format!("{name} {operation}"));
        missing.extend(lacking.filter(|pair| !excluded.operations.contains_key(pair)));
    }
    assert!(missing.is_empty(), "neither a row nor a reason: {missing:#?}");
}

#[test]
fn reasons_are_of_what_is_really_missing() {
    let (registry, excluded): (_, Excluded) =
        (Registry::builtin().unwrap(), toml::from_str(EXCLUDED).unwrap());
    let known: BTreeMap<_, _> = names().collect();
    for (name, reason) in &excluded.providers {
        assert!(known.contains_key(name.as_str()) && registry.get(name).is_none(), "{name} needs no reason");
        assert!(reason.ends_with('.'), "{name}: {reason}");
    }
    for (pair, reason) in &excluded.operations {
        let (name, word) = pair.split_once(' ').unwrap();
        let operation = Operation::from_name(word).unwrap();
        let offered = registry.get(name).unwrap().offers(operation);
        assert!(known[name].contains(&operation) && !offered, "{pair} needs no reason");
        assert!(reason.ends_with('.'), "{pair}: {reason}");
    }
}
