//! JSON of Cohere's API.

pub(crate) use lockgate_core::json::{raw, read, to_raw};
use lockgate_core::{Raw, Usage, wire::view};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

view! {
    /// A whole answer.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct AnswerView {
        pub(crate) id: Option<String>,
        pub(crate) message: Option<Raw>,
        pub(crate) finish_reason: Option<String>,
        pub(crate) usage: Option<UsageView>,
        pub(crate) logprobs: Option<Vec<LogprobsView>>,
    }
}

view! {
    /// An event of a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct EventView {
        pub(crate) kind as "type": Option<String>,
        pub(crate) id: Option<String>,
        pub(crate) index: Option<i64>,
        pub(crate) delta: Option<DeltaView>,
        pub(crate) logprobs: Option<LogprobsView>,
        /// Of an error that comes instead of an event.
        pub(crate) message: Option<String>,
    }
}

view! {
    /// What an event adds.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct DeltaView {
        pub(crate) message: Option<MessageView>,
        pub(crate) finish_reason: Option<String>,
        pub(crate) usage: Option<UsageView>,
        pub(crate) error: Option<Raw>,
    }
}

view! {
    /// What the model said. In an event, lists have one element and stand without brackets, or are empty.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MessageView {
        pub(crate) content: Option<Raw>,
        pub(crate) tool_plan: Option<String>,
        pub(crate) tool_calls: Option<Raw>,
        pub(crate) citations: Option<Raw>,
    }
}

view! {
    /// A part of what was said.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct PartView {
        pub(crate) text: Option<String>,
        pub(crate) thinking: Option<String>,
    }
}

view! {
    /// A call of one of the client's functions.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CallView {
        pub(crate) id: Option<String>,
        pub(crate) function: Option<FunctionView>,
    }
}

view! {
    /// A function's name and the text of its arguments.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct FunctionView {
        pub(crate) name: Option<String>,
        pub(crate) arguments: Option<String>,
    }
}

view! {
    /// Tokens that were said together, and their probabilities.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct LogprobsView {
        pub(crate) text: Option<String>,
        pub(crate) logprobs: Option<Vec<f64>>,
    }
}

view! {
    /// Consumption: what the model saw, and what is billed.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UsageView {
        pub(crate) tokens: Option<UnitsView>,
        pub(crate) billed_units: Option<UnitsView>,
        pub(crate) cached_tokens: Option<f64>,
    }
}

view! {
    /// Numbers of tokens, and of what else is billed.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UnitsView {
        pub(crate) input_tokens: Option<f64>,
        pub(crate) output_tokens: Option<f64>,
        pub(crate) images: Option<f64>,
    }
}

impl UsageView {
    /// In the words of the hub.
    pub(crate) fn hub(&self) -> Option<Usage> {
        let units = self.tokens.as_ref().or(self.billed_units.as_ref())?;
        Some(Usage {
            input: count(units.input_tokens),
            output: count(units.output_tokens),
            cache_read: self.cached_tokens.filter(|cached| *cached > 0.0).map(|cached| count(Some(cached))),
            ..Usage::default()
        })
    }
}

/// Cohere's numbers are of the type of fractions.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
pub(crate) fn count(number: Option<f64>) -> u64 {
    number.unwrap_or(0.0).round() as u64
}

/// The elements of a list; one element without brackets is a list of it.
pub(crate) fn elements<T: DeserializeOwned>(value: Option<&RawValue>) -> Vec<T> {
    let Some(value) = value else { return Vec::new() };
    match read::<Vec<Raw>>(value) {
        Some(list) => list.iter().filter_map(|element| read(element)).collect(),
        None => read(value).into_iter().collect(),
    }
}

/// A part, or the bare string that may stand for one.
pub(crate) fn parts(content: Option<&RawValue>) -> Vec<PartView> {
    match content.and_then(read::<String>) {
        Some(text) => vec![PartView { text: Some(text), ..PartView::default() }],
        None => elements(content),
    }
}
