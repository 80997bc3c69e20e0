//! The generated pages of `docs/` say what the declarations say. With `LOCKGATE_WRITE_DOCS=1` (`cargo xtask docs`) the
//! pages are written instead of compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use lockgate_core::{AuthScheme, Provider};
use lockgate_registry::Registry;
use lockgate_tests::golden::{Filter, load};

#[test]
fn configuration_reference() {
    page("configuration.md", &lockgate_config::reference_markdown());
}

#[test]
fn providers() {
    page("providers.md", &providers_markdown(&Registry::builtin().unwrap()));
}

fn page(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("LOCKGATE_WRITE_DOCS").is_some() {
        fs::write(&file, text).unwrap();
        return;
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    let line = written.lines().zip(text.lines()).take_while(|(old, new)| old == new).count() + 1;
    assert!(written == text, "docs/{name} differs from line {line} on; run `cargo xtask docs`");
}

fn providers_markdown(registry: &Registry) -> String {
    let mut text = String::from(
        "# Providers\n\n\
         <!-- Written by `cargo xtask docs` from crates/registry/providers.toml. -->\n\n\
         A model is named `provider/model`. The key comes from `api_key` or from the first of the variables that is \
         set; the address from `api_base`, from its variables, or is the one given here. A provider that is not here \
         and speaks OpenAI's format is used as `openai_like/MODEL` with an `api_base`, or gets a row of its own in the \
         configuration.\n\n",
    );
    text.push_str(
        "How each is tested: by its *row* (address, credential, and what its dialect refuses; every row), by the *laws* \
         that hold for every stream and every refusal of its dialect, and by *cases*: calls that were recorded and are \
         compared byte by byte. Operations that have cases are in bold.\n\n",
    );
    let count = registry.providers().count();
    let _ = writeln!(text, "{count} providers.\n");
    text.push_str(
        "| prefix | provider | key | authorised by | address | speaks | operations | tested by |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    let (cases, lawful) = (operations_with_cases(registry), dialects_with_laws(registry));
    for provider in registry.providers() {
        let proven = cases.get(&*provider.id);
        row(&mut text, provider, proven, lawful.contains(provider.dialect.id()));
    }
    text
}

/// Operations of which there are recorded calls, by provider.
fn operations_with_cases(registry: &Registry) -> BTreeMap<String, BTreeSet<&'static str>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut proven: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for case in load(&folder, &Filter::default()).unwrap() {
        let operation = match case.surface.as_str() {
            "chat" | "messages" => "chat",
            "completions" => "completion",
            "embeddings" => "embedding",
            "moderations" => "moderation",
            "responses" => "responses",
            "rerank" => "rerank",
            "images" => "image_generation",
            "image_edits" => "image_edit",
            "audio_transcription" => "audio_transcription",
            "audio_speech" => "audio_speech",
            "search" => "search",
            "ocr" => "ocr",
            _ => continue,
        };
        let prefix = case.model.split_once('/').map_or(case.provider.as_str(), |(prefix, _)| prefix);
        let prefix = case.search_provider().unwrap_or(prefix);
        let provider = registry.get(prefix).or_else(|| registry.get(&case.provider));
        let id = provider.map_or_else(|| case.provider.clone(), |provider| provider.id.to_string());
        proven.entry(id).or_default().insert(operation);
    }
    proven
}

/// Dialects whose crates' tests hold them to the laws.
fn dialects_with_laws(registry: &Registry) -> BTreeSet<&'static str> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/providers");
    let texts = |folder: PathBuf| -> String {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
        files.filter(|file| file.is_file()).map(|file| fs::read_to_string(file).unwrap_or_default()).collect()
    };
    let ids: BTreeSet<&'static str> = registry.providers().map(|provider| provider.dialect.id()).collect();
    let mut lawful = BTreeSet::new();
    for folder in fs::read_dir(crates).unwrap().flatten().map(|folder| folder.path()) {
        if texts(folder.join("tests")).contains("laws::") {
            let source = texts(folder.join("src"));
            lawful.extend(ids.iter().filter(|id| source.contains(&format!("\"{id}\""))));
        }
    }
    lawful
}

fn row(text: &mut String, provider: &Provider, proven: Option<&BTreeSet<&str>>, lawful: bool) {
    let code = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut key = code(&provider.auth.env);
    if provider.auth.scheme == AuthScheme::None {
        key = "none".to_owned();
    } else if provider.auth.optional {
        key.push_str(if key.is_empty() { "optional" } else { " (optional)" });
    }
    let authorised = match &provider.auth.scheme {
        AuthScheme::Bearer => "bearer".to_owned(),
        AuthScheme::Header { name, prefix } if prefix.is_empty() => format!("`{name}`"),
        AuthScheme::Header { name, prefix } => format!("`{name}: {}`", prefix.trim()),
        AuthScheme::Cloud => "its cloud: signature, token or key".to_owned(),
        AuthScheme::None => "nothing".to_owned(),
    };
    let address = match (&provider.base_url, provider.base_env.is_empty()) {
        (Some(url), true) => url.clone(),
        (Some(url), false) => format!("{url} or {}", code(&provider.base_env)),
        (None, true) => "`api_base`".to_owned(),
        (None, false) => format!("`api_base` or {}", code(&provider.base_env)),
    };
    let mut dialects = BTreeSet::from([provider.dialect.id()]);
    dialects.extend(provider.alternates.iter().map(|alternate| alternate.dialect.id()));
    let dialects = dialects.into_iter().collect::<Vec<_>>().join(", ");
    let is_proven = |name: &str| proven.is_some_and(|proven| proven.contains(name));
    let operations = provider.operations.iter().map(|operation| match operation.name() {
        name if is_proven(name) => format!("**{name}**"),
        name => name.to_owned(),
    });
    let operations = operations.collect::<Vec<_>>().join(", ");
    let mut tested = vec!["row"];
    tested.extend(lawful.then_some("laws"));
    tested.extend(proven.map(|_| "cases"));
    let _ = writeln!(
        text,
        "| `{}` | {} | {key} | {authorised} | {address} | {dialects} | {operations} | {} |",
        provider.id,
        provider.title,
        tested.join(", ")
    );
}
