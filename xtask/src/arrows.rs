//! `cargo xtask arrows`: crates depend only on lower layers (architecture, §2).

use anyhow::{Result, ensure};

use crate::metadata::{Metadata, Package};

/// The layer of each crate. An arrow must point to a lower one; crates of one layer never see each other.
const LAYERS: &[(&str, u8)] = &[
    ("lockgate-wire", 0),
    ("lockgate-core", 1),
    ("lockgate-catalog", 2),
    ("lockgate-tokens", 2),
    ("lockgate-openai", 3),
    ("lockgate-anthropic", 3),
    ("lockgate-demo", 3),
    ("lockgate-router", 3),
    ("lockgate-responses", 3),
    ("lockgate-registry", 4),
    ("lockgate-transport", 4),
    ("lockgate-telemetry", 4),
    ("lockgate-store-file", 4),
    ("lockgate-config", 5),
    ("lockgate-client", 5),
    ("lockgate-gateway", 6),
    ("lockgate-proxy", 7),
];

/// Arrows that do not point down, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("lockgate-router", "lockgate-registry", "a deployment is built from a provider's row")];

/// Where dialect crates live: they see only these.
const DIALECTS: (&str, &[&str]) = ("crates/providers/", &["lockgate-core", "lockgate-wire"]);

/// Clouds and services that speak through other dialects: they may use dialect crates too, never the reverse.
const CLOUDS: &[&str] = &[
    "lockgate-azure",
    "lockgate-vertex",
    "lockgate-bedrock",
    "lockgate-sagemaker",
    "lockgate-databricks",
    "lockgate-gigachat",
    "lockgate-copilot",
    "lockgate-huggingface",
    "lockgate-snowflake",
    "lockgate-watsonx",
    "lockgate-voyage",
    "lockgate-chatgpt",
    "lockgate-manus",
    "lockgate-oci",
    "lockgate-polly",
    "lockgate-sap",
    "lockgate-search",
    "lockgate-textract",
];

/// Crates that see everything or belong to tests only.
const OUTSIDE: &[&str] = &["lockgate-testkit", "lockgate-tests", "lockgate-perf", "xtask"];

/// Highest layer whose crates are pure, and what would make them impure.
const PURE: (u8, &[&str]) =
    (3, &["tokio", "hyper", "hyper-util", "reqwest", "figment", "tracing-subscriber"]);

/// Outside crates that only these of ours may use directly.
const WRAPPED: &[(&str, &str)] = &[("reqwest", "lockgate-transport"), ("figment", "lockgate-config")];

/// Runs the command.
pub fn run(_: &[String]) -> Result<()> {
    let metadata = Metadata::load(false)?;
    let faults: Vec<String> = metadata.members().flat_map(faults).collect();
    for fault in &faults {
        println!("{fault}");
    }
    ensure!(faults.is_empty(), "{} wrong arrows", faults.len());
    println!("arrows: {} crates, all point down", metadata.members().count());
    Ok(())
}

fn faults(package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if OUTSIDE.contains(&name) {
        return Vec::new();
    }
    // A provider crate that is not in the table yet is a dialect.
    let dialect = package.manifest_path.contains(DIALECTS.0);
    let cloud = CLOUDS.contains(&name);
    let Some(own) = layer(name).or(dialect.then_some(3)) else {
        return vec![format!("{name}: has no layer in xtask/src/arrows.rs")];
    };
    let mut faults = Vec::new();
    for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.is_none()) {
        let other = dependency.name.as_str();
        if EXCEPTIONS.iter().any(|(from, to, _)| *from == name && *to == other) {
            continue;
        }
        // A sibling that is not in the table is a dialect as well.
        let sibling = other.starts_with("lockgate-") && !OUTSIDE.contains(&other);
        if let Some(layer) = layer(other).or(sibling.then_some(3)) {
            if cloud && layer == 3 && !CLOUDS.contains(&other) && other != "lockgate-router" {
                continue;
            }
            if layer >= own {
                faults.push(format!("{name} (layer {own}) must not depend on {other} (layer {layer})"));
            }
            if dialect && layer != own && !DIALECTS.1.contains(&other) {
                faults.push(format!("{name} is a dialect and must not depend on {other}"));
            }
        } else if OUTSIDE.contains(&other) {
            faults.push(format!("{name} may use {other} only as a dev-dependency"));
        }
        if own <= PURE.0 && PURE.1.contains(&other) {
            faults.push(format!("{name} is pure and must not depend on {other}"));
        }
        if WRAPPED.iter().any(|(crate_, wrapper)| *crate_ == other && *wrapper != name) {
            faults.push(format!("{name} must not depend on {other} directly"));
        }
    }
    faults
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &str) -> Package {
        let path =
            if layer(name).is_none() { "crates/providers/x/Cargo.toml" } else { "crates/x/Cargo.toml" };
        let list: Vec<String> = dependencies
            .split_whitespace()
            .map(|other| format!(r#"{{"name":"{other}","kind":null,"req":"*","path":null}}"#))
            .collect();
        let text = format!(
            r#"{{"id":"","name":"{name}","version":"0.1.0","license":null,"source":null,"description":null,
                "readme":null,"manifest_path":"{path}","dependencies":[{}]}}"#,
            list.join(",")
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(faults(&package("lockgate-config", "lockgate-router figment")), Vec::<String>::new());
        assert_eq!(faults(&package("lockgate-router", "lockgate-registry")), Vec::<String>::new());
        assert_eq!(faults(&package("lockgate-core", "lockgate-router")).len(), 1);
        assert_eq!(faults(&package("lockgate-catalog", "lockgate-tokens")).len(), 1);
        assert_eq!(faults(&package("lockgate-new", "lockgate-core lockgate-catalog tokio")).len(), 2);
        assert_eq!(faults(&package("lockgate-gateway", "reqwest")).len(), 1);
        assert_eq!(
            faults(&package("lockgate-vertex", "lockgate-core lockgate-gemini")),
            Vec::<String>::new()
        );
        assert_eq!(faults(&package("lockgate-gemini", "lockgate-vertex")).len(), 1);
        assert_eq!(faults(&package("lockgate-vertex", "lockgate-bedrock")).len(), 1);
        assert_eq!(faults(&package("lockgate-core", "lockgate-testkit")).len(), 1);
    }
}
