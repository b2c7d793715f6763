//! Pockets: the rows that a balance is kept in, so that many jobs of one account do not wait for each
//! other at a single row.
//!
//! An account has one pocket. When orders meet each other there, and it holds enough for many of them, half
//! of its money, of its free slots and of its free turns moves to another pocket, up to [`POCKETS`]. A job's price is held and
//! resolved in one pocket. What an account may do depends on its pockets together: an order that its first
//! pocket cannot pay is paid by another, and if none can alone, money and slots are gathered. Turns decide
//! nothing of that: an order without one is accepted, and its job waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ledger::Balance, money::MicroUsd};

/// The most pockets of an account. At 100 movements a second and 25 ms each, a pocket is free three times
/// out of four.
pub const POCKETS: u8 = 8;

/// For how long a new job lets those go first that have waited, while more wait than there are turns. It is
/// longer than the pause of a job that waits, so that each of them has asked once before.
pub const COURTESY: Duration = Duration::from_secs(5);

/// For how many jobs like the one at hand a pocket must have money and slots, to be worth filling.
const WORTH: u32 = 8;

/// A pocket, by its number. The first is there as long as the account, and knows what was credited and how
/// many slots there are in all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct Pocket(u8);

/// There is no pocket of this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pocket {0}")]
pub struct BadPocket(u8);

impl Pocket {
    /// The pocket that every account has.
    pub const FIRST: Self = Self(0);

    /// Its number, from 0.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether it is the one that every account has.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<u8> for Pocket {
    type Error = BadPocket;

    fn try_from(number: u8) -> Result<Self, BadPocket> {
        if number < POCKETS { Ok(Self(number)) } else { Err(BadPocket(number)) }
    }
}

impl From<Pocket> for u8 {
    fn from(pocket: Pocket) -> Self {
        pocket.0
    }
}

/// All pockets of an account as they were read, in the order of their numbers. The first is among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pockets(Vec<(Pocket, Balance)>);

/// Why a pocket did not accept an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Others were in the way.
    Others,
    /// Its money or its slots did not suffice.
    TooLittle,
}

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask this pocket.
    Ask(Pocket),
    /// Move this, then ask the pocket that it goes to.
    Move(Move),
    /// Ask the same pocket again, later.
    Wait,
    /// Refuse the order: all pockets together have too little.
    Refuse,
}

/// Money, slots and turns that go from one pocket to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Where they are.
    pub from: Pocket,
    /// Where they go.
    pub to: Pocket,
    /// Whether there is no such pocket yet.
    pub is_new: bool,
    /// How much money.
    pub amount: MicroUsd,
    /// How many free slots.
    pub slots: u32,
    /// How many free turns.
    pub turns: u32,
}

impl Pockets {
    /// The pockets of an account. `None` without the first, which every account has.
    #[must_use]
    pub fn new(mut pockets: Vec<(Pocket, Balance)>) -> Option<Self> {
        pockets.sort_by_key(|(pocket, _)| *pocket);
        pockets.first().filter(|(pocket, _)| pocket.is_first())?;
        Some(Self(pockets))
    }

    /// What is in each of them.
    pub fn iter(&self) -> impl Iterator<Item = (Pocket, &Balance)> {
        self.0.iter().map(|(pocket, balance)| (*pocket, balance))
    }

