//! JSON types of watsonx' own endpoints.

use lockgate_core::{FinishReason, Raw, Usage, json::read, wire::view};

view! {
    /// An answer of text generation, or an event of its stream.
    #[derive(Default)]
    pub(crate) struct Generated {
        pub(crate) model_id: Option<Raw>,
        pub(crate) created_at: Option<Raw>,
        pub(crate) results: Option<Vec<Piece>>,
    }
}

view! {
    /// A text, or a piece of it.
    #[derive(Default)]
    pub(crate) struct Piece {
        pub(crate) generated_text: Option<Raw>,
        pub(crate) generated_token_count: Option<Raw>,
        pub(crate) input_token_count: Option<Raw>,
        pub(crate) stop_reason: Option<Raw>,
    }
}

impl Piece {
    pub(crate) fn text(&self) -> String {
        self.generated_text.as_deref().and_then(read).unwrap_or_default()
    }

    /// What was consumed so far: each count is a total.
    pub(crate) fn usage(&self) -> Usage {
        let count = |raw: &Option<Raw>| raw.as_deref().and_then(read).unwrap_or(0);
        Usage {
            input: count(&self.input_token_count),
            output: count(&self.generated_token_count),
            ..Usage::default()
        }
    }

    /// Why the text ends here, and watsonx' own word if it says more; nothing if it goes on.
    pub(crate) fn finish(&self) -> Option<(FinishReason, Option<String>)> {
        let word: String = self.stop_reason.as_deref().and_then(read)?;
        let reason = match word.to_ascii_lowercase().as_str() {
            "" | "not_finished" => return None,
            "eos_token" | "stop_sequence" => FinishReason::Stop,
            "max_tokens" | "token_limit" | "time_limit" => FinishReason::Length,
            _ => FinishReason::Other(word.clone()),
        };
        Some((reason, Some(word)))
    }
}

view! {
    /// An answer with embeddings.
    #[derive(Default)]
    pub(crate) struct Embedded {
        pub(crate) model_id: Option<Raw>,
        pub(crate) results: Option<Vec<Vector>>,
        pub(crate) input_token_count: Option<Raw>,
    }
}

view! {
    /// One vector.
    #[derive(Default)]
    pub(crate) struct Vector {
        pub(crate) embedding: Option<Raw>,
    }
}
