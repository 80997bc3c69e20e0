//! Integer money.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Mul, Neg, Sub},
};

use crate::Decimal;

/// US dollars as an integer count of picodollars (10⁻¹² USD): exact for every published price per token, character,
/// pixel or second, so that sums agree however they are grouped.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Money(i128);

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);
    const PER_DOLLAR: i128 = 1_000_000_000_000;

    /// From picodollars.
    pub const fn from_pico(pico: i128) -> Self {
        Self(pico)
    }

    /// From dollars, rounded to the nearest picodollar. Not-a-number and infinities are zero.
    pub fn from_dollars(dollars: f64) -> Self {
        let pico = dollars * 1e12;
        if pico.is_finite() { Self(pico.round() as i128) } else { Self::ZERO }
    }

    /// Picodollars.
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// Dollars as a float, for headers, metrics and JSON; never for sums.
    pub fn dollars(self) -> f64 {
        let whole = self.0 / Self::PER_DOLLAR;
        let rest = self.0 % Self::PER_DOLLAR;
        whole as f64 + rest as f64 / 1e12
    }

    /// Whether this is exactly nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This amount times `numerator / denominator`, rounded half up; a zero denominator gives zero.
    pub const fn ratio(self, numerator: i128, denominator: i128) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        let doubled = self.0.saturating_mul(numerator).saturating_mul(2);
        Self(doubled.saturating_add(denominator).div_euclid(denominator * 2))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<u64> for Money {
    type Output = Self;
    fn mul(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i128::from(count)))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Plain decimal dollars without an exponent: `0.001017`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        if let Ok(pico) = u64::try_from(self.0.unsigned_abs()) {
            f.write_str(sign)?;
            return Decimal::trimmed(pico, 12).fmt(f);
        }
        let (whole, rest) =
            (self.0.unsigned_abs() / 1_000_000_000_000, self.0.unsigned_abs() % 1_000_000_000_000);
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{rest:012}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_without_exponent_and_without_trailing_zeros() {
        assert_eq!(Money::from_dollars(0.001017).to_string(), "0.001017");
        assert_eq!(Money::from_dollars(-2.5).to_string(), "-2.5");
        assert_eq!(Money::from_pico(1).to_string(), "0.000000000001");
        assert_eq!(Money::from_dollars(3.0).to_string(), "3");
        assert_eq!(Money::from_pico(-20_000_000_250_000_000_000).to_string(), "-20000000.25");
    }

    #[test]
    fn ratios_round_half_up() {
        assert_eq!(Money::from_pico(5).ratio(1, 2), Money::from_pico(3));
        assert_eq!(Money::from_pico(100).ratio(11, 10), Money::from_pico(110));
        assert_eq!(Money::from_pico(1).ratio(1, 0), Money::ZERO);
    }
}
