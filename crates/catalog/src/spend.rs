//! The cost of a finished answer, from its JSON.

use lockgate_core::{Money, Usage};
use serde_json::Value;

use crate::{Catalog, Measured, Pricing, Terms};

/// Reads a usage object in any of the common forms: chat completions, responses, Anthropic messages.
///
/// Anthropic counts cached tokens beside `input_tokens`, all others inside the prompt's total.
pub fn usage_from_json(object: &Value) -> Usage {
    // Image answers carry both names, one of them with zeros.
    let number = |names: &[&str]| names.iter().filter_map(|name| object.pointer(name).and_then(whole)).max();
    let prompt = |name: &str| {
        let [chat, responses] =
            ["prompt_tokens_details", "input_tokens_details"].map(|at| format!("/{at}/{name}"));
        number(&[&chat, &responses])
    };
    let completion = |name: &str| {
        let [chat, responses] =
            ["completion_tokens_details", "output_tokens_details"].map(|at| format!("/{at}/{name}"));
        number(&[&chat, &responses])
    };
    let mut usage = Usage {
        input: number(&["/prompt_tokens", "/input_tokens"]).unwrap_or(0),
        output: number(&["/completion_tokens", "/output_tokens"]).unwrap_or(0),
        total: number(&["/total_tokens"]),
        cache_read: prompt("cached_tokens")
            .or_else(|| number(&["/cache_read_input_tokens", "/prompt_cache_hit_tokens"])),
        cache_write: prompt("cache_creation_tokens").or_else(|| number(&["/cache_creation_input_tokens"])),
        cache_write_5m: prompt("cache_creation_token_details/ephemeral_5m_input_tokens")
            .or_else(|| number(&["/cache_creation/ephemeral_5m_input_tokens"])),
        cache_write_1h: prompt("cache_creation_token_details/ephemeral_1h_input_tokens")
            .or_else(|| number(&["/cache_creation/ephemeral_1h_input_tokens"])),
        reasoning: completion("reasoning_tokens"),
        audio_input: prompt("audio_tokens"),
        audio_output: completion("audio_tokens"),
        image_input: prompt("image_tokens"),
        image_output: completion("image_tokens"),
        video_input: prompt("video_tokens"),
        web_searches: number(&["/server_tool_use/web_search_requests", "/num_search_queries"])
            .or_else(|| prompt("web_search_requests")),
        service_tier: object.get("service_tier").and_then(Value::as_str).map(str::to_owned),
        provider_cost: reported(object.get("cost")),
        ..Usage::default()
    };
    let anthropic = object.get("prompt_tokens").is_none() && object.get("input_tokens_details").is_none();
    if anthropic {
        let cached = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
        usage.input = usage.input.saturating_add(cached);
    }
    usage
}

/// Consumption in other measures than tokens that usage objects carry.
pub fn measured_from_json(object: &Value) -> Measured {
    let number = |path: &str| object.pointer(path).and_then(whole).unwrap_or(0);
    let thousandths = |name: &str| {
        object.get(name).and_then(Value::as_f64).map_or(0, |count| (count * 1000.0).round() as u64)
    };
    Measured {
        input_characters: number("/prompt_tokens_details/character_count"),
        input_images: number("/prompt_tokens_details/image_count"),
        citation_tokens: number("/citation_tokens"),
        pages: number("/pages_processed"),
        millicredits: thousandths("credits"),
        input_millis: thousandths("seconds"),
        ..Measured::default()
    }
}

impl Catalog {
    /// What `/spend/calculate` answers to a request: the cost of its `completion_response`, or of sending its
    /// `messages` to its `model`. `count` gives the tokens of messages for a model.
    pub fn spend_calculate(&self, request: &Value, count: impl FnOnce(&str, &Value) -> u64) -> Pricing {
        let response = request.get("completion_response").filter(|response| response.is_object());
        let named = |object: &Value| object.get("model").and_then(Value::as_str).map(str::to_owned);
        let answered = response.and_then(named);
        let Some(model) = named(request).or_else(|| answered.clone()) else {
            return Pricing::Unpriced { model: String::new(), known: false };
        };
        let (usage, terms) = match response {
            Some(response) => {
                let usage = response.get("usage").unwrap_or(&Value::Null);
                let tier = response.get("service_tier").and_then(Value::as_str).map(str::to_owned);
                let measured = measured_from_json(usage);
                (usage_from_json(usage), Terms { service_tier: tier, measured, ..Terms::default() })
            }
            None => {
                let input = request.get("messages").map_or(0, |messages| count(&model, messages));
                (Usage { input, ..Usage::default() }, Terms::default())
            }
        };
        let entry = self
            .entry_of_name(&model)
            .or_else(|| answered.and_then(|answered| self.entry_of_name(&answered)));
        match (entry, usage.provider_cost) {
            (Some(entry), _) => entry.pricing(&usage, &terms),
            (None, Some(amount)) => Pricing::Priced(crate::Cost::reported(amount)),
            (None, None) => Pricing::Unpriced { model, known: false },
        }
    }
}

/// A provider's own figure: a number, or an object with a total.
fn reported(cost: Option<&Value>) -> Option<Money> {
    let cost = cost?;
    cost.as_f64().or_else(|| cost.get("total_cost").and_then(Value::as_f64)).map(Money::from_dollars)
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anthropic_counts_caches_beside_the_prompt() {
        let usage =
            usage_from_json(&json!({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 7, "cache_creation": {"ephemeral_1h_input_tokens": 7}}));
        assert_eq!((usage.input, usage.cache_write_1h), (117, Some(7)));
        let usage = usage_from_json(&json!({"input_tokens": 32, "output_tokens": 5,
            "input_tokens_details": {"cached_tokens": 4}}));
        assert_eq!((usage.input, usage.cache_read), (32, Some(4)));
    }

    #[test]
    fn messages_are_priced_before_they_are_sent() {
        let request = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]});
        let pricing = Catalog::builtin().spend_calculate(&request, |_, _| 1000);
        assert_eq!(pricing.cost().map(|cost| cost.total.to_string()).as_deref(), Some("0.0025"));
        let nothing = Catalog::builtin().spend_calculate(&json!({}), |_, _| 0);
        assert_eq!(nothing, Pricing::Unpriced { model: String::new(), known: false });
    }
}
