//! What a call costs.
#![expect(clippy::print_stdout, reason = "an example shows something")]

use lockgate_catalog::{Catalog, Pricing, Terms, usage_from_json};

fn main() {
    let catalog = Catalog::builtin();
    let usage = usage_from_json(&serde_json::json!({"prompt_tokens": 12000, "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 8000}}));
    for (provider, model) in
        [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("openrouter", "any/model")]
    {
        match catalog.pricing(provider, model, &usage, &Terms::default()) {
            Pricing::Priced(cost) => {
                println!("{provider}/{model}: {} USD, {} of it for cache reads", cost.total, cost.cache_read)
            }
            Pricing::Unpriced { model, .. } => println!("{model}: no price is known"),
        }
    }
}
