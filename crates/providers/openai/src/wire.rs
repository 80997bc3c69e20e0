//! OpenAI's JSON in answers and stream chunks. Everything optional, nothing strict: providers differ.

use lockgate_core::{
    FinishReason, Raw,
    hub::{Content, FunctionCall, Message, Part, ToolCall},
    wire::lenient_view,
};

use lockgate_core::json::{Count, raw};

lenient_view! {
    /// A whole chat or text completion, or one chunk of a stream.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireReply {
        pub(crate) id: String,
        pub(crate) object: Raw,
        pub(crate) created: Count,
        pub(crate) model: String,
        pub(crate) choices: Vec<WireChoice>,
        pub(crate) usage: Raw,
        pub(crate) service_tier: Raw,
        pub(crate) system_fingerprint: Raw,
        pub(crate) error: Raw,
        ..pub(crate) extra
    }
}

lenient_view! {
    /// One answer of several, whole or in part.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireChoice {
        pub(crate) index: u32,
        pub(crate) message: WireMessage,
        pub(crate) delta: WireMessage,
        pub(crate) text: String,
        pub(crate) finish_reason: String,
        /// vLLM: the stop sequence that was met.
        pub(crate) stop_reason: String,
        pub(crate) logprobs: Raw,
        ..pub(crate) extra
    }
}

lenient_view! {
    /// A message, or a piece of one.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireMessage {
        pub(crate) role: String,
        pub(crate) content: Raw,
        pub(crate) refusal: String,
        pub(crate) reasoning_content: String,
        pub(crate) thinking_blocks: Vec<Raw>,
        pub(crate) tool_calls: Vec<WireToolCall>,
        pub(crate) function_call: Raw,
        pub(crate) audio: Raw,
        pub(crate) images: Raw,
        pub(crate) annotations: Raw,
        pub(crate) provider_specific_fields: Raw,
        ..pub(crate) extra
    }
}

lenient_view! {
    /// A tool call, or a piece of one.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireToolCall {
        pub(crate) index: u32,
        pub(crate) id: String,
        pub(crate) kind as "type": String,
        pub(crate) function: WireFunction,
        pub(crate) provider_specific_fields: Raw,
        ..pub(crate) extra
    }
}

lenient_view! {
    /// A function's name and arguments; some servers give the arguments as an object.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct WireFunction {
        pub(crate) name: String,
        pub(crate) arguments: Raw,
        ..pub(crate) extra
    }
}

impl WireFunction {
    /// The arguments as JSON text.
    pub(crate) fn arguments(&self) -> String {
        match &self.arguments {
            Some(raw) => serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned()),
            None => String::new(),
        }
    }
}

impl WireToolCall {
    fn into_hub(self) -> ToolCall {
        let function = self.function.map(|function| FunctionCall {
            arguments: Some(function.arguments()),
            name: function.name,
            extra: function.extra,
        });
        ToolCall {
            // Only streams number calls.
            index: None,
            id: self.id,
            kind: self.kind.or_else(|| Some("function".to_owned())),
            function,
            provider_specific_fields: self.provider_specific_fields,
            extra: self.extra,
        }
    }
}

impl WireMessage {
    /// The reasoning, under either of its common names.
    pub(crate) fn take_reasoning(&mut self, member: Option<&str>) -> Option<String> {
        let own = self.reasoning_content.take();
        own.or_else(|| {
            let raw = self.extra.get(member.unwrap_or("reasoning"))?;
            serde_json::from_str(raw.get()).ok()
        })
    }

    /// The message in the hub's words.
    pub(crate) fn into_hub(mut self) -> Message {
        let reasoning_content = self.take_reasoning(None);
        Message {
            role: self.role.unwrap_or_else(|| "assistant".to_owned()),
            content: self.content.as_deref().map(|raw| content(raw.get())),
            refusal: self.refusal,
            reasoning_content,
            thinking_blocks: self.thinking_blocks,
            tool_calls: self
                .tool_calls
                .filter(|calls| !calls.is_empty())
                .map(|calls| calls.into_iter().map(WireToolCall::into_hub).collect()),
            function_call: self.function_call.and_then(|raw| serde_json::from_str(raw.get()).ok()),
            audio: self.audio,
            images: self.images,
            annotations: self.annotations.filter(|raw| raw.get() != "[]"),
            provider_specific_fields: self.provider_specific_fields,
            extra: self.extra,
            ..Message::default()
        }
    }
}

/// Content of any shape: a string, parts, or (from odd servers) other JSON, kept as text.
fn content(text: &str) -> Content {
    serde_json::from_str(text).unwrap_or_else(|_| Content::Text(text.to_owned()))
}

