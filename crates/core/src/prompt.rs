//! A conversation as one text, for APIs older than chat: in the template of the model's family.

use crate::{
    Error, Notes, Result,
    hub::{ChatRequest, CompletionRequest, Content, Message, Prompt},
};

/// How a family of models marks who speaks.
struct Template {
    /// Before everything.
    start: &'static str,
    /// Around what the system, the user and the model say.
    system: (&'static str, &'static str),
    user: (&'static str, &'static str),
    assistant: (&'static str, &'static str),
    /// After everything: the model's turn.
    turn: &'static str,
}

const LLAMA_3: Template = Template {
    start: "<|begin_of_text|>",
    system: ("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
    user: ("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    assistant: ("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    turn: "<|start_header_id|>assistant<|end_header_id|>\n\n",
};

const LLAMA_2: Template = Template {
    start: "<s>",
    system: ("[INST] <<SYS>>\n", "\n<</SYS>>\n [/INST]\n"),
    user: ("[INST] ", " [/INST]\n"),
    assistant: ("", "\n</s>"),
    turn: "",
};

const MISTRAL: Template = Template {
    start: "<s>",
    system: ("[INST] \n", " [/INST]\n"),
    user: ("[INST] ", " [/INST]\n"),
    assistant: (" ", "</s> "),
    turn: "",
};

const ALPACA: Template = Template {
    start: "",
    system: ("### Instruction:\n", "\n\n"),
    user: ("### Instruction:\n", "\n\n"),
    assistant: ("### Response:\n", "\n\n"),
    turn: "### Response:\n",
};

const CHATML: Template = Template {
    start: "",
    system: ("<|im_start|>system\n", "<|im_end|>\n"),
    user: ("<|im_start|>user\n", "<|im_end|>\n"),
    assistant: ("<|im_start|>assistant\n", "<|im_end|>\n"),
    turn: "<|im_start|>assistant\n",
};

/// Reports what a conversation as one text leaves out: what is no text, and calls of tools.
pub fn report_left_out(messages: &[Message], notes: &mut Notes) {
    let is_text = |content: &Content| match content {
        Content::Text(_) => true,
        Content::Parts(parts) => parts.iter().all(|part| part.text.is_some()),
    };
    if !messages.iter().filter_map(|message| message.content.as_ref()).all(is_text) {
        notes.dropped.push("messages.content".to_owned());
    }
    if messages.iter().any(|message| message.tool_calls.as_ref().is_some_and(|calls| !calls.is_empty())) {
        notes.dropped.push("messages.tool_calls".to_owned());
    }
}

/// The conversation in the template of the model's family; of a family that is not known, what was said, with spaces
/// between.
pub fn render(model: &str, messages: &[Message]) -> String {
    let said = |message: &Message| message.content.as_ref().map(Content::text).unwrap_or_default();
    let Some(template) = template(model) else {
        let texts: Vec<String> = messages.iter().map(said).filter(|text| !text.is_empty()).collect();
        return texts.join(" ");
    };
    let mut prompt = template.start.to_owned();
    for message in messages {
        let (before, after) = match message.role.as_str() {
            "system" | "developer" => template.system,
            "assistant" => template.assistant,
            _ => template.user,
        };
        prompt.push_str(before);
        prompt.push_str(&said(message));
        prompt.push_str(after);
    }
    prompt.push_str(template.turn);
    prompt
}

/// What is said to an agent, which takes one text: one that knows the conversation is told what is new in it, another one
/// all of it.
pub fn news(messages: &[Message], known: bool) -> String {
    match messages {
        [.., last] if known || messages.len() == 1 => {
            last.content.as_ref().map(Content::text).unwrap_or_default()
        }
        several => render("", several),
    }
}

/// A text to continue, as a chat of one message, for APIs that know no difference.
///
/// # Errors
/// There is not exactly one text.
pub fn as_chat(request: &CompletionRequest, notes: &mut Notes) -> Result<ChatRequest> {
    let text = match &request.prompt {
        Some(Prompt::Text(text)) => text.clone(),
        Some(Prompt::Texts(texts)) if texts.len() == 1 => texts.concat(),
        Some(Prompt::Texts(_)) => {
            return Err(Error::bad_field("prompt", "This model takes one prompt at a time."));
        }
        Some(_) => return Err(Error::bad_field("prompt", "This model takes texts, not token ids.")),
        None => return Err(Error::bad_field("prompt", "`prompt` is missing.")),
    };
    let ignored = [
        ("best_of", request.best_of.is_some_and(|count| count > 1)),
        ("echo", request.echo == Some(true)),
        ("logprobs", request.logprobs.is_some()),
        ("suffix", request.suffix.is_some()),
    ];
    notes.dropped.extend(ignored.iter().filter(|(_, given)| *given).map(|(name, _)| (*name).to_owned()));
    Ok(request.asked(text))
}

fn template(model: &str) -> Option<&'static Template> {
    let model = model.to_ascii_lowercase();
    let has = |word: &str| model.contains(word);
    match () {
        () if (has("meta-llama-3") || has("meta-llama/llama-3")) && has("instruct") => Some(&LLAMA_3),
        () if has("llama-2") && has("chat") || has("codellama") && has("instruct") => Some(&LLAMA_2),
        () if (has("mistral") || has("mixtral")) && has("instruct") => Some(&MISTRAL),
        () if has("wizardcoder") || has("mythomax") => Some(&ALPACA),
        () if has("qwen") && (has("instruct") || has("chat")) => Some(&CHATML),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(role: &str, text: &str) -> Message {
        Message { role: role.to_owned(), content: Some(Content::Text(text.to_owned())), ..Message::default() }
    }

    #[test]
    fn each_family_has_its_marks() {
        let talk = [said("system", "s"), said("user", "u"), said("assistant", "a"), said("user", "v")];
        for (model, prompt) in [
            ("some-model", "s u a v"),
            (
                "mistralai/Mistral-7B-Instruct-v0.2",
                "<s>[INST] \ns [/INST]\n[INST] u [/INST]\n a</s> [INST] v [/INST]\n",
            ),
            (
                "qwen2-7b-instruct",
                "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n<|im_start|>user\nv<|im_end|>\n<|im_start|>assistant\n",
            ),
        ] {
            assert_eq!(render(model, &talk), prompt);
        }
        let llama = render("meta/meta-llama-3-8b-instruct", &talk[..2]);
        assert!(
            llama.starts_with("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\ns<|eot_id|>")
        );
        assert!(llama.ends_with("u<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"));
    }
}
