//! What the models answer, in any family's words.

use lockgate_core::{FinishReason, Raw, Usage, json::read, wire::view};

view! {
    /// An answer, or a piece of one, of any family.
    #[derive(Clone, Debug, Default)]
    pub(super) struct AnswerView {
        generation: Option<String>,
        output_text as "outputText": Option<String>,
        text: Option<String>,
        results: Option<Vec<AnswerView>>,
        generations: Option<Vec<AnswerView>>,
        outputs: Option<Vec<AnswerView>>,
        completions: Option<Vec<AnswerView>>,
        choices: Option<Vec<AnswerView>>,
        data: Option<Box<AnswerView>>,
        message: Option<Box<AnswerView>>,
        delta: Option<Box<AnswerView>>,
        content: Option<String>,
        stop_reason: Option<String>,
        finish_reason: Option<String>,
        completion_reason as "completionReason": Option<String>,
        finish as "finishReason": Option<Raw>,
        usage: Option<OwnUsage>,
        metrics as "amazon-bedrock-invocationMetrics": Option<Metrics>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct OwnUsage {
        prompt_tokens: Option<u64>,
        completion_tokens: Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Metrics {
        input as "inputTokenCount": Option<u64>,
        output as "outputTokenCount": Option<u64>,
    }
}

view! {
    #[derive(Clone, Debug, Default)]
    struct Reason {
        reason: Option<String>,
    }
}

impl AnswerView {
    /// The answers in it: several where a family gives several.
    pub(super) fn answers(&self) -> &[AnswerView] {
        let lists = [&self.results, &self.generations, &self.outputs, &self.completions, &self.choices];
        let list = lists.into_iter().flatten().find(|list| !list.is_empty());
        match list {
            Some(list) if self.generation.is_none() => list,
            _ => std::slice::from_ref(self),
        }
    }

    /// Whether there is an answer, be it an empty text.
    pub(super) fn is_some(&self) -> bool {
        self.written().is_some() || self.reason().is_some()
    }

    pub(super) fn said(&self) -> &str {
        self.written().unwrap_or_default()
    }

    fn written(&self) -> Option<&str> {
        let own = self.generation.as_deref().or(self.output_text.as_deref()).or(self.text.as_deref());
        let inner = || {
            let inner = self.message.as_deref().or(self.delta.as_deref()).or(self.data.as_deref())?;
            inner.content.as_deref().or(inner.text.as_deref())
        };
        own.or_else(inner)
    }

    pub(super) fn reason(&self) -> Option<String> {
        let own = [&self.stop_reason, &self.finish_reason, &self.completion_reason];
        let own = own.into_iter().flatten().next().cloned();
        own.or_else(|| read::<Reason>(self.finish.as_deref()?)?.reason)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let (input, output) = match (&self.metrics, &self.usage) {
            (Some(metrics), _) => (metrics.input?, metrics.output.unwrap_or(0)),
            (None, Some(usage)) => (usage.prompt_tokens?, usage.completion_tokens.unwrap_or(0)),
            (None, None) => return None,
        };
        Some(Usage { input, output, ..Usage::default() })
    }
}

/// The hub's word for why the model stopped.
pub(super) fn finish(word: &str) -> FinishReason {
    match word.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" => FinishReason::Length,
        "content_filtered" | "content_filter" | "error_toxic" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}
