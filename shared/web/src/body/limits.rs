//! How much a user may have going on at a time, and what the tiers are.

use domain::{
    ledger::Balance,
    tier::{TIERS, Tier},
};
use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
use super::Usd;
use super::usd;

/// How much an account may have going on at a time, and has.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Limits))]
pub(crate) struct LimitsOut {
    object: &'static str,
    tier: u8,
    /// How many of its jobs are worked on at a time; others wait.
    image_concurrent: u32,
    /// How many unfinished jobs it may have.
    image_queue_cap: u32,
    /// How many it has.
    image_queue_used: u32,
}

/// All tiers, from the bottom.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Tiers))]
pub(crate) struct TiersOut {
    object: &'static str,
    #[cfg_attr(test, schema(value_type = Vec<TierOut>))]
    tiers: [TierOut; TIERS.len()],
}

/// What comes with having paid in so much, ever.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Tier))]
pub(crate) struct TierOut {
    tier: u8,
    /// What must have been paid in, ever.
    #[cfg_attr(test, schema(value_type = Usd))]
    min_deposit_usd: Box<RawValue>,
    /// How many jobs are worked on at a time.
    image_concurrent: u32,
    /// How many jobs may be unfinished.
    image_queue_cap: u32,
}

/// What a user may have going on, and has.
#[must_use]
pub fn limits(balance: &Balance) -> impl Serialize + use<> {
    let tier = Tier::of(balance.credited);
    LimitsOut {
        object: "account.limits",
        tier: tier.level,
        // Of the account and not of the tier: turns and slots that were given once stay.
        image_concurrent: balance.running_cap,
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
pub(crate) mod tests;
