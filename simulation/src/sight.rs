//! What must be seen sometimes. A simulation in which nothing ever went wrong proves nothing, so a set of
//! runs in which one of these was never seen has failed.

use std::collections::BTreeMap;

/// Something that is seen in some runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A key named the job that it had named before.
    ReplayServed,
    /// A key was used for another request, and refused.
    KeyReused,
    /// There was too little money.
    InsufficientBalance,
    /// There were too many open jobs.
    QueueFull,
    /// A transaction met another one.
    ConflictMet,
    /// A transaction that had met another one was sent again, and written.
    ConflictRetried,
    /// A caller was told to come back later.
    SentAway,
    /// A caller heard nothing, asked again under the same key, and was told the job.
    UnknownSettled,
    /// A job was paid in full.
    Usage,
    /// A job was paid in part, and the rest released.
    PartialRelease,
    /// A job was refunded.
    Refund,
    /// A job expired.
    Expiry,
    /// A success came after its job had expired, and was refused.
    LateSuccess,
    /// The sweep ended a job that a worker had begun.
    SweepWon,
    /// The sweep was about to end a job that a worker had ended.
    WorkerWon,
    /// A worker took over what another had begun.
    TakenOver,
    /// A worker whose claim was over was refused.
    FencedOff,
    /// A settlement that was written was sent again, and refused.
    SettledTwice,
    /// The upstream took an order of a job for the second time.
    SecondSubmit,
    /// A message was given up, and put back twice.
    DeadLetter,
    /// A payment was sent twice, and credited once.
    CreditedOnce,
    /// The operator gave a charge back.
    GivenBack,
    /// The operator gave a charge back twice, and the second time nothing moved.
    GivenBackOnce,
    /// Money went from one pocket of a balance to another.
    Moved,
    /// A job was accepted by another pocket than the first.
    OtherPocket,
    /// A job waited for a turn, and took it.
    WaitedForTurn,
    /// It took one that was of another pocket than its price.
    TurnFromOtherPocket,
    /// A job was canceled by its user.
    Canceled,
    /// A job had begun or ended when its user wanted to cancel it.
    CanceledTooLate,
}

impl Sight {
    /// All there are.
    pub const ALL: [Self; 29] = [
        Self::ReplayServed,
        Self::KeyReused,
        Self::InsufficientBalance,
        Self::QueueFull,
        Self::ConflictMet,
        Self::ConflictRetried,
        Self::SentAway,
        Self::UnknownSettled,
        Self::Usage,
        Self::PartialRelease,
        Self::Refund,
        Self::Expiry,
        Self::LateSuccess,
        Self::SweepWon,
        Self::WorkerWon,
        Self::TakenOver,
        Self::FencedOff,
        Self::SettledTwice,
        Self::SecondSubmit,
        Self::DeadLetter,
        Self::CreditedOnce,
        Self::GivenBack,
        Self::GivenBackOnce,
        Self::Moved,
        Self::OtherPocket,
        Self::WaitedForTurn,
        Self::TurnFromOtherPocket,
        Self::Canceled,
        Self::CanceledTooLate,
    ];
}

/// How often each was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sights(pub BTreeMap<Sight, u64>);

impl Sights {
    pub(crate) fn see(&mut self, sight: Sight) {
        let count = self.0.entry(sight).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (sight, times) in &other.0 {
            let count = self.0.entry(*sight).or_default();
            *count = count.saturating_add(*times);
        }
    }
}
