//! What an order would cost, and whether it would be accepted now.

use domain::{hold::Hold, ledger::Balance, order::Order, size::Ratio};
use serde::Serialize;
use serde_json::value::RawValue;

use super::usd;
use crate::Refusal;

#[derive(Serialize)]
struct QuoteOut {
    object: &'static str,
    model: &'static str,
    n: u8,
    size: &'static str,
    price_per_image: Box<RawValue>,
    estimated_cost: Box<RawValue>,
    currency: &'static str,
    available: Box<RawValue>,
    acceptable: bool,
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
mod tests;
