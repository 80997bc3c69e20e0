//! LiteLLM's price map, read entry by entry.

use std::fmt;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::{CatalogError, Entry};

/// Objects of the map that describe no model.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Reads the whole map, or nothing of it, and hands on its entries one by one, so that never all are in memory.
pub(crate) fn read(bytes: &[u8], take: impl FnMut(Entry)) -> Result<usize, CatalogError> {
    let malformed = |error: serde_json::Error| CatalogError::Malformed(error.to_string());
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let count = json.deserialize_map(Entries(take)).map_err(malformed)?;
    json.end().map_err(malformed)?;
    Ok(count)
}

struct Entries<F>(F);

impl<'de, F: FnMut(Entry)> Visitor<'de> for Entries<F> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of models")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(name) = map.next_key::<String>()? {
            let object: Map<String, Value> = map.next_value()?;
            if name.is_empty() {
                return Err(A::Error::custom("a model without a name"));
            }
            if !NO_MODELS.contains(&name.as_str()) {
                count += 1;
                (self.0)(Entry::from_litellm_json(&name, &object));
            }
        }
        Ok(count)
    }
}
