use crate::Vocabulary;

/// Texts above this many bytes take milliseconds: count them away from the workers of an async runtime.
pub const BLOCKING_BYTES: usize = 32 * 1024;

/// Texts above this many characters are sampled.
pub const SAMPLED_CHARS: usize = 4_000_000;

const SAMPLES: usize = 16;
const SAMPLE_BYTES: usize = 64 * 1024;

/// How many tokens the text is for that model. Above [`SAMPLED_CHARS`] a sample is counted and scaled up.
pub fn count_text(model: &str, text: &str) -> u64 {
    count_with(Vocabulary::of_model(model).0, text)
}

/// What counts a text's tokens for that model, for those who keep no model name by: `ModelFacts::count_tokens`.
pub fn counter(model: &str) -> fn(&str) -> u64 {
    match Vocabulary::of_model(model).0 {
        Vocabulary::O200k => |text| count_with(Vocabulary::O200k, text),
        Vocabulary::Cl100k => |text| count_with(Vocabulary::Cl100k, text),
    }
}

/// At most so many tokens, without counting any: every token is at least one byte.
pub fn upper_bound(text: &str) -> u64 {
    text.len() as u64
}

/// About how many tokens, without a vocabulary: one pass over the bytes, usually within a third of the truth.
pub fn estimate(text: &str) -> u64 {
    let (mut words, mut letters, mut digits, mut marks, mut lead) = (0u64, 0u64, 0u64, 0u64, 0u64);
    let mut in_word = false;
    for byte in text.bytes() {
        let letter = byte.is_ascii_alphabetic();
        words += u64::from(letter && !in_word);
        in_word = letter;
        match byte {
            _ if letter => letters += 1,
            b'0'..=b'9' => digits += 1,
            b'!'..=b'~' => marks += 1,
            // The first byte of a character outside ASCII; the others follow it and are not counted.
            0xC0.. => lead += 1,
            _ => {}
        }
    }
    // A word is a token, and one more for each six letters beyond the usual; digits go three by three.
    let long = letters.saturating_sub(words * 6) / 6;
    (words + long + digits.div_ceil(3) + marks * 3 / 4 + lead * 4 / 5).max(u64::from(!text.is_empty()))
}

/// The text of token ids that a client sent instead of a text. None if the model has no such ids.
pub fn decode(model: &str, tokens: &[u32]) -> Option<String> {
    Vocabulary::of_model(model).0.decode(tokens)
}

/// Whether [`count_with`] counts a sample only.
pub(crate) fn is_sampled(text: &str) -> bool {
    text.len() > SAMPLED_CHARS && text.chars().count() > SAMPLED_CHARS
}

pub(crate) fn count_with(vocabulary: Vocabulary, text: &str) -> u64 {
    if !is_sampled(text) {
        return vocabulary.count(text);
    }
    let step = text.len() / SAMPLES;
    let (mut tokens, mut bytes) = (0u64, 0u64);
    for sample in 0..SAMPLES {
        let start = text.floor_char_boundary(sample * step);
        let end = text.floor_char_boundary(start + SAMPLE_BYTES);
        let part = text.get(start..end).unwrap_or_default();
        tokens += vocabulary.count(part);
        bytes += part.len() as u64;
    }
    (u128::from(tokens) * text.len() as u128 / u128::from(bytes.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE_TEXTS: [&str; 4] = [
        "The quick brown fox jumps over the lazy dog, and nobody ever found out why it did so on that day. ",
        "fn add(a: u32, b: u32) -> u32 {\n    a.checked_add(b).unwrap_or(u32::MAX) // saturates\n}\n",
        "日本語のテキストと漢字が並ぶ長い文章です。",
        "{\"id\": 12345678, \"tags\": [\"a\", \"b\"], \"price\": 19.99, \"nested\": {\"ok\": true}}",
    ];

    #[test]
    fn bounds_hold_and_estimates_are_near() {
        for text in SAMPLE_TEXTS {
            let exact = count_text("gpt-4o", text);
            assert!(exact <= upper_bound(text));
            let near = estimate(text);
            assert!(near * 3 >= exact * 2 && near * 2 <= exact * 3, "{near} for {exact}: {text}");
        }
        assert_eq!(estimate(""), 0);
    }

    #[test]
    fn very_long_texts_are_sampled() {
        let text = SAMPLE_TEXTS.concat().repeat(20_000);
        assert!(is_sampled(&text));
        let part = SAMPLE_TEXTS.concat().repeat(200);
        let (sampled, exact) = (count_text("gpt-4o", &text), count_text("gpt-4o", &part) * 100);
        assert!(sampled.abs_diff(exact) * 100 < exact * 2, "{sampled} for {exact}");
    }

    #[test]
    fn hard_texts_take_linear_time() {
        assert_eq!(count_text("gpt-4o", &"a".repeat(400_000)), 50_000);
        assert!(count_text("gpt-4", &" ".repeat(400_000)) > 0);
        assert!(count_text("gpt-4", &"\u{301}".repeat(100_000)) > 0);
    }
}
