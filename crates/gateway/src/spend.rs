//! What a finished answer costs, for `/spend/calculate`.

use lockgate_catalog::Pricing;
use lockgate_core::{Error, Money, Result, hub::ChatRequest};
use serde_json::Value;

use crate::app::Live;

/// Prices `{"completion_response": {…}}`, or `{"model", "messages"}` whose prompt is counted.
///
/// # Errors
/// The model has no price.
pub(crate) fn calculate(live: &Live, request: &Value) -> Result<Money> {
    match live.snapshot.catalog.spend_calculate(request, count) {
        Pricing::Priced(cost) => Ok(cost.total),
        Pricing::Unpriced { model, .. } if model.is_empty() => {
            Err(Error::bad_field("model", "Give a `completion_response`, or a `model` and `messages`."))
        }
        Pricing::Unpriced { model, .. } => {
            Err(Error::bad_field("model", format!("No price is known for `{model}`.")))
        }
    }
}

fn count(model: &str, messages: &Value) -> u64 {
    let messages = serde_json::from_value(messages.clone()).unwrap_or_default();
    lockgate_tokens::count_chat(model, &ChatRequest { messages, ..ChatRequest::default() }).tokens
}
