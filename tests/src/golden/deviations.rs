use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Cases where this gateway does otherwise than recorded, each with its reason.
#[derive(Clone, Debug, Default)]
pub struct Deviations(BTreeMap<String, Deviation>);

/// One of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The case.
    pub id: String,
    /// Which verdicts differ: `request`, `answer`, `cost`, comma-separated.
    pub verdict: String,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

impl Deviations {
    /// Reads `deviations.toml`.
    ///
    /// # Errors
    /// It cannot be read, is no list of deviations, or one has no reason.
    pub fn load(file: &Path) -> Result<Self> {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let mut all = BTreeMap::new();
        for deviation in toml::from_str::<File>(&text)?.deviation {
            let id = deviation.id.clone();
            ensure!(!deviation.reason.trim().is_empty(), "the deviation of {id} has no reason");
            ensure!(all.insert(id.clone(), deviation).is_none(), "{id} is listed twice");
        }
        Ok(Self(all))
    }

    /// Takes the deviation of a case off the list.
    pub fn take(&mut self, id: &str) -> Option<Deviation> {
        self.0.remove(id)
    }

    /// Those that are left.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Deviation {
    /// Whether this explains a failure of that verdict.
    pub fn explains(&self, verdict: super::Verdict) -> bool {
        self.verdict.split(',').any(|one| one.trim().eq_ignore_ascii_case(&verdict.to_string()))
    }
}