/// Content as the pieces that matter: text, reasoning, whole thinking blocks.
#[derive(Default)]
pub(crate) struct Pieces {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) thinking_blocks: Vec<Raw>,
    /// What signs the thinking blocks.
    pub(crate) signatures: Vec<String>,
}

impl Pieces {
    /// Takes a content apart that may be a list of parts with thinking among them.
    pub(crate) fn of(text: &str) -> Self {
        let mut pieces = Self::default();
        match content(text) {
            Content::Text(text) => pieces.text = text,
            Content::Parts(parts) => parts.iter().for_each(|part| pieces.add(part)),
        }
        pieces
    }

    fn add(&mut self, part: &Part) {
        let inner = match part.kind.as_str() {
            "thinking" => part.extra.get("thinking"),
            "reasoning" => part.extra.get("summary"),
            _ => {
                self.text.push_str(part.text.as_deref().unwrap_or_default());
                return;
            }
        };
        lenient_view! {
            #[derive(Default)]
            struct Thought {
                text: String,
                signature: String,
            }
        }
        let Some(inner) = inner else { return };
        let thoughts = match serde_json::from_str::<String>(inner.get()) {
            Ok(text) => vec![Thought { text: Some(text), ..Thought::default() }],
            Err(_) => serde_json::from_str(inner.get()).unwrap_or_default(),
        };
        for Thought { text, signature, .. } in thoughts {
            let text = text.unwrap_or_default();
            self.signatures.extend(signature.clone().filter(|signature| !signature.is_empty()));
            let signature = signature.map_or_else(String::new, |signature| {
                format!(",\"signature\":{}", lockgate_core::wire::quote(&signature))
            });
            let quoted = lockgate_core::wire::quote(&text);
            self.thinking_blocks
                .push(raw(format!("{{\"type\":\"thinking\",\"thinking\":{quoted}{signature}}}")));
            self.reasoning.push_str(&text);
        }
    }
}

/// The finish reason, and the provider's own word if it is not OpenAI's.
pub(crate) fn finish_reason(word: &str, called_tools: bool) -> (FinishReason, Option<String>) {
    let reason = match word {
        // Several servers end a turn with tool calls by the word for a normal end.
        "stop" | "" if called_tools => FinishReason::ToolCalls,
        "" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "COMPLETE" | "complete" | "finished" => {
            FinishReason::Stop
        }
        "max_tokens" | "model_length" | "MAX_TOKENS" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "safety" | "refusal" | "SAFETY" => FinishReason::ContentFilter,
        _ => return (FinishReason::from_openai(word), None),
    };
    let native = (reason.as_str() != word && !word.is_empty()).then(|| word.to_owned());
    (reason, native)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_types_do_not_fail_the_parse() {
        let text = r#"{"id":7,"created":"soon","model":null,"choices":[{"index":"x","message":{"role":null,
            "content":12,"tool_calls":[{"id":null,"function":{"name":"f","arguments":{"a":1}}}],"refusal":{}},
            "finish_reason":3}],"x":1}"#;
        let reply: WireReply = serde_json::from_str(text).unwrap();
        let message = reply.choices.unwrap().remove(0).message.unwrap().into_hub();
        assert_eq!(message.content.unwrap().text(), "12");
        let call = message.tool_calls.unwrap().remove(0);
        assert_eq!(call.function.unwrap().arguments.unwrap(), r#"{"a":1}"#);
        assert!(reply.extra.contains("x"));
    }

    #[test]
    fn content_lists_fall_into_text_and_thinking() {
        let pieces = Pieces::of(
            r#"[{"type":"thinking","thinking":[{"type":"text","text":"Ea"}]},{"type":"text","text":"Paris."},
                {"type":"reasoning","summary":[{"type":"summary_text","text":"sy","signature":"s"}]}]"#,
        );
        assert_eq!((pieces.text.as_str(), pieces.reasoning.as_str()), ("Paris.", "Easy"));
        assert_eq!(pieces.thinking_blocks[1].get(), r#"{"type":"thinking","thinking":"sy","signature":"s"}"#);
    }

    #[test]
    fn tool_calls_that_end_with_stop_are_tool_calls() {
        assert_eq!(finish_reason("stop", true), (FinishReason::ToolCalls, Some("stop".to_owned())));
        assert_eq!(finish_reason("stop", false), (FinishReason::Stop, None));
        assert_eq!(finish_reason("", true), (FinishReason::ToolCalls, None));
        assert_eq!(finish_reason("", false), (FinishReason::Stop, None));
        assert_eq!(finish_reason("model_length", false).0, FinishReason::Length);
        assert_eq!(finish_reason("strange", false).0, FinishReason::Other("strange".to_owned()));
    }
}
