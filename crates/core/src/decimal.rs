//! Decimal fractions as text.

use std::{fmt, time::Duration};

/// A whole number of parts, printed as a decimal fraction of the unit. On every call's path (money, times), so it is
/// written by hand: formatting each half and joining them costs ten times as much.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    parts: u64,
    places: usize,
    trim: bool,
}

/// As many digits as a `u64` has, a zero before the point and the point.
const LONGEST: usize = 22;

impl Decimal {
    /// `parts` of which ten to the power of `places` (at most 19) make one, with all places: `1.500`.
    pub const fn fixed(parts: u64, places: usize) -> Self {
        Self { parts, places, trim: false }
    }

    /// As [`Decimal::fixed`], without zeros at the end: `1.5`.
    pub const fn trimmed(parts: u64, places: usize) -> Self {
        Self { parts, places, trim: true }
    }

    /// Milliseconds, with microseconds behind the point.
    pub fn millis(duration: Duration) -> Self {
        Self::fixed(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX), 3)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'0'; LONGEST];
        let (mut rest, mut digits, mut end) = (self.parts, 0, LONGEST);
        let mut at = LONGEST;
        while rest > 0 || digits <= self.places {
            if digits == self.places && digits > 0 && at < end {
                at -= 1;
                text[at] = b'.';
            }
            let digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            digits += 1;
            if self.trim && digits <= self.places && digit == b'0' && at == end {
                // A zero behind everything that counts.
                end -= 1;
                at -= 1;
                continue;
            }
            at -= 1;
            text[at] = digit;
        }
        f.write_str(text.get(at..end).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_exact_arithmetic_would() {
        for (decimal, text) in [
            (Decimal::fixed(0, 3), "0.000"),
            (Decimal::fixed(1, 3), "0.001"),
            (Decimal::fixed(1_234_567, 3), "1234.567"),
            (Decimal::fixed(7, 0), "7"),
            (Decimal::trimmed(0, 12), "0"),
            (Decimal::trimmed(1, 12), "0.000000000001"),
            (Decimal::trimmed(1_017_000_000, 12), "0.001017"),
            (Decimal::trimmed(3_000_000_000_000, 12), "3"),
            (Decimal::trimmed(120_500_000_000_000, 12), "120.5"),
            (Decimal::trimmed(u64::MAX, 19), "1.8446744073709551615"),
            (Decimal::fixed(1, 19), "0.0000000000000000001"),
        ] {
            assert_eq!(decimal.to_string(), text);
        }
    }
}
