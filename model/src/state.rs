//! One moment of the modeled world: the tables, the queue, the upstream, and where each process is.
//!
//! Time is a count of ticks. Everything is small and compares by value, so that a moment that was
//! seen before is known again.

use domain::job::Status;
use store::Guard;

use crate::{
    each::{Each, Side, Two, Which},
    expression::Value,
    rows::{BalanceRow, JobRow, KeyRow, ResolutionRow, Tick},
};

/// What an upstream has of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// It is being made, as far as anybody knows.
    Running,
    /// So many pictures are made.
    Done(u8),
    /// It failed.
    Failed,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// With so many pictures.
    Succeeded(u8),
    /// With a verdict.
    Failed,
    /// By time.
    Expired,
    /// By its owner.
    Canceled,
}

/// Where a worker is: what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It waits for a message.
    #[default]
    Idle,
    /// It was rung, and claims.
    Rung,
    /// It found a job that had begun, under this fence, and claims it again.
    Again(u8),
    /// It has the job, and notes the intent to send the order.
    Intent,
    /// It sends the order.
    Send,
    /// It was told the task, and notes it.
    Note(u8),
    /// It asks for the task.
    Follow(u8),
    /// It has been given so many pictures, and keeps them.
    Keep(u8),
    /// It ends the job, by the time that it read.
    Finish(End, Guard, Tick),
    /// It puts the job down, having sent nothing or something.
    PutDown {
        /// Whether the upstream has nothing of ours.
        unsent: bool,
    },
    /// Its success was refused.
    Beaten,
}

/// A worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Worker {
    pub stage: Stage,
    pub job: Which,
    /// When its visit began.
    pub began_at: Tick,
    pub fence: u8,
    pub submits: u8,
    pub run_deadline_at: Tick,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            stage: Stage::Idle,
            job: Which::First,
            began_at: 0,
            fence: 0,
            submits: 0,
            run_deadline_at: 0,
        }
    }
}

/// Where a sweep is: what it does next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sweep {
    /// It asks the index.
    #[default]
    Idle,
    /// It rings.
    Ring(Seen),
    /// It has the job looked at again then.
    Postpone(Seen, Tick),
    /// It ends the job.
    Expire(Seen, Guard),
    /// The job had ended otherwise.
    Beaten(Which),
}

impl Sweep {
    /// When it looked at the row that it is at.
    pub(crate) const fn looked_at(&self) -> Option<Tick> {
        match self {
            Self::Idle | Self::Beaten(_) => None,
            Self::Ring(seen) | Self::Postpone(seen, _) | Self::Expire(seen, _) => Some(seen.at),
        }
    }
}

/// What a sweep saw of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seen {
    pub job: Which,
    pub at: Tick,
    /// 0 if it had never been claimed.
    pub fence: u8,
    pub has_turn: bool,
}

/// What the caller was told of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Told {
    #[default]
    Nothing,
    Accepted,
    Replayed,
    KeyReused,
    Refused,
}

/// What the caller was told of a cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Cancel {
    #[default]
    NotAsked,
    Canceled,
    TooLate,
}

/// The messages that ring for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bells {
    /// How many may be delivered.
    pub ready: u8,
    /// Whether one waits for the next tick.
    pub delayed: bool,
}

/// Messages of a job that are kept apart. More of them change nothing: they are lost.
const READY_MAX: u8 = 1;

impl Bells {
    pub(crate) fn ring(&mut self) {
        self.ready = self.ready.saturating_add(1).min(READY_MAX);
    }
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub struct State {
    pub now: Tick,
    pub faults_left: u8,
    /// How many rows the sweeps may still look at in this tick.
    pub looks_left: u8,
    pub jobs: Each<Option<JobRow>>,
    pub keys: Each<Option<KeyRow>>,
    pub balance: BalanceRow,
    pub holds: Each<Option<Value>>,
    pub resolutions: Each<Option<ResolutionRow>>,
    /// What was given back of each charge.
    pub reversals: Each<Option<Value>>,
    /// What was told, an event row each: an ending, and that its charge was given back.
    pub events: Each<[Option<Status>; 2]>,
    pub bells: Each<Bells>,
    pub orders: Each<[Option<Order>; 3]>,
    /// Whether its pictures are in the bucket.
    pub kept: Each<bool>,
    pub told: Each<Told>,
    pub cancels: Each<Cancel>,
    /// How often the operator has asked to give the charge back.
    pub refunds_asked: Each<u8>,
    pub workers: Two<Worker>,
    pub sweeps: Two<Sweep>,
    /// The rule that the last step broke.
    pub broken: Option<&'static str>,
}

impl State {
    /// Whether somebody has been told what came of their attempt, and has not taken note of it yet.
    pub(crate) fn is_told(&self) -> bool {
        self.workers.iter().any(|worker| worker.stage == Stage::Beaten)
            || self.sweeps.iter().any(|sweep| matches!(sweep, Sweep::Beaten(_)))
            || self.cancels.iter().any(|(_, cancel)| *cancel == Cancel::TooLate)
    }

    /// Whether every job has ended and every process is at rest.
    pub(crate) fn is_at_rest(&self) -> bool {
        let ended = |job: &Option<JobRow>| job.is_none_or(|job| job.status.is_terminal());
        self.jobs.iter().all(|(_, job)| ended(job))
            && self.workers.iter().all(|worker| worker.stage == Stage::Idle)
            && self.sweeps.iter().all(|sweep| *sweep == Sweep::Idle)
    }

    /// How many orders of a job its upstream has.
    pub(crate) fn orders_of(&self, job: Which) -> usize {
        self.orders.of(job).iter().flatten().count()
    }

    /// The same moment, with its workers and its sweeps in order: which of two processes does
    /// something makes no difference.
    pub(crate) fn representative(&self) -> Self {
        let mut state = self.clone();
        if !state.workers.is_sorted() {
            state.workers.swap();
            for which in Which::ALL {
                if let Some(job) = state.jobs.of_mut(which) {
                    job.holder = job.holder.map(Side::other);
                }
            }
        }
        if !state.sweeps.is_sorted() {
            state.sweeps.swap();
        }
        state
    }
}
