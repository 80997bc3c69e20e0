//! JSON of Ollama's API.

pub(crate) use lockgate_core::json::{raw, read, to_raw};
use lockgate_core::{Raw, Usage, wire::view};

view! {
    /// An answer of `/api/chat` or `/api/generate`, or one line of a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct AnswerView {
        pub(crate) model: Option<String>,
        /// What was said, at `/api/chat`.
        pub(crate) message: Option<MessageView>,
        /// What was said, at `/api/generate`.
        pub(crate) response: Option<String>,
        /// The reasoning, at `/api/generate`.
        pub(crate) thinking: Option<String>,
        pub(crate) done: Option<bool>,
        pub(crate) done_reason: Option<String>,
        pub(crate) prompt_eval_count: Option<u64>,
        pub(crate) eval_count: Option<u64>,
        pub(crate) error: Option<Raw>,
    }
}

impl AnswerView {
    /// The message, whichever endpoint answered; nothing if there is none.
    pub(crate) fn take_message(&mut self) -> Option<MessageView> {
        let (content, thinking) = (self.response.take(), self.thinking.take());
        let plain = content.is_some() || thinking.is_some();
        let plain = plain.then(|| MessageView { content, thinking, ..MessageView::default() });
        self.message.take().or(plain)
    }

    /// What was consumed. A prompt that Ollama still has in its cache is not counted by some versions.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let (input, output) = (self.prompt_eval_count, self.eval_count);
        (input.is_some() || output.is_some()).then(|| Usage {
            input: input.unwrap_or(0),
            output: output.unwrap_or(0),
            ..Usage::default()
        })
    }
}

view! {
    /// What the model said.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MessageView {
        pub(crate) content: Option<String>,
        pub(crate) thinking: Option<String>,
        pub(crate) tool_calls: Option<Vec<CallView>>,
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
    /// A function's name and its arguments, an object.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct FunctionView {
        pub(crate) name: Option<String>,
        pub(crate) arguments: Option<Raw>,
    }
}

view! {
    /// An answer of `/api/embed`.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct EmbedView {
        pub(crate) embeddings: Option<Vec<Raw>>,
        pub(crate) prompt_eval_count: Option<u64>,
        pub(crate) error: Option<Raw>,
    }
}
