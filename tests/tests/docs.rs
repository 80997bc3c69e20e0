//! The generated pages of `docs/` say what the declarations say. With `LOCKGATE_WRITE_DOCS=1` (`cargo xtask docs`) the
//! pages are written instead of compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use lockgate_core::{AuthScheme, Provider};
use lockgate_registry::Registry;

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
    let count = registry.providers().count();
    let _ = writeln!(text, "{count} providers.\n");
    text.push_str("| prefix | provider | key | address | speaks | operations |\n|---|---|---|---|---|---|\n");
    for provider in registry.providers() {
        row(&mut text, provider);
    }
    text
}

fn row(text: &mut String, provider: &Provider) {
    let code = |names: &[String]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let mut key = code(&provider.auth.env);
    if provider.auth.scheme == AuthScheme::None {
        key = "none".to_owned();
    } else if provider.auth.optional {
        key.push_str(if key.is_empty() { "optional" } else { " (optional)" });
    }
    let address = match (&provider.base_url, provider.base_env.is_empty()) {
        (Some(url), true) => url.clone(),
        (Some(url), false) => format!("{url} or {}", code(&provider.base_env)),
        (None, true) => "`api_base`".to_owned(),
        (None, false) => format!("`api_base` or {}", code(&provider.base_env)),
    };
    let mut dialects = BTreeSet::from([provider.dialect.id()]);
    dialects.extend(provider.alternates.iter().map(|alternate| alternate.dialect.id()));
    let dialects = dialects.into_iter().collect::<Vec<_>>().join(", ");
    let operations: Vec<String> = provider.operations.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "| `{}` | {} | {key} | {address} | {dialects} | {} |",
        provider.id,
        provider.title,
        operations.join(", ")
    );
}
