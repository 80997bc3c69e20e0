//! What clients of embeddings may count on, whatever the provider: base64, token ids, `dimensions`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{collections::BTreeSet, path::Path, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use lockgate_core::{Attempt, ErrorKind, Media, ModelFacts, Operation, Surface, Target, embedding};
use lockgate_registry::{Registry, surfaces};
use lockgate_testkit::sample;
use lockgate_tests::golden::{Filter, Runner, load};
use serde_json::{Value, json};

/// Dialects whose answers nobody has recorded; their vectors take the same way out.
const UNRECORDED: [&str; 10] = [
    "azure",
    "demo",
    "gigachat",
    "github_copilot",
    "ollama_chat",
    "watsonx_text",
    "huggingface",
    "oci",
    "sagemaker",
    "sap",
];

fn openai() -> &'static dyn Surface {
    surfaces().iter().copied().find(|surface| surface.id() == "openai").unwrap()
}

/// A model of every provider that offers embeddings.
fn targets() -> Vec<Target> {
    let registry = Registry::builtin().unwrap();
    let providers = registry.providers().filter(|provider| provider.offers(Operation::Embedding));
    let target = |provider: &Arc<lockgate_core::Provider>| {
        let mut target = sample::target((**provider).clone(), "embed-model");
        target.facts = Arc::new(ModelFacts {
            decode_tokens: Some(|ids| lockgate_tokens::decode("text-embedding-3-small", ids)),
            ..ModelFacts::default()
        });
        target
    };
    providers.map(target).collect()
}

fn floats(vector: &Value) -> Option<Vec<f32>> {
    match vector {
        Value::String(text) => {
            let bytes = STANDARD.decode(text).ok()?;
            let (floats, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| floats.iter().map(|float| f32::from_le_bytes(*float)).collect())
        }
        list => list.as_array()?.iter().map(|one| one.as_f64().map(|float| float as f32)).collect(),
    }
}

/// OpenAI's SDKs ask for base64 and decode it: they get it from every provider, with the same numbers.
#[test]
fn base64_is_given_whatever_the_provider_has() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (runner, mut seen) = (Runner::new().unwrap(), BTreeSet::new());
    let registry = Registry::builtin().unwrap();
    for mut case in load(&folder, &Filter::default()).unwrap() {
        if case.surface != "embeddings" {
            continue;
        }
        case.request.insert("encoding_format".to_owned(), json!("float"));
        let (status, plain) = runner.answered(&case);
        if status != 200 {
            continue;
        }
        case.request.insert("encoding_format".to_owned(), json!("base64"));
        let (status, packed) = runner.answered(&case);
        assert_eq!(status, 200, "{}: {packed}", case.id);
        let items = |answer: &Value| answer["data"].as_array().cloned().unwrap_or_default();
        assert_eq!(items(&plain).len(), items(&packed).len(), "{}", case.id);
        for (one, two) in items(&plain).iter().zip(items(&packed)) {
            // Vectors of chunks lie deeper, in the provider's own format.
            if two["object"] == "list" {
                continue;
            }
            assert!(two["embedding"].is_string(), "{}: {packed}", case.id);
            assert_eq!(floats(&one["embedding"]), floats(&two["embedding"]), "{}", case.id);
        }
        let prefix = case.model.split('/').next().unwrap();
        seen.extend(registry.get(prefix).map(|provider| provider.dialect.id()));
    }
    let all: BTreeSet<&str> = targets().iter().map(|target| target.provider.dialect.id()).collect();
    let lacking: Vec<&&str> =
        all.iter().filter(|id| !seen.contains(**id) && !UNRECORDED.contains(id)).collect();
    assert!(lacking.is_empty(), "no recorded embeddings of {lacking:?}");
}

