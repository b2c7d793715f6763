//! How many unfinished jobs a user may have, and how many of them may run at a time: the more they have ever
//! paid in, the more.

use serde::{Deserialize, Serialize};

use crate::money::MicroUsd;

/// A step of the ladder. It follows from what was credited in the user's lifetime, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tier {
    /// 0 to 4.
    pub level: u8,
    /// The lifetime credit from which on it holds.
    pub min_credited: MicroUsd,
    /// The most jobs that may be unfinished at a time.
    pub queue_cap: u32,
    /// The most of them that may run at a time; the others wait their turn.
    pub running_cap: u32,
}

const fn tier(level: u8, min_micros: u64, queue_cap: u32, running_cap: u32) -> Tier {
    Tier { level, min_credited: MicroUsd::constant(min_micros), queue_cap, running_cap }
}

/// The ladder, from the bottom.
pub const TIERS: [Tier; 5] = [
    tier(0, 0, 6, 2),
    tier(1, 5_000_000, 30, 10),
    tier(2, 50_000_000, 60, 20),
    tier(3, 250_000_000, 84, 28),
    tier(4, 1_000_000_000, 114, 38),
];

impl Tier {
    /// The tier of a user who was credited so much in all.
    #[must_use]
    pub fn of(credited: MicroUsd) -> Self {
        let [bottom, ..] = TIERS;
        TIERS.into_iter().rev().find(|tier| tier.min_credited <= credited).unwrap_or(bottom)
    }
}

#[cfg(test)]
mod tests;
