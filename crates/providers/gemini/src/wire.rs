//! JSON of Gemini's API: a writer for what goes out, views for what comes in.

pub(crate) use lockgate_core::json::{raw, read, to_raw};
use std::borrow::Cow;

use lockgate_core::{
    Raw,
    wire::{lenient_view, quote_into},
};
use serde::Serialize;
use serde_json::value::RawValue;

/// A JSON object that is written member by member. Keys come out in the order in which they were first set.
#[derive(Debug, Default)]
pub(crate) struct Body(Vec<(Cow<'static, str>, String)>);

impl Body {
    pub(crate) fn set<T: Serialize + ?Sized>(&mut self, key: impl Into<Cow<'static, str>>, value: &T) {
        self.raw(key, serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
    }

    pub(crate) fn some<T: Serialize>(&mut self, key: impl Into<Cow<'static, str>>, value: Option<&T>) {
        if let Some(value) = value {
            self.set(key, value);
        }
    }

    /// `json` must be valid JSON text.
    pub(crate) fn raw(&mut self, key: impl Into<Cow<'static, str>>, json: impl Into<String>) {
        let (key, json) = (key.into(), json.into());
        match self.0.iter_mut().find(|(own, _)| *own == key) {
            Some((_, old)) => *old = json,
            None => self.0.push((key, json)),
        }
    }

    /// An object within this one.
    pub(crate) fn put(&mut self, key: &'static str, inner: Self) {
        self.raw(key, inner.into_json());
    }

    pub(crate) fn with<T: Serialize + ?Sized>(mut self, key: &'static str, value: &T) -> Self {
        self.set(key, value);
        self
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(own, _)| own == key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members and their JSON texts.
    pub(crate) fn into_members(self) -> impl Iterator<Item = (Cow<'static, str>, String)> {
        self.0.into_iter()
    }

    pub(crate) fn into_json(self) -> String {
        let size: usize = self.0.iter().map(|(key, json)| key.len() + json.len() + 4).sum();
        let mut out = String::with_capacity(size + 2);
        for (key, json) in self.0 {
            out.push(if out.is_empty() { '{' } else { ',' });
            quote_into(&mut out, &key);
            out.push(':');
            out.push_str(&json);
        }
        out.push_str(if out.is_empty() { "{}" } else { "}" });
        out
    }

    pub(crate) fn into_raw(self) -> Raw {
        raw(self.into_json())
    }
}

/// A JSON array of these texts.
pub(crate) fn array<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let mut out = String::from("[");
    for item in items {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(item.as_ref());
    }
    out.push(']');
    out
}

/// Whether there is nothing in it.
pub(crate) fn is_blank(raw: &RawValue) -> bool {
    matches!(raw.get(), "null" | "{}" | "[]" | "\"\"")
}

lenient_view! {
    /// An answer, or one frame of a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct AnswerView {
        pub(crate) candidates: Vec<CandidateView>,
        pub(crate) prompt_feedback as "promptFeedback": FeedbackView,
        pub(crate) usage as "usageMetadata": Raw,
        pub(crate) model_version as "modelVersion": String,
        pub(crate) response_id as "responseId": String,
        pub(crate) error: Raw,
    }
}

lenient_view! {
    /// Why a prompt was not answered.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct FeedbackView {
        pub(crate) block_reason as "blockReason": String,
    }
}

lenient_view! {
    /// One of the answers.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CandidateView {
        pub(crate) index: u32,
        pub(crate) content: ContentView,
        pub(crate) finish_reason as "finishReason": String,
        pub(crate) safety_ratings as "safetyRatings": Raw,
        pub(crate) citation_metadata as "citationMetadata": Raw,
        pub(crate) grounding_metadata as "groundingMetadata": Raw,
        pub(crate) url_context_metadata as "urlContextMetadata": Raw,
        pub(crate) logprobs_result as "logprobsResult": Raw,
    }
}

lenient_view! {
    /// What was said.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ContentView {
        pub(crate) role: String,
        pub(crate) parts: Vec<PartView>,
    }
}

lenient_view! {
    /// A piece of what was said.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct PartView {
        pub(crate) text: String,
        pub(crate) thought: bool,
        pub(crate) thought_signature as "thoughtSignature": String,
        pub(crate) inline_data as "inlineData": BlobView,
        pub(crate) function_call as "functionCall": CallView,
    }
}

lenient_view! {
    /// A picture or sound.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct BlobView {
        pub(crate) mime_type as "mimeType": String,
        pub(crate) data: String,
    }
}

lenient_view! {
    /// A call of one of the client's functions.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct CallView {
        pub(crate) id: String,
        pub(crate) name: String,
        pub(crate) args: Raw,
    }
}

lenient_view! {
    /// Consumption.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct UsageView {
        pub(crate) prompt as "promptTokenCount": u64,
        pub(crate) candidates as "candidatesTokenCount": u64,
        pub(crate) total as "totalTokenCount": u64,
        pub(crate) thoughts as "thoughtsTokenCount": u64,
        pub(crate) cached as "cachedContentTokenCount": u64,
        pub(crate) tool_prompt as "toolUsePromptTokenCount": u64,
        pub(crate) prompt_details as "promptTokensDetails": Vec<ModalityView>,
        pub(crate) candidates_details as "candidatesTokensDetails": Vec<ModalityView>,
        pub(crate) cache_details as "cacheTokensDetails": Vec<ModalityView>,
        pub(crate) traffic_type as "trafficType": String,
        pub(crate) service_tier as "serviceTier": String,
    }
}

lenient_view! {
    /// Tokens of one kind.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct ModalityView {
        pub(crate) modality: String,
        pub(crate) tokens as "tokenCount": u64,
    }
}
