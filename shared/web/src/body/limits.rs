//! How much a user may have going on at a time, and what the tiers are.

use domain::{
    ledger::Balance,
    tier::{TIERS, Tier},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::usd;

#[derive(Serialize)]
struct LimitsOut {
    object: &'static str,
    tier: u8,
    image_concurrent: u32,
    image_queue_cap: u32,
    image_queue_used: u32,
}

#[derive(Serialize)]
struct TiersOut {
    object: &'static str,
    tiers: [TierOut; TIERS.len()],
}

#[derive(Serialize)]
struct TierOut {
    tier: u8,
    min_deposit_usd: Box<RawValue>,
    image_concurrent: u32,
    image_queue_cap: u32,
}

/// What a user may have going on, and has.
#[must_use]
pub fn limits(balance: &Balance) -> impl Serialize + use<> {
    let tier = Tier::of(balance.credited);
    LimitsOut {
        object: "account.limits",
        tier: tier.level,
        image_concurrent: tier.running_cap,
        // Of the account and not of the tier: slots that were given once stay.
        image_queue_cap: balance.queue_cap,
        image_queue_used: balance.open_jobs,
    }
}

/// All tiers, from the bottom.
#[must_use]
pub fn tiers() -> impl Serialize {
    let tier = |Tier { level, min_credited, queue_cap, running_cap }| TierOut {
        tier: level,
        min_deposit_usd: usd(min_credited),
        image_concurrent: running_cap,
        image_queue_cap: queue_cap,
    };
    TiersOut { object: "tier.matrix", tiers: TIERS.map(tier) }
}

#[cfg(test)]
mod tests;