/// Token ids reach providers as ids or as the text that they stand for; unknown ids are the client's mistake.
#[test]
fn token_ids_reach_every_provider() {
    let mut faults = Vec::new();
    for target in targets() {
        let id = target.provider.id.clone();
        let asked = |input: &str| {
            let body = format!(r#"{{"model":"m","input":{input}}}"#);
            sample::call(openai(), Operation::Embedding, &body).unwrap()
        };
        let call = asked("[15339, 1917]");
        let dialect = target.provider.dialect_of(&call);
        let parts = embedding::parts(&call, &target).unwrap();
        if dialect.embeds_tokens(&target) {
            assert!(parts.is_empty(), "{id}");
        } else {
            let [part] = &parts[..] else { panic!("{id}: {} parts", parts.len()) };
            assert_eq!(part.call.body.raw("input"), Some(r#""hello world""#), "{id}");
            let error = embedding::parts(&asked("[4000000000]"), &target).err().expect("an error");
            assert_eq!((error.kind(), error.param()), (ErrorKind::BadRequest, Some("input")), "{id}");
        }
        let call = parts.first().map_or(&call, |part| &part.call);
        let attempt = Attempt { call, target: &target, media: &Media::default() };
        if let Some(error) = dialect.encode(&attempt).err().filter(|error| error.param() == Some("input")) {
            faults.push(format!("{id}: {}", error.message()));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// More tokens than a provider takes at once are asked for in parts, in order and each as full as can be; what cannot be
/// too much is not counted.
#[test]
fn batches_are_cut_by_tokens() {
    let registry = Registry::builtin().unwrap();
    for (provider, model, most) in [
        ("openai", "text-embedding-3-small", 300_000),
        ("vertex_ai", "text-multilingual-embedding-002", 20_000),
        ("voyage", "voyage-3-large", 120_000),
    ] {
        let mut target = sample::target((**registry.get(provider).unwrap()).clone(), model);
        let (counted, count) = (lockgate_tokens::counter(model), lockgate_tokens::count_text);
        for known in [true, false] {
            target.facts =
                Arc::new(ModelFacts { count_tokens: known.then_some(counted), ..ModelFacts::default() });
            let texts: Vec<String> =
                (0..most / 5000).map(|at| format!("{at}{}", " word".repeat(8000))).collect();
            let body = json!({"model": model, "input": texts}).to_string();
            let call = sample::call(openai(), Operation::Embedding, &body).unwrap();
            let parts = embedding::parts(&call, &target).unwrap();
            let inputs = |part: &embedding::Part| -> Vec<String> {
                serde_json::from_str(part.call.body.raw("input").unwrap()).unwrap()
            };
            assert_eq!(parts.iter().flat_map(inputs).collect::<Vec<_>>(), texts, "{provider}");
            for part in &parts {
                assert_eq!(part.inputs, Some(inputs(part).len()));
                let tokens: u64 = inputs(part).iter().map(|text| count(model, text)).sum();
                assert!(tokens <= most, "{provider}: {tokens}");
            }
            assert!((2..=4).contains(&parts.len()), "{provider}, {known}: {}", parts.len());
            assert!(embedding::is_long(&call, &target));
            let small = json!({"model": model, "input": ["a", "b"]}).to_string();
            let small = sample::call(openai(), Operation::Embedding, &small).unwrap();
            assert!(
                embedding::parts(&small, &target).unwrap().is_empty() && !embedding::is_long(&small, &target)
            );
        }
    }
}

/// A wish for shorter vectors is sent, or refused, or dropped with a word about it; never dropped in silence.
#[test]
fn dimensions_are_sent_or_refused() {
    for target in targets() {
        let body = r#"{"model":"m","input":"a","dimensions":257}"#;
        let call = sample::call(openai(), Operation::Embedding, body).unwrap();
        let attempt = Attempt { call: &call, target: &target, media: &Media::default() };
        let dialect = target.provider.dialect_of(&call);
        // What is made without a provider has the length that it has.
        if dialect.local(&call, &target).is_some() {
            continue;
        }
        match dialect.encode(&attempt) {
            Ok(encoded) => {
                let sent = String::from_utf8_lossy(&encoded.request.body().to_vec()).into_owned();
                // An address is asked for first.
                if sent.is_empty() {
                    continue;
                }
                let told = encoded.notes.dropped.iter().any(|name| name == "dimensions");
                assert!(sent.contains("257") || told, "{}: {sent}", target.provider.id);
            }
            // Others want to know a region or a project first.
            Err(error) if error.kind() == ErrorKind::UnsupportedParams => {
                assert_eq!(error.param(), Some("dimensions"), "{}", target.provider.id);
            }
            Err(_) => {}
        }
    }
}
