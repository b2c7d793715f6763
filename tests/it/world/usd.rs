//! Money as it stands in answers, read digit by digit: what a float would hide, a test must see.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Signed dollars, in micro-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Usd(i64);

/// Dollars as they are written in JSON: no exponent, at most six decimals, no needless zeros.
pub(crate) fn usd(text: &str) -> Usd {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let lean = (whole == "0" || !whole.starts_with('0'))
        && (!digits.contains('.') || !decimals.ends_with('0'))
        && text != "-0";
    assert!(plain(whole) && plain(decimals) && decimals.len() <= 6 && lean, "{text} dollars");
    let micros: i64 = format!("{whole}{decimals:0<6}").parse().unwrap();
    Usd(if text.starts_with('-') { micros.checked_neg().unwrap() } else { micros })
}

/// All of them together.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Usd>) -> Usd {
    Usd(amounts.into_iter().fold(0, |sum, Usd(amount)| sum.checked_add(amount).unwrap()))
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Ok(usd(Box::<RawValue>::deserialize(json)?.get()))
    }
}

/// `GET /v1/credits/balance`
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Balance {
    pub(crate) object: String,
    pub(crate) available: Usd,
    pub(crate) held: Usd,
    pub(crate) charged: Usd,
    pub(crate) credited: Usd,
    pub(crate) currency: String,
}

/// A row of `GET /v1/credits/transactions`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) object: String,
    pub(crate) kind: String,
    pub(crate) amount: Usd,
    pub(crate) changes: Changes,
    pub(crate) job_id: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) created_at: String,
}

/// What a transaction did to each side of the balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Changes {
    pub(crate) available: Usd,
    pub(crate) held: Usd,
    pub(crate) charged: Usd,
    pub(crate) credited: Usd,
}

/// A part of the transactions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    pub(crate) object: String,
    pub(crate) data: Vec<Transaction>,
    pub(crate) has_more: bool,
    pub(crate) next_cursor: Option<String>,
}
