use lockgate_core::{
    Error, Raw, Result,
    hub::{ChatRequest, Prompt},
    wire::view,
};

use crate::{Count, Vocabulary, count_chat, text};

view! {
    /// The members that only counting has; the others are a chat request's.
    #[derive(Debug, Default)]
    struct Texts {
        model: Option<String>,
        prompt: Option<Prompt>,
        text: Option<Prompt>,
        contents: Option<Vec<Raw>>,
        messages: Option<Raw>,
    }
}

view! {
    /// One entry of Gemini's `contents`.
    #[derive(Debug, Default)]
    struct Turn {
        role: Option<String>,
        parts: Vec<Piece>,
    }
}

view! {
    #[derive(Debug, Default)]
    struct Piece {
        text: Option<String>,
    }
}

/// Counts what `/utils/token_counter` is asked: a JSON object with `model` and a `prompt` (or `text`), or `messages`
/// with `tools`, or Gemini's `contents`. `model` is the one to count for, where the body names a public one.
///
/// # Errors
/// The body is not such an object, or has nothing to count.
pub fn count_tokens_request(model: Option<&str>, body: &str) -> Result<Count> {
    let texts: Texts = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
    let model = model.or(texts.model.as_deref()).unwrap_or_default();
    if let Some(prompt) = texts.prompt.or(texts.text) {
        return Ok(count_prompt(model, &prompt));
    }
    if texts.messages.is_some() {
        let request: ChatRequest = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
        return Ok(count_chat(model, &request));
    }
    match texts.contents {
        Some(contents) => Ok(count_contents(model, &contents)),
        None => Err(Error::bad_request("Nothing to count: give `prompt`, `messages` or `contents`.")),
    }
}

/// Counts a prompt of any form, token ids included.
pub fn count_prompt(model: &str, prompt: &Prompt) -> Count {
    let (vocabulary, own) = Vocabulary::of_model(model);
    let of = |text: &str| text::count_with(vocabulary, text);
    let (tokens, sampled) = match prompt {
        Prompt::Text(text) => (of(text), text::is_sampled(text)),
        Prompt::Texts(texts) => {
            (texts.iter().map(|text| of(text)).sum(), texts.iter().any(|text| text::is_sampled(text)))
        }
        Prompt::Tokens(tokens) => (tokens.len() as u64, false),
        Prompt::TokenLists(lists) => (lists.iter().map(|list| list.len() as u64).sum(), false),
    };
    Count { tokens, exact: own && !sampled, tokenizer: vocabulary.name() }
}

fn count_contents(model: &str, contents: &[Raw]) -> Count {
    let (vocabulary, _) = Vocabulary::of_model(model);
    let mut tokens = 0;
    for raw in contents {
        let turn: Turn = serde_json::from_str(raw.get()).unwrap_or_default();
        for text in turn.role.iter().chain(turn.parts.iter().filter_map(|piece| piece.text.as_ref())) {
            tokens += text::count_with(vocabulary, text);
        }
    }
    Count { tokens, exact: false, tokenizer: vocabulary.name() }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::bad_request(format!("The request cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_of_every_form() {
        for (body, tokens) in [
            (r#"{"model":"gpt-4o","prompt":"Hello, world!"}"#, 4),
            (r#"{"model":"gpt-4o","prompt":["Hello","Hello"]}"#, 2),
            (r#"{"model":"gpt-4o","prompt":[1,2,3]}"#, 3),
            (r#"{"model":"gpt-4o","prompt":[[1],[2,3]]}"#, 3),
        ] {
            let count = count_tokens_request(None, body).unwrap();
            assert_eq!((count.tokens, count.exact, count.tokenizer), (tokens, true, "o200k_base"), "{body}");
        }
        assert!(count_tokens_request(None, r#"{"model":"gpt-4o"}"#).is_err());
        assert!(count_tokens_request(None, "[]").is_err());
        let contents = r#"{"contents":[{"role":"user","parts":[{"text":"Hello, world!"}]}]}"#;
        assert_eq!(count_tokens_request(Some("gemini-2.5-pro"), contents).unwrap().tokens, 5);
    }

    #[test]
    fn token_ids_become_text() {
        assert_eq!(
            crate::decode("text-embedding-3-small", &[9906, 11, 1917, 0]).as_deref(),
            Some("Hello, world!")
        );
        assert_eq!(crate::decode("gpt-4o", &[u32::MAX]), None);
    }
}
