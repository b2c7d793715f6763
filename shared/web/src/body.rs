//! The bodies of answers: explicit fields, so that nothing internal can slip out.

pub(crate) mod balance;
pub(crate) mod catalogue;
pub(crate) mod job;
pub(crate) mod limits;
pub(crate) mod quote;
pub(crate) mod told;
pub(crate) mod transactions;
pub(crate) mod webhooks;

#[cfg(test)]
pub(crate) use crate::openapi::schema::{SignedUsd, Usd};

use domain::{
    money::{Change, MicroUsd},
    time::Timestamp,
};
use serde_json::value::RawValue;
use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};

/// A list, or a part of one.
#[derive(serde::Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub(crate) struct List<T> {
    object: &'static str,
    data: Vec<T>,
    has_more: bool,
    /// What to ask for the next part with, as the parameter `cursor`; null if there is none.
    next_cursor: Option<String>,
}

impl<T> List<T> {
    pub(crate) fn new(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { object: "list", data, has_more: next_cursor.is_some(), next_cursor }
    }
}

/// Dollars as a JSON number, digit by digit: it never passes through a float.
pub(crate) fn usd(amount: MicroUsd) -> Box<RawValue> {
    number(&amount.to_string())
}

/// Signed dollars as a JSON number.
pub(crate) fn signed_usd(change: Change) -> Box<RawValue> {
    number(&change.to_string())
}

fn number(text: &str) -> Box<RawValue> {
    // A decimal number is JSON; `null` could only ever stand for a bug here.
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

const RFC_3339: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// RFC 3339 in UTC with milliseconds: `2026-04-25T10:00:00.000Z`.
pub(crate) fn date_time(at: Timestamp) -> String {
    let nanos = i128::from(at.millis()).saturating_mul(1_000_000);
    let date = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    date.and_then(|date| date.format(RFC_3339).ok()).unwrap_or_default()
}
