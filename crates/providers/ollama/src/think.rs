//! Reasoning that a model writes into its answer: `<think>…</think>` at the beginning.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// A piece of an answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece {
    Reasoning(String),
    Text(String),
}

/// Takes an answer apart as it comes.
#[derive(Default)]
pub(crate) struct Splitter {
    place: Place,
    /// What cannot be told yet: the possible start of a mark.
    held: String,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Beginning,
    Thinking,
    Answer,
}

impl Splitter {
    /// Takes more of the answer and gives what is certain.
    pub(crate) fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        if self.place == Place::Beginning {
            let start = self.held.trim_start();
            if let Some(rest) = start.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.place = Place::Thinking;
            } else if OPEN.starts_with(start) {
                return;
            } else {
                self.place = Place::Answer;
            }
        }
        if self.place == Place::Thinking {
            let Some((thought, rest)) = self.held.split_once(CLOSE) else {
                let rest = self.held.split_off(certain(&self.held));
                out.extend(Some(std::mem::replace(&mut self.held, rest)).filter(said).map(Piece::Reasoning));
                return;
            };
            out.extend(Some(thought.to_owned()).filter(said).map(Piece::Reasoning));
            self.held = rest.to_owned();
            self.place = Place::Answer;
        }
        out.extend(Some(std::mem::take(&mut self.held)).filter(said).map(Piece::Text));
    }

    /// The answer is complete.
    pub(crate) fn finish(&mut self, out: &mut Vec<Piece>) {
        let rest = Some(std::mem::take(&mut self.held)).filter(said);
        match self.place {
            Place::Thinking => out.extend(rest.map(Piece::Reasoning)),
            Place::Beginning | Place::Answer => out.extend(rest.map(Piece::Text)),
        }
    }
}

/// A whole answer taken apart: reasoning, text.
pub(crate) fn split(text: &str) -> (Option<String>, String) {
    let (mut splitter, mut pieces) = (Splitter::default(), Vec::new());
    splitter.push(text, &mut pieces);
    splitter.finish(&mut pieces);
    let (mut reasoning, mut answer) = (None::<String>, String::new());
    for piece in pieces {
        match piece {
            Piece::Reasoning(more) => reasoning.get_or_insert_default().push_str(&more),
            Piece::Text(more) => answer.push_str(&more),
        }
    }
    (reasoning, answer)
}

#[expect(clippy::ptr_arg, reason = "a predicate for Option<String>::filter")]
fn said(text: &String) -> bool {
    !text.is_empty()
}

/// How much of the text is certainly no part of the closing mark.
fn certain(text: &str) -> usize {
    let longest = (1..CLOSE.len()).rev().find(|length| text.ends_with(&CLOSE[..*length]));
    text.len() - longest.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marks_at_the_beginning_count_however_they_are_cut() {
        for (text, reasoning, answer) in [
            ("<think>a < b</think>Yes.", Some("a < b"), "Yes."),
            ("\n<think></think>Yes.", None, "Yes."),
            ("<think>unfinished </thi", Some("unfinished </thi"), ""),
            ("Use <think>x</think>.", None, "Use <think>x</think>."),
            (" <thinking>", None, " <thinking>"),
            ("<thi", None, "<thi"),
        ] {
            assert_eq!(split(text), (reasoning.map(str::to_owned), answer.to_owned()), "{text}");
            let (mut splitter, mut pieces) = (Splitter::default(), Vec::new());
            text.chars().for_each(|piece| splitter.push(piece.encode_utf8(&mut [0; 4]), &mut pieces));
            splitter.finish(&mut pieces);
            let said = pieces.into_iter().filter_map(|piece| match piece {
                Piece::Text(text) => Some(text),
                Piece::Reasoning(_) => None,
            });
            let said: String = said.collect();
            assert_eq!(said, answer, "{text}");
        }
    }
}
