//! Names, the built-in data, and users' own price maps.

use std::collections::BTreeMap;

use lockgate_catalog::{Catalog, CatalogError, Day, Terms};
use lockgate_core::{Money, Usage};
use serde_json::{Value, json};

fn found(provider: &str, model: &str) -> Option<String> {
    Catalog::builtin().entry(provider, model).map(|entry| entry.name)
}

#[test]
fn models_are_found_as_their_users_call_them() {
    for (provider, model, name) in [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "GPT-4o", "gpt-4o"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme::x1", "ft:gpt-4o-mini-2024-07-18"),
        ("openai", "gpt-4o-2099-01-01", "gpt-4o"),
        ("text-completion-openai", "gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct"),
        ("azure", "gpt-4o", "azure/gpt-4o"),
        ("azure", "eu/gpt-4o-2024-08-06", "azure/eu/gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        (
            "bedrock",
            "converse/anthropic.claude-sonnet-4-5-20250929-v1:0",
            "anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("groq", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("gemini", "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
        ("vertex_ai", "gemini-2.5-pro", "gemini-2.5-pro"),
        ("vertex_ai", "claude-sonnet-4-5@20250929", "vertex_ai/claude-sonnet-4-5@20250929"),
        ("cohere", "command-r-08-2024", "command-r-08-2024"),
        ("together_ai", "acme/llama-70b-chat", "together-ai-41.1b-80b"),
        ("litellm_proxy", "gpt-4o", "gpt-4o"),
    ] {
        assert_eq!(found(provider, model).as_deref(), Some(name), "{provider}/{model}");
    }
    assert_eq!(found("aiml", "gpt-4o"), None, "another provider's model is not this one's");
    assert_eq!(found("hosted_vllm", "my-model"), None);
}

#[test]
fn bare_names_have_a_provider() {
    let catalog = Catalog::builtin();
    for (model, provider) in [
        ("gpt-4o", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("gemini-2.5-pro", "vertex_ai"),
        ("amazon.nova-lite-v1:0", "bedrock"),
        ("command-r-08-2024", "cohere_chat"),
        ("gpt-99", "openai"),
    ] {
        assert_eq!(catalog.provider_of(model).as_deref(), Some(provider), "{model}");
    }
    assert_eq!(catalog.provider_of("my-model"), None);
}

#[test]
fn every_built_in_entry_can_be_found_and_survives_the_way_through_json() {
    let catalog = Catalog::builtin();
    let mut map = serde_json::Map::new();
    let names: Vec<_> = catalog.names().collect();
    assert!(names.len() > 4200 && names.len() == catalog.len());
    for name in names {
        let entry = catalog.find(name);
        assert_eq!(entry.as_ref().map(|entry| entry.name.as_str()), Some(name));
        map.insert(name.to_owned(), entry.map_or(Value::Null, |entry| entry.to_litellm_json()));
    }
    let read = Catalog::from_litellm_json(Value::Object(map).to_string().as_bytes()).unwrap_or_default();
    assert_eq!(read.len(), catalog.len());
    for name in catalog.names() {
        assert_eq!(read.find(name), catalog.find(name), "{name}");
    }
    assert_eq!(read.version(), catalog.version());
}

#[test]
fn facts_say_what_a_model_can_do() {
    let catalog = Catalog::builtin();
    let facts = catalog.facts("openai", "gpt-5");
    assert!(facts.known && facts.supports("reasoning") && facts.supports("function_calling"));
    assert_eq!((facts.max_input, facts.mode.as_deref()), (Some(272_000), Some("chat")));
    assert!(facts.lacks.contains("audio_output") || !facts.supports("audio_output"));
    assert!(!catalog.facts("openai", "gpt-99").known);
}

#[test]
fn a_broken_or_shrunken_price_map_is_rejected_as_a_whole() {
    let rejected = |text: &str| Catalog::from_litellm_json(text.as_bytes());
    assert!(matches!(rejected("{\"a\": {\"mode\": \"chat\"}"), Err(CatalogError::Malformed(_))));
    assert!(matches!(rejected("{\"a\": 1}"), Err(CatalogError::Malformed(_))));
    assert!(matches!(rejected("[]"), Err(CatalogError::Malformed(_))));
    assert!(matches!(rejected("{}"), Err(CatalogError::Shrunk { found: 0, .. })));
    assert!(Catalog::from_litellm_json_of(b"{\"a\": {\"mode\": \"chat\"}}", 1).is_ok());
}

#[test]
fn own_entries_lie_over_the_list_field_by_field() {
    let own = |value: Value| value.as_object().cloned().unwrap_or_default();
    let builtin = Catalog::builtin();
    let catalog = builtin.overlay(&BTreeMap::from([
        ("gpt-4o".to_owned(), own(json!({"input_cost_per_token": 1e-6}))),
        ("acme/llm".to_owned(), own(json!({"input_cost_per_token": 5e-6, "litellm_provider": "acme"}))),
    ]));
    let usage = Usage { input: 1000, output: 100, ..Usage::default() };
    let total = |provider: &str, model: &str| {
        catalog.pricing(provider, model, &usage, &Terms::default()).cost().map(|cost| cost.total)
    };
    assert_eq!(total("openai", "gpt-4o"), Some(Money::from_dollars(0.001 + 0.001)));
    assert_eq!(catalog.find("gpt-4o").and_then(|entry| entry.max_input), Some(128_000));
    assert!(catalog.entry("acme", "llm").is_some() && builtin.entry("acme", "llm").is_none());
    assert_eq!(catalog.len(), builtin.len() + 1);
    assert_eq!(catalog.names().count(), catalog.len());
    assert_ne!(catalog.version(), builtin.version());
}

#[test]
fn an_import_keeps_the_old_prices_for_the_days_before() {
    let old = json!({"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 1e-6}});
    let new = json!({"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2e-6}});
    let catalog = Catalog::from_litellm_json_of(old.to_string().as_bytes(), 1).unwrap_or_default();
    let text = catalog.import(new.to_string().as_bytes(), Day::parse("2027-01-01"));
    let models = text.map(|text| text.models).unwrap_or_default();
    assert!(
        models.contains("=1000000\t>2027-01-01\t") && models.trim_end().ends_with("=2000000"),
        "{models}"
    );
}
