//! Money, to the last digit, and what the API tells of it.

use std::fmt;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

/// US dollars in millionths. Read from the digits of a JSON number, never through a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd {
    micros: i64,
}

/// Digits after the point.
const DECIMALS: usize = 6;
const MICROS: u64 = 1_000_000;

impl Usd {
    /// The amount in millionths of a dollar.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.micros
    }

    fn read(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || !is_number(whole)
            || !is_number(decimals)
            || decimals.len() > DECIMALS
        {
            return None;
        }
        let micros: i64 = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
        Some(Self { micros: if negative { micros.checked_neg()? } else { micros } })
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.micros.unsigned_abs();
        let (whole, rest) = (micros / MICROS, micros % MICROS);
        let sign = if self.micros < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}")?;
        let decimals = format!("{rest:06}");
        match decimals.trim_end_matches('0') {
            "" => Ok(()),
            decimals => write!(f, ".{decimals}"),
        }
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(json)?;
        Self::read(raw.get()).ok_or_else(|| D::Error::custom("not an amount of dollars"))
    }
}

/// What an order would cost.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Quote {
    /// What would be held: the most that it can cost.
    pub estimated_cost: Usd,
    /// What one picture costs.
    pub price_per_image: Usd,
    /// What the account has.
    pub available: Usd,
    /// Whether it would be accepted now.
    pub acceptable: bool,
    /// With which code it would be refused.
    pub refusal: Option<String>,
}

/// What an account has. `credited` is the sum of the other three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Balance {
    /// What can be spent.
    pub available: Usd,
    /// What unfinished jobs may cost.
    pub held: Usd,
    /// What finished jobs have cost.
    pub charged: Usd,
    /// What was ever paid in.
    pub credited: Usd,
}

/// An entry of an account's books.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Transaction {
    /// Its id.
    pub id: String,
    /// `credit`, `hold`, `usage` or `refund`.
    pub kind: String,
    /// What it is about.
    pub amount: Usd,
    /// What it adds to each total of the balance.
    pub changes: Changes,
    /// The job that it is of.
    pub job_id: Option<String>,
    /// What a credit stands for.
    pub reference: Option<String>,
    /// When, as RFC 3339.
    pub created_at: String,
}

/// What a transaction adds to each total of the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Changes {
    /// To what can be spent.
    pub available: Usd,
    /// To what is held.
    pub held: Usd,
    /// To what was charged.
    pub charged: Usd,
    /// To what was paid in.
    pub credited: Usd,
}

/// How much an account may have going on, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// The tier, from what was ever paid in.
    pub tier: u8,
    /// How many jobs are worked on at a time.
    pub image_concurrent: u32,
    /// How many jobs may be unfinished.
    pub image_queue_cap: u32,
    /// How many are.
    pub image_queue_used: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_what_its_digits_say() {
        for (text, micros) in [
            ("0", 0),
            ("0.081", 81_000),
            ("9.757", 9_757_000),
            ("-0.162", -162_000),
            ("0.000001", 1),
            ("999999999.999999", 999_999_999_999_999),
        ] {
            let amount: Usd = serde_json::from_str(text).unwrap();
            assert_eq!((amount.micros(), amount.to_string().as_str()), (micros, text));
        }
        for text in ["\"1\"", "1e3", "0.0000001", "null", "99999999999999999999"] {
            assert!(serde_json::from_str::<Usd>(text).is_err(), "{text}");
        }
    }
}
