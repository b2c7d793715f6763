//! Amounts of money: whole micro-dollars, bounded, without operators and without floats.
//!
//! One US dollar is 1,000,000 micro-dollars. The bound of a billion dollars keeps every sum of two
//! amounts inside an `i64`, and a wrong unit from passing as money.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Micro-dollars in a dollar.
const DOLLAR: u64 = 1_000_000;

/// An amount of US dollars in micro-dollars, from zero to a billion dollars.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct MicroUsd(u64);

/// The amount is more than a billion dollars, or not an amount at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an amount of US dollars between 0 and 1,000,000,000 with at most 6 decimals")]
pub struct BadAmount;

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// A billion dollars.
    pub const MAX: Self = Self(1_000_000_000 * DOLLAR);

    /// An amount known when the program is written.
    ///
    /// # Panics
    /// At compile time where it is a constant, if it is above [`Self::MAX`].
    #[must_use]
    pub const fn constant(micros: u64) -> Self {
        assert!(micros <= Self::MAX.0, "above a billion dollars");
        Self(micros)
    }

    /// How many micro-dollars.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The sum, unless it is above [`Self::MAX`].
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(|micros| Self::try_from(micros).ok())
    }

    /// The difference, unless it is below zero.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Half of it, rounded down to a whole micro-dollar.
    #[must_use]
    pub const fn half(self) -> Self {
        Self(self.0 / 2)
    }

    /// So many times the amount, unless it is above [`Self::MAX`].
    #[must_use]
    pub fn checked_mul(self, times: u32) -> Option<Self> {
        self.0.checked_mul(u64::from(times)).and_then(|micros| Self::try_from(micros).ok())
    }
}

impl TryFrom<u64> for MicroUsd {
    type Error = BadAmount;

    fn try_from(micros: u64) -> Result<Self, BadAmount> {
        if micros <= Self::MAX.0 { Ok(Self(micros)) } else { Err(BadAmount) }
    }
}

impl From<MicroUsd> for u64 {
    fn from(amount: MicroUsd) -> Self {
        amount.0
    }
}

/// Dollars, exactly, without needless zeros: `0.081`, `10`.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / DOLLAR, self.0 % DOLLAR);
        if rest == 0 {
            write!(f, "{dollars}")
        } else {
            let decimals = format!("{rest:06}");
            write!(f, "{dollars}.{}", decimals.trim_end_matches('0'))
        }
    }
}

/// Reads dollars, exactly: `10`, `0.081`; at most six decimals, no sign, no exponent.
impl FromStr for MicroUsd {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        let (whole, decimals) = text.split_once('.').map_or((text, None), |(w, d)| (w, Some(d)));
        let decimals = decimals.map_or(Some(0), |digits| scaled(digits, 6)).ok_or(BadAmount)?;
        digits(whole)
            .and_then(|dollars| dollars.checked_mul(DOLLAR))
            .and_then(|micros| micros.checked_add(decimals))
            .ok_or(BadAmount)
            .and_then(Self::try_from)
    }
}

/// The decimal digits after a point, as a whole number of `10^-places`.
pub(crate) fn scaled(decimals: &str, places: usize) -> Option<u64> {
    if decimals.len() > places {
        return None;
    }
    let value = digits(decimals)?;
    let missing = places.checked_sub(decimals.len()).and_then(|zeros| u32::try_from(zeros).ok())?;
    value.checked_mul(10_u64.checked_pow(missing)?)
}

/// A number of one to nineteen ASCII digits.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() < 20 && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// A movement of money on one side of an account: what was added to it, or taken from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change(i64);

impl Change {
    /// No movement.
    pub const NONE: Self = Self(0);

    /// The amount comes in.
    #[must_use]
    pub fn plus(amount: MicroUsd) -> Self {
        Self(i64::try_from(amount.0).unwrap_or(i64::MAX))
    }

    /// The amount goes out.
    #[must_use]
    pub fn minus(amount: MicroUsd) -> Self {
        Self(Self::plus(amount).0.saturating_neg())
    }

    /// Signed micro-dollars.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }
}

/// Signed dollars, exactly: `-0.081`, `10`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", MicroUsd(self.0.unsigned_abs()))
    }
}

#[cfg(test)]
mod tests;
