//! What a user has.

use domain::ledger::Balance;
use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
use super::Usd;
use super::usd;

/// What an account has. `credited` is always the sum of the other three.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Balance))]
pub(crate) struct BalanceOut {
    object: &'static str,
    /// What can be spent.
    #[cfg_attr(test, schema(value_type = Usd))]
    available: Box<RawValue>,
    /// What unfinished jobs may cost.
    #[cfg_attr(test, schema(value_type = Usd))]
    held: Box<RawValue>,
    /// What finished jobs have cost.
    #[cfg_attr(test, schema(value_type = Usd))]
    charged: Box<RawValue>,
    /// What was ever paid in.
    #[cfg_attr(test, schema(value_type = Usd))]
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
pub(crate) mod tests;
