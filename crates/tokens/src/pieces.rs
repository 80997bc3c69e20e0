//! A text is cut into pieces before pairs are joined: words with the space before them, up to three digits, runs of
//! marks, white space. This is what the vocabularies' published patterns match, without a regular expression.

use std::sync::LazyLock;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Which pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pattern {
    /// Words by their letters alone.
    Cl100k,
    /// Words by the case of their letters as well, and with their contraction.
    O200k,
}

/// What a character is to the patterns, as bits.
const UPPER: u8 = 1;
const LOWER: u8 = 2;
/// Letters without case.
const OTHER_LETTER: u8 = 4;
const MARK: u8 = 8;
const NUMBER: u8 = 16;
const SPACE: u8 = 32;
const NEWLINE: u8 = 64;

const LETTER: u8 = UPPER | LOWER | OTHER_LETTER;
/// What may begin a word, in the pattern that minds case …
const HEAD: u8 = UPPER | OTHER_LETTER | MARK;
/// … and what may go on with it.
const TAIL: u8 = LOWER | OTHER_LETTER | MARK;

/// The classes of the first 65,536 characters, in which nearly all text is written.
static CLASSES: LazyLock<Box<[u8]>> =
    LazyLock::new(|| (0..=0xFFFF).map(|code| char::from_u32(code).map_or(0, look_up)).collect());

/// The end of the piece that starts at `start`; `start` must be before the end of the text.
pub(crate) fn end(pattern: Pattern, text: &str, start: usize) -> usize {
    let cursor = Cursor { text, classes: &CLASSES };
    match pattern {
        Pattern::Cl100k => cursor.contraction(start).or_else(|| cursor.plain_word(start)),
        Pattern::O200k => cursor.cased_word(start),
    }
    .or_else(|| cursor.digits(start))
    .or_else(|| cursor.marks(start, pattern))
    .unwrap_or_else(|| cursor.space(start))
}

struct Cursor<'a> {
    text: &'a str,
    classes: &'a [u8],
}

