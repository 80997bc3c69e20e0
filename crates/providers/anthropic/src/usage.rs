//! Consumption: Anthropic's count into the hub's and back.

use lockgate_core::{Raw, Usage};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::wire::{UsageView, to_raw};

impl UsageView {
    /// Takes over what a later report says; what it leaves out stays.
    pub(crate) fn update(&mut self, later: Self) {
        fn take<T>(own: &mut Option<T>, later: Option<T>) {
            if later.is_some() {
                *own = later;
            }
        }
        take(&mut self.input_tokens, later.input_tokens);
        take(&mut self.output_tokens, later.output_tokens);
        take(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        take(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        take(&mut self.cache_creation, later.cache_creation);
        take(&mut self.output_tokens_details, later.output_tokens_details);
        take(&mut self.server_tool_use, later.server_tool_use);
        take(&mut self.service_tier, later.service_tier);
        for (key, value) in later.extra.iter() {
            if value.get() != "null" {
                self.extra.push(key, value.to_owned());
            }
        }
    }

    /// In the hub's words: the prompt's total includes what was read from and written to the cache.
    pub(crate) fn to_hub(&self) -> Usage {
        let read = self.cache_read_input_tokens;
        let write = self.cache_creation_input_tokens;
        let fresh = self.input_tokens.unwrap_or(0);
        let split = self.cache_creation.as_ref();
        Usage {
            input: fresh.saturating_add(read.unwrap_or(0)).saturating_add(write.unwrap_or(0)),
            output: self.output_tokens.unwrap_or(0),
            cache_read: read,
            cache_write: write,
            cache_write_5m: split.and_then(|split| split.ephemeral_5m_input_tokens),
            cache_write_1h: split.and_then(|split| split.ephemeral_1h_input_tokens),
            reasoning: self.output_tokens_details.as_ref().and_then(|details| details.thinking_tokens),
            web_searches: self.server_tool_use.as_ref().and_then(|tools| tools.web_search_requests),
            service_tier: self.service_tier.clone(),
            raw: Some(self.to_raw()),
            ..Usage::default()
        }
    }

    fn to_raw(&self) -> Raw {
        to_raw(self)
    }
}

/// The hub's usage as Anthropic writes it: `input_tokens` are those at the full price.
pub(crate) struct Written<'a>(pub(crate) &'a Usage);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let usage = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("input_tokens", &usage.fresh_input())?;
        map.serialize_entry("output_tokens", &usage.output)?;
        if let Some(write) = usage.cache_write {
            map.serialize_entry("cache_creation_input_tokens", &write)?;
        }
        if let Some(read) = usage.cache_read {
            map.serialize_entry("cache_read_input_tokens", &read)?;
        }
        if usage.cache_write_5m.is_some() || usage.cache_write_1h.is_some() {
            map.serialize_entry("cache_creation", &Split(usage))?;
        }
        if let Some(searches) = usage.web_searches.filter(|searches| *searches > 0) {
            map.serialize_entry("server_tool_use", &Searches { web_search_requests: searches })?;
        }
        map.end()
    }
}

struct Split<'a>(&'a Usage);

impl Serialize for Split<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("ephemeral_5m_input_tokens", &self.0.cache_write_5m.unwrap_or(0))?;
        map.serialize_entry("ephemeral_1h_input_tokens", &self.0.cache_write_1h.unwrap_or(0))?;
        map.end()
    }
}

#[derive(Serialize)]
struct Searches {
    web_search_requests: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_include_the_cache_and_come_apart_again() {
        let text = r#"{"input_tokens":21,"output_tokens":393,"cache_creation_input_tokens":100,"cache_read_input_tokens":12,"cache_creation":{"ephemeral_5m_input_tokens":60,"ephemeral_1h_input_tokens":40}}"#;
        let view: UsageView = serde_json::from_str(text).unwrap();
        let usage = view.to_hub();
        assert_eq!((usage.input, usage.fresh_input(), usage.output), (133, 21, 393));
        assert_eq!(serde_json::to_string(&Written(&usage)).unwrap(), text);
    }

    #[test]
    fn a_later_report_overrides_only_what_it_says() {
        let mut view: UsageView = serde_json::from_str(r#"{"input_tokens":5,"output_tokens":1}"#).unwrap();
        view.update(serde_json::from_str(r#"{"output_tokens":9,"input_tokens":null}"#).unwrap());
        assert_eq!((view.input_tokens, view.output_tokens), (Some(5), Some(9)));
    }
}
