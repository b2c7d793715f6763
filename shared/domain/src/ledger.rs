//! The books of a user: entries that are added and never changed, and the balance that is their
//! running total.

use crate::{
    hold::{Figures, ResolutionKind},
    ids::JobId,
    money::{Change, MicroUsd},
    time::Timestamp,
};

/// The running totals of a user, or of one [pocket](crate::pocket) of theirs. For all pockets of a user
/// together `available + held + charged == credited` and `open_jobs + free_slots == queue_cap`, always. The
/// turns that are free, and those of unfinished jobs, are the `running_cap`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What may be spent.
    pub available: MicroUsd,
    /// What is set aside for unfinished jobs.
    pub held: MicroUsd,
    /// What was paid.
    pub charged: MicroUsd,
    /// What ever came in.
    pub credited: MicroUsd,
    /// How many jobs are unfinished.
    pub open_jobs: u32,
    /// How many more may be.
    pub free_slots: u32,
    /// How many may be unfinished in all. The first pocket tells it for all of them.
    pub queue_cap: u32,
    /// How many more jobs may run.
    pub free_turns: u32,
    /// How many unfinished jobs have no turn yet.
    pub waiting_jobs: u32,
    /// How many may run at a time in all. The first pocket tells it for all of them.
    pub running_cap: u32,
    /// Since when no order is accepted, if that is so.
    pub suspended_at: Option<Timestamp>,
    /// How often it has changed. Every movement of money raises it, so two reads that agree in it
    /// saw the same books.
    pub version: u64,
}

impl Balance {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        let add = |a: MicroUsd, b| a.checked_add(b).unwrap_or(MicroUsd::MAX);
        Self {
            available: add(self.available, other.available),
            held: add(self.held, other.held),
            charged: add(self.charged, other.charged),
            credited: add(self.credited, other.credited),
            open_jobs: self.open_jobs.saturating_add(other.open_jobs),
            free_slots: self.free_slots.saturating_add(other.free_slots),
            queue_cap: self.queue_cap.saturating_add(other.queue_cap),
            free_turns: self.free_turns.saturating_add(other.free_turns),
            waiting_jobs: self.waiting_jobs.saturating_add(other.waiting_jobs),
            running_cap: self.running_cap.saturating_add(other.running_cap),
            suspended_at: self.suspended_at.or(other.suspended_at),
            version: self.version.saturating_add(other.version),
        }
    }

    /// Whether the sides add up. Of pockets that were read while money went from one to another they do not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let sides = [self.available, self.held, self.charged].map(|side| i128::from(side.micros()));
        let slots = u64::from(self.open_jobs).saturating_add(u64::from(self.free_slots));
        sides.into_iter().fold(0, i128::saturating_add) == i128::from(self.credited.micros())
            && slots == u64::from(self.queue_cap)
    }
}

/// What an entry did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Money came in.
    Credit {
        /// The entry's id.
        id: String,
        /// How much.
        amount: MicroUsd,
        /// The payment it stands for; each is credited once.
        reference: String,
    },
    /// Money was set aside.
    Hold {
        /// For this job.
        job: JobId,
        /// How much.
        amount: MicroUsd,
    },
    /// What was set aside was charged or given back.
    Resolution {
        /// For this job.
        job: JobId,
        /// Under these figures.
        figures: Figures,
    },
    /// What was charged was given back by the operator.
    Reversal {
        /// For this job.
        job: JobId,
        /// All that was charged.
        amount: MicroUsd,
        /// Why, in the operator's words. The user does not see it.
        reason: String,
    },
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// What it did.
    pub kind: EntryKind,
}

/// What an entry did to each side of the balance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To what may be spent.
    pub available: Change,
    /// To what is set aside.
    pub held: Change,
    /// To what was paid.
    pub charged: Change,
    /// To what came in.
    pub credited: Change,
}

impl EntryKind {
    /// The word for it: `credit`, `hold`, `usage` or `refund`. To a user a reversal is a refund: one that comes
    /// after the usage, not in its place.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Credit { .. } => "credit",
            Self::Hold { .. } => "hold",
            Self::Resolution { figures, .. } => match figures.kind {
                ResolutionKind::Usage => "usage",
                ResolutionKind::Refund => "refund",
            },
            Self::Reversal { .. } => "refund",
        }
    }

    /// The amount that names it: credited, set aside, paid, or given back.
    #[must_use]
    pub const fn amount(&self) -> MicroUsd {
        match self {
            Self::Credit { amount, .. }
            | Self::Hold { amount, .. }
            | Self::Reversal { amount, .. } => *amount,
            Self::Resolution { figures, .. } => match figures.kind {
                ResolutionKind::Usage => figures.charged,
                ResolutionKind::Refund => figures.released,
            },
        }
    }

    /// What it did to the balance. Summed over all entries of a user this is the balance.
    #[must_use]
    pub fn changes(&self) -> Changes {
        match self {
            Self::Credit { amount, .. } => Changes {
                available: Change::plus(*amount),
                credited: Change::plus(*amount),
                ..Changes::default()
            },
            Self::Hold { amount, .. } => Changes {
                available: Change::minus(*amount),
                held: Change::plus(*amount),
                ..Changes::default()
            },
            Self::Resolution { figures, .. } => Changes {
                available: Change::plus(figures.released),
                held: Change::minus(figures.held),
                charged: Change::plus(figures.charged),
                ..Changes::default()
            },
            Self::Reversal { amount, .. } => Changes {
                available: Change::plus(*amount),
                charged: Change::minus(*amount),
                ..Changes::default()
            },
        }
    }
}

/// The sums of many [`Changes`], in micro-dollars: `[available, held, charged, credited]`. Wide
/// enough that no number of entries overflows it.
#[must_use]
pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> [i128; 4] {
    entries.into_iter().fold([0; 4], |[available, held, charged, credited], entry| {
        let changes = entry.kind.changes();
        let add = |sum: i128, change: Change| sum.saturating_add(i128::from(change.micros()));
        [
            add(available, changes.available),
            add(held, changes.held),
            add(charged, changes.charged),
            add(credited, changes.credited),
        ]
    })
}

#[cfg(test)]
mod tests;
