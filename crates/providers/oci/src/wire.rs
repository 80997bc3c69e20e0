//! JSON of answers and of the events of streams.

use lockgate_core::{Extra, FinishReason, Raw, Usage, wire::view};

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Answer {
        pub(crate) id: Option<String>,
        pub(crate) model_id as "modelId": Option<String>,
        pub(crate) chat_response as "chatResponse": Option<Chat>,
        pub(crate) code: Option<Raw>,
        pub(crate) message: Option<Raw>,
    }
}

view! {
    /// An answer in either format, or an event of its stream, which holds the next piece of the same members.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct Chat {
        pub(crate) time_created as "timeCreated": Option<String>,
        pub(crate) choices: Option<Vec<ChoiceView>>,
        pub(crate) text: Option<String>,
        pub(crate) tool_calls as "toolCalls": Option<Vec<CallView>>,
        pub(crate) finish_reason as "finishReason": Option<String>,
        pub(crate) error_message as "errorMessage": Option<String>,
        pub(crate) usage: Option<UsageView>,
        pub(crate) index: Option<u32>,
        pub(crate) message: Option<MessageView>,
        pub(crate) citations: Option<Raw>,
        pub(crate) code: Option<Raw>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ChoiceView {
        pub(crate) index: Option<u32>,
        pub(crate) message: Option<MessageView>,
        pub(crate) finish_reason as "finishReason": Option<String>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MessageView {
        pub(crate) content: Option<Vec<PartView>>,
        pub(crate) reasoning_content as "reasoningContent": Option<String>,
        pub(crate) refusal: Option<String>,
        pub(crate) tool_calls as "toolCalls": Option<Vec<CallView>>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct PartView {
        pub(crate) text: Option<String>,
    }
}

view! {
    /// A call in either format: arguments as text, or parameters as an object.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CallView {
        pub(crate) id: Option<String>,
        pub(crate) name: Option<String>,
        pub(crate) arguments: Option<String>,
        pub(crate) parameters: Option<Extra>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UsageView {
        pub(crate) prompt_tokens as "promptTokens": Option<u64>,
        pub(crate) completion_tokens as "completionTokens": Option<u64>,
        pub(crate) total_tokens as "totalTokens": Option<u64>,
        pub(crate) prompt_details as "promptTokensDetails": Option<PromptDetails>,
        pub(crate) completion_details as "completionTokensDetails": Option<CompletionDetails>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct PromptDetails {
        pub(crate) cached as "cachedTokens": Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CompletionDetails {
        pub(crate) reasoning as "reasoningTokens": Option<u64>,
        pub(crate) accepted as "acceptedPredictionTokens": Option<u64>,
        pub(crate) rejected as "rejectedPredictionTokens": Option<u64>,
    }
}

impl UsageView {
    pub(crate) fn hub(&self) -> Usage {
        let completion = self.completion_details.clone().unwrap_or_default();
        Usage {
            input: self.prompt_tokens.unwrap_or(0),
            output: self.completion_tokens.unwrap_or(0),
            total: self.total_tokens,
            cache_read: self.prompt_details.as_ref().and_then(|details| details.cached),
            reasoning: completion.reasoning,
            accepted_prediction: completion.accepted,
            rejected_prediction: completion.rejected,
            ..Usage::default()
        }
    }
}

impl MessageView {
    /// The texts of its parts.
    pub(crate) fn text(&self) -> String {
        self.content.iter().flatten().filter_map(|part| part.text.as_deref()).collect()
    }
}

impl CallView {
    /// Its arguments as JSON text.
    pub(crate) fn arguments(&self) -> String {
        let parameters = || self.parameters.as_ref().and_then(|given| serde_json::to_string(given).ok());
        self.arguments.clone().or_else(parameters).unwrap_or_default()
    }
}

/// Why the model stopped.
pub(crate) fn finish(word: &str, called: bool) -> FinishReason {
    match word.to_ascii_uppercase().as_str() {
        "LENGTH" | "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
        "ERROR_TOXIC" | "CONTENT_FILTER" => FinishReason::ContentFilter,
        "TOOL_CALLS" | "TOOL_CALL" => FinishReason::ToolCalls,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}