    /// Whether there is but one.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.0.len() == 1
    }

    /// The balance of the account.
    #[must_use]
    pub fn total(&self) -> Balance {
        self.iter().fold(Balance::default(), |sum, (_, balance)| sum.plus(balance))
    }

    /// What to do for an order of `amount` that the pocket `asked` did not accept. `luck` spreads those who
    /// met over the pockets.
    #[must_use]
    pub fn next(&self, amount: MicroUsd, asked: Pocket, met: Met, luck: u64) -> Next {
        match met {
            // Whoever meets others elsewhere, too, finds that there are too few pockets.
            Met::Others if !asked.is_first() => self
                .split(amount)
                .or_else(|| self.able(amount, Some(asked), luck).map(Next::Ask))
                .unwrap_or(Next::Wait),
            Met::Others => self
                .able(amount, Some(asked), luck)
                .map(Next::Ask)
                .or_else(|| self.split(amount))
                .unwrap_or(Next::Wait),
            // Whoever comes next asks the same pocket first: it is filled, if that lasts for some time.
            Met::TooLittle => self
                .level(amount, asked, false)
                .or_else(|| self.able(amount, None, luck).map(Next::Ask))
                .or_else(|| self.gather(amount))
                .unwrap_or(Next::Refuse),
        }
    }

    /// Whether a pocket has a turn for a new job, and nobody waits for it.
    #[must_use]
    pub fn offers_turn(&self, pocket: Pocket) -> bool {
        let Balance { free_turns, waiting_jobs, .. } = self.get(pocket);
        free_turns > 0 && waiting_jobs == 0
    }

    /// The pocket whose turn a job of this age may take that waits: its own, or any that has one. `None`
    /// while there is none, or others go first.
    #[must_use]
    pub fn turn(&self, own: Pocket, age: Duration) -> Option<Pocket> {
        let total = self.total();
        if age < COURTESY && total.waiting_jobs > total.free_turns {
            return None;
        }
        let free = self.iter().filter(|(_, balance)| balance.free_turns > 0);
        free.min_by_key(|(pocket, _)| (*pocket != own, *pocket)).map(|(pocket, _)| pocket)
    }

    fn get(&self, wanted: Pocket) -> Balance {
        self.iter().find(|(pocket, _)| *pocket == wanted).map(|(_, b)| *b).unwrap_or_default()
    }

    /// One of the pockets that can accept such an order, but for this one.
    fn able(&self, amount: MicroUsd, but: Option<Pocket>, luck: u64) -> Option<Pocket> {
        let able = |balance: &Balance| balance.available >= amount && balance.free_slots > 0;
        let able = self.iter().filter(|(pocket, balance)| Some(*pocket) != but && able(balance));
        let able: Vec<Pocket> = able.map(|(pocket, _)| pocket).collect();
        let count = u64::try_from(able.len()).ok()?;
        let index = usize::try_from(luck.checked_rem(count)?).ok()?;
        able.get(index).copied()
    }

    /// The lowest number that is still free.
    fn unused(&self) -> Option<Pocket> {
        let is_used = |wanted| self.iter().any(|(pocket, _)| pocket == wanted);
        (0..POCKETS).map(Pocket).find(|pocket| !is_used(*pocket))
    }

    /// Gives half of what the richest pocket has to a new one, or to the poorest if there are all.
    fn split(&self, amount: MicroUsd) -> Option<Next> {
        if let Some(new) = self.unused() {
            return self.level(amount, new, true);
        }
        let (poorest, _) = self.iter().min_by_key(|(_, balance)| balance.available)?;
        self.level(amount, poorest, false)
    }

    fn richest_but(&self, but: Pocket) -> Option<(Pocket, &Balance)> {
        let others = self.iter().filter(|(pocket, _)| *pocket != but);
        others.max_by_key(|(pocket, balance)| (balance.available, u8::MAX.saturating_sub(pocket.0)))
    }

    /// Brings `to` level with the richest, if it then lasts for some orders like this.
    fn level(&self, amount: MicroUsd, to: Pocket, is_new: bool) -> Option<Next> {
        let has = self.get(to);
        let (from, richest) = self.richest_but(to)?;
        let half = richest.available.saturating_sub(has.available).half();
        let slots = richest.free_slots.saturating_sub(has.free_slots) / 2;
        let turns = richest.free_turns.saturating_sub(has.free_turns) / 2;
        let is_worth = has.available.checked_add(half)? >= amount.checked_mul(WORTH)?
            && has.free_slots.saturating_add(slots) >= WORTH;
        let moves = half > MicroUsd::ZERO || slots > 0;
        let what = Move { from, to, is_new, amount: half, slots, turns };
        (is_worth && moves).then_some(Next::Move(what))
    }

    /// The next step towards one pocket that can accept the order, if all of them together can.
    fn gather(&self, amount: MicroUsd) -> Option<Next> {
        let total = self.total();
        if total.available < amount || total.free_slots == 0 {
            return None;
        }
        let (to, has) = self.iter().max_by_key(|(_, balance)| balance.available)?;
        let lacking = amount.saturating_sub(has.available);
        let (from, gives) = if lacking > MicroUsd::ZERO {
            self.richest_but(to)?
        } else {
            self.iter().filter(|(pocket, _)| *pocket != to).max_by_key(|(_, b)| b.free_slots)?
        };
        let slots = u32::from(has.free_slots == 0 && gives.free_slots > 0);
        let amount = lacking.min(gives.available);
        Some(Next::Move(Move { from, to, is_new: false, amount, slots, turns: 0 }))
    }
}

#[cfg(test)]
mod tests;
