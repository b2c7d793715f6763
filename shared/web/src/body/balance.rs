//! What a user has.

use domain::ledger::Balance;
use serde::Serialize;
use serde_json::value::RawValue;

use super::usd;

#[derive(Serialize)]
struct BalanceOut {
    object: &'static str,
    available: Box<RawValue>,
    held: Box<RawValue>,
    charged: Box<RawValue>,
    credited: Box<RawValue>,
    currency: &'static str,
}

/// A balance as its owner sees it.
#[must_use]
pub fn balance(balance: &Balance) -> impl Serialize {
    BalanceOut {
        object: "credit.balance",
        available: usd(balance.available),
        held: usd(balance.held),
        charged: usd(balance.charged),
        credited: usd(balance.credited),
        currency: "USD",
    }
}

#[cfg(test)]
mod tests;
