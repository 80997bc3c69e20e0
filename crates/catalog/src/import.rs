//! LiteLLM's price map, read entry by entry.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::{CatalogError, Entry};

/// Objects of the map that describe no model.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Reads the whole map, or nothing of it.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Entry>, CatalogError> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let entries =
        json.deserialize_map(Entries).map_err(|error| CatalogError::Malformed(error.to_string()))?;
    json.end().map_err(|error| CatalogError::Malformed(error.to_string()))?;
    Ok(entries)
}

/// Collects entries one by one, so that the map as a whole is never in memory as a tree.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let object: Map<String, Value> = map.next_value()?;
            if NO_MODELS.contains(&name.as_str()) {
                continue;
            }
            if name.is_empty() {
                return Err(A::Error::custom("a model without a name"));
            }
            entries.push(Entry::from_litellm_json(&name, &object));
        }
        Ok(entries)
    }
}