impl Cursor<'_> {
    /// The class of the character at an index and where the next one starts; class zero and no progress at the end.
    #[inline]
    fn at(&self, index: usize) -> (u8, usize) {
        let bytes = self.text.as_bytes();
        match bytes.get(index) {
            None => (0, index),
            Some(byte) if *byte < 0x80 => (self.classes[usize::from(*byte)], index + 1),
            Some(_) => match self.text.get(index..).and_then(|rest| rest.chars().next()) {
                Some(next) => {
                    let class = self.classes.get(next as usize).copied().unwrap_or_else(|| look_up(next));
                    (class, index + next.len_utf8())
                }
                None => (0, index),
            },
        }
    }

    /// The end of the run of characters of these classes.
    #[inline]
    fn run(&self, mut index: usize, classes: u8) -> usize {
        loop {
            let (class, next) = self.at(index);
            if class & classes == 0 {
                return index;
            }
            index = next;
        }
    }

    /// `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d` in any case.
    fn contraction(&self, start: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(start..)?.strip_prefix(b"'")?;
        let first = rest.first()?.to_ascii_lowercase();
        let second = rest.get(1).map_or(0, u8::to_ascii_lowercase);
        match (first, second) {
            (b's' | b't' | b'm' | b'd', _) => Some(start + 2),
            (b'r' | b'v', b'e') | (b'l', b'l') => Some(start + 3),
            // The long s is an s in another case.
            _ if rest.starts_with("ſ".as_bytes()) => Some(start + 3),
            _ => None,
        }
    }

    /// Letters, with one character before them that is no letter, digit or line break.
    fn plain_word(&self, start: usize) -> Option<usize> {
        let (class, next) = self.at(start);
        if class & LETTER != 0 {
            return Some(self.run(next, LETTER));
        }
        let end = self.run(next, LETTER);
        (class & (NUMBER | NEWLINE) == 0 && end > next).then_some(end)
    }

    /// Capitals and then small letters, or capitals alone; each with one character before them that is no letter,
    /// digit or line break, and with a contraction after them.
    fn cased_word(&self, start: usize) -> Option<usize> {
        let (class, next) = self.at(start);
        let lead = (class & (LETTER | NUMBER | NEWLINE) == 0).then_some(next);
        let word = lead
            .and_then(|next| self.ends_small(next))
            .or_else(|| self.ends_small(start))
            .or_else(|| lead.and_then(|next| self.begins_large(next)))
            .or_else(|| self.begins_large(start))?;
        Some(self.contraction(word).unwrap_or(word))
    }

    /// As many of [`HEAD`] as leave at least one of [`TAIL`].
    fn ends_small(&self, start: usize) -> Option<usize> {
        let (mut index, mut last) = (start, None);
        loop {
            let (class, next) = self.at(index);
            if class & HEAD == 0 {
                break;
            }
            index = next;
            if class & TAIL != 0 {
                last = Some(next);
            }
        }
        let end = self.run(index, TAIL);
        if end > index { Some(end) } else { last }
    }

    fn begins_large(&self, start: usize) -> Option<usize> {
        let heads = self.run(start, HEAD);
        (heads > start).then(|| self.run(heads, TAIL))
    }

    fn digits(&self, start: usize) -> Option<usize> {
        let mut index = start;
        for _ in 0..3 {
            let (class, next) = self.at(index);
            if class & NUMBER == 0 {
                break;
            }
            index = next;
        }
        (index > start).then_some(index)
    }

    /// What is neither letter, digit nor white space, with a space before and line breaks after.
    fn marks(&self, start: usize, pattern: Pattern) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let first = if bytes.get(start) == Some(&b' ') { start + 1 } else { start };
        let mut index = first;
        loop {
            let (class, next) = self.at(index);
            if class & (LETTER | NUMBER | SPACE) != 0 || next == index {
                break;
            }
            index = next;
        }
        if index == first {
            return None;
        }
        let slash = pattern == Pattern::O200k;
        while bytes.get(index).is_some_and(|byte| matches!(byte, b'\r' | b'\n') || slash && *byte == b'/') {
            index += 1;
        }
        Some(index)
    }

    /// White space up to its last line break; else all of it, but for one that belongs to what follows.
    fn space(&self, start: usize) -> usize {
        let (mut index, mut last, mut after_newline) = (start, start, None);
        loop {
            let (class, next) = self.at(index);
            if class & SPACE == 0 {
                break;
            }
            last = index;
            index = next;
            if class & NEWLINE != 0 {
                after_newline = Some(next);
            }
        }
        let end = match after_newline {
            Some(end) => end,
            None if index == self.text.len() || last == start => index,
            None => last,
        };
        // Every character is in one of the classes above; were one not, it would be a piece by itself.
        if end > start { end } else { self.at(start).1 }
    }
}

fn look_up(next: char) -> u8 {
    use GeneralCategory as Category;
    let space = if next.is_whitespace() { SPACE } else { 0 };
    let newline = if matches!(next, '\r' | '\n') { NEWLINE } else { 0 };
    let class = match next.general_category() {
        Category::UppercaseLetter | Category::TitlecaseLetter => UPPER,
        Category::LowercaseLetter => LOWER,
        Category::ModifierLetter | Category::OtherLetter => OTHER_LETTER,
        Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => MARK,
        Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => NUMBER,
        _ => 0,
    };
    class | space | newline
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pattern: Pattern, text: &str) -> Vec<&str> {
        let (mut start, mut pieces) = (0, Vec::new());
        while start < text.len() {
            let end = end(pattern, text, start);
            pieces.push(&text[start..end]);
            start = end;
        }
        pieces
    }

    #[test]
    fn texts_are_cut_as_published() {
        let text = "I'll say 'HELLO' to HTTPServer2024 don't;\n\n  x\t= 1/2//\n end  ";
        assert_eq!(
            pieces(Pattern::Cl100k, text),
            [
                "I",
                "'ll",
                " say",
                " '",
                "HELLO",
                "'",
                " to",
                " HTTPServer",
                "202",
                "4",
                " don",
                "'t",
                ";\n\n",
                " ",
                " x",
                "\t",
                "=",
                " ",
                "1",
                "/",
                "2",
                "//\n",
                " end",
                "  "
            ]
        );
        assert_eq!(
            pieces(Pattern::O200k, text),
            [
                "I'll",
                " say",
                " '",
                "HELLO",
                "'",
                " to",
                " HTTPServer",
                "202",
                "4",
                " don't",
                ";\n\n",
                " ",
                " x",
                "\t",
                "=",
                " ",
                "1",
                "/",
                "2",
                "//\n",
                " end",
                "  "
            ]
        );
    }
}
