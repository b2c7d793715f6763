//! What an order would cost, and whether it would be accepted now.

use domain::{hold::Hold, ledger::Balance, order::Order, size::Ratio};
use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
use super::Usd;
use super::usd;
use crate::Refusal;

/// What an order would cost. Nothing is stored or held.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Quote))]
pub(crate) struct QuoteOut {
    object: &'static str,
    model: &'static str,
    n: u8,
    size: &'static str,
    #[cfg_attr(test, schema(value_type = Usd))]
    price_per_image: Box<RawValue>,
    /// What would be held: the most that it can cost.
    #[cfg_attr(test, schema(value_type = Usd))]
    estimated_cost: Box<RawValue>,
    currency: &'static str,
    /// What the account has for it.
    #[cfg_attr(test, schema(value_type = Usd))]
    available: Box<RawValue>,
    /// Whether it would be accepted now.
    acceptable: bool,
    /// With which code it would be refused; null if it would not be.
    refusal: Option<&'static str>,
}

/// The price of an order, and what its user has for it. `refusal` is the code that the order itself would be
/// answered with now, if it would not be accepted.
#[must_use]
pub fn quote(order: &Order, hold: &Hold, balance: &Balance) -> impl Serialize + use<> {
    let refusal = lacking(hold, balance).map(|refusal| refusal.code());
    QuoteOut {
        object: "price_quote",
        model: order.model.model().slug,
        n: order.n.get(),
        size: order.shape().map_or("auto", Ratio::as_str),
        price_per_image: usd(hold.price()),
        estimated_cost: usd(hold.amount()),
        currency: "USD",
        available: usd(balance.available),
        acceptable: refusal.is_none(),
        refusal,
    }
}

/// Why it would not be accepted, in the order in which that is found out.
fn lacking(hold: &Hold, balance: &Balance) -> Option<Refusal> {
    let (required, available) = (hold.amount(), balance.available);
    if balance.suspended_at.is_some() {
        Some(Refusal::AccountSuspended)
    } else if available < required {
        Some(Refusal::InsufficientBalance { required, available })
    } else if balance.free_slots == 0 {
        Some(Refusal::QueueFull { cap: balance.queue_cap })
    } else {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests;
