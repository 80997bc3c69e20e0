use std::sync::LazyLock;

use crate::{
    merge,
    pieces::{self, Pattern},
    table::Table,
};

/// A built-in vocabulary. Its table is made when it is first used.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Vocabulary {
    /// GPT-4o and later, the o-series.
    O200k,
    /// GPT-4, GPT-3.5, the embedding models; the stand-in for everybody else's.
    Cl100k,
}

/// So many letters or spaces in a row are no text: what follows is taken to be like it.
const ENDLESS: usize = 64 * 1024;

/// What the names of OpenAI's models start with, and their vocabulary. The longer of two that fit comes first.
const OPENAI: &[(&str, Vocabulary)] = &[
    ("chatgpt-4o", Vocabulary::O200k),
    ("codex-mini", Vocabulary::O200k),
    ("computer-use-preview", Vocabulary::O200k),
    ("gpt-4.1", Vocabulary::O200k),
    ("gpt-4.5", Vocabulary::O200k),
    ("gpt-4o", Vocabulary::O200k),
    ("gpt-5", Vocabulary::O200k),
    ("o1", Vocabulary::O200k),
    ("o3", Vocabulary::O200k),
    ("o4", Vocabulary::O200k),
    ("babbage-002", Vocabulary::Cl100k),
    ("davinci-002", Vocabulary::Cl100k),
    ("gpt-3.5", Vocabulary::Cl100k),
    ("gpt-35", Vocabulary::Cl100k),
    ("gpt-4", Vocabulary::Cl100k),
    ("text-embedding-3", Vocabulary::Cl100k),
    ("text-embedding-ada-002", Vocabulary::Cl100k),
];

/// Prefixes under which OpenAI's models are sold under their own names.
const RESELLERS: &[&str] = &["openai", "azure", "azure_ai", "text-completion-openai", "azure_text", "github"];

impl Vocabulary {
    /// The vocabulary to count a model's tokens with, and whether it is the model's own.
    pub fn of_model(model: &str) -> (Self, bool) {
        match OPENAI.iter().find(|(start, _)| begins(openai_name(model), start)) {
            Some((_, vocabulary)) => (*vocabulary, true),
            None if model.contains("gpt-4o") => (Self::O200k, true),
            None => (Self::Cl100k, false),
        }
    }

    /// Its usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
        }
    }

    /// How many tokens the whole text is. Special tokens in it are read as plain text.
    pub fn count(self, text: &str) -> u64 {
        let count = |piece: &[u8]| merge::encode(self.table(), piece, &mut |_| {});
        let tokens = self.pieces(text).map(|piece| match piece.get(..ENDLESS) {
            None => count(piece),
            Some(start) => count(start) * piece.len() as u64 / ENDLESS as u64,
        });
        tokens.sum()
    }

    /// The ids of the tokens of the text.
    pub fn encode(self, text: &str) -> Vec<u32> {
        let (table, mut tokens) = (self.table(), Vec::new());
        for piece in self.pieces(text) {
            merge::encode(table, piece, &mut |token| tokens.push(table.rank(token)));
        }
        tokens
    }

    /// The text of these tokens, bytes that are no UTF-8 replaced. None if an id is not in the vocabulary.
    pub fn decode(self, tokens: &[u32]) -> Option<String> {
        let table = self.table();
        let mut bytes = Vec::new();
        for token in tokens {
            bytes.extend_from_slice(table.token(*token)?);
        }
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn pieces(self, text: &str) -> impl Iterator<Item = &[u8]> {
        let pattern = self.pattern();
        let mut start = 0;
        std::iter::from_fn(move || {
            let end = if start < text.len() { pieces::end(pattern, text, start) } else { return None };
            let piece = text.as_bytes().get(start..end);
            start = end;
            piece
        })
    }

    const fn pattern(self) -> Pattern {
        match self {
            Self::O200k => Pattern::O200k,
            Self::Cl100k => Pattern::Cl100k,
        }
    }

    fn table(self) -> &'static Table {
        static O200K: LazyLock<Table> =
            LazyLock::new(|| Table::new(include_bytes!("../data/o200k_base.bin")));
        static CL100K: LazyLock<Table> =
            LazyLock::new(|| Table::new(include_bytes!("../data/cl100k_base.bin")));
        match self {
            Self::O200k => &O200K,
            Self::Cl100k => &CL100K,
        }
    }
}

/// The model's name without a reseller's prefix and without the mark of a fine-tuned model.
fn openai_name(model: &str) -> &str {
    let name = match model.split_once('/') {
        Some((prefix, rest)) if RESELLERS.contains(&prefix) => rest,
        _ => model,
    };
    name.strip_prefix("ft:").unwrap_or(name)
}

/// Whether `name` is `start`, alone or followed by something that is no letter: `o1-mini` but not `o1js`.
fn begins(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_their_vocabulary() {
        for (model, vocabulary, own) in [
            ("gpt-4o-mini", Vocabulary::O200k, true),
            ("openai/gpt-5.1", Vocabulary::O200k, true),
            ("azure/gpt-4.1-2025-04-14", Vocabulary::O200k, true),
            ("ft:gpt-4o-mini:org::id", Vocabulary::O200k, true),
            ("o3-mini", Vocabulary::O200k, true),
            ("openrouter/openai/gpt-4o", Vocabulary::O200k, true),
            ("gpt-4-turbo", Vocabulary::Cl100k, true),
            ("gpt-35-turbo", Vocabulary::Cl100k, true),
            ("text-embedding-3-small", Vocabulary::Cl100k, true),
            ("claude-sonnet-4-5", Vocabulary::Cl100k, false),
            ("openorca-7b", Vocabulary::Cl100k, false),
            ("", Vocabulary::Cl100k, false),
        ] {
            assert_eq!(Vocabulary::of_model(model), (vocabulary, own), "{model}");
        }
    }

    #[test]
    fn decoding_is_the_reverse_of_encoding() {
        let text = "naïve 🗼 text\n\tfn f() {}";
        for vocabulary in [Vocabulary::O200k, Vocabulary::Cl100k] {
            let tokens = vocabulary.encode(text);
            assert_eq!(tokens.len() as u64, vocabulary.count(text));
            assert_eq!(vocabulary.decode(&tokens).as_deref(), Some(text));
            assert_eq!(vocabulary.decode(&[u32::MAX]), None);
        }
    }
}
