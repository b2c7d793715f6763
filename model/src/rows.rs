//! The rows of the tables, with the attributes that conditions ask for.

use domain::{hold::ResolutionKind, job::Status};

use crate::{
    each::{Side, Which},
    expression::{Attribute, Row, Value},
};

/// A point in time, in ticks.
pub type Tick = u8;

/// What is known of the upstream: the row's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dispatch {
    Unsent,
    Intended,
    Accepted,
}

impl Dispatch {
    /// The number that stands for the word in conditions.
    pub(crate) const fn value(self) -> Value {
        match self {
            Self::Unsent => 0,
            Self::Intended => 1,
            Self::Accepted => 2,
        }
    }
}

/// The number that stands for a status in conditions.
pub(crate) const fn status_value(status: Status) -> Value {
    match status {
        Status::Pending => 0,
        Status::Processing => 1,
        Status::Succeeded => 2,
        Status::Failed => 3,
        Status::Expired => 4,
        Status::Refunded => 5,
    }
}

/// The row of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named as in the tables")]
pub struct JobRow {
    pub status: Status,
    pub created_at: Tick,
    pub deadline_at: Tick,
    pub expires_at: Tick,
    pub fence: Option<u8>,
    pub lease_until: Option<Tick>,
    /// Whose claim it is; `None` also when that process is at something else by now.
    pub holder: Option<Side>,
    pub run_deadline_at: Option<Tick>,
    pub submits: Option<u8>,
    pub dispatch: Option<Dispatch>,
    pub task: Option<u8>,
    /// `turn`: there is one pocket, so it matters only whether there is one.
    pub has_turn: bool,
    /// `due_shard` and `due_at_ms`: they come and go together.
    pub due_at: Option<Tick>,
    pub completed_at: Option<Tick>,
    pub charged: Option<Value>,
}

impl Row for JobRow {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        match attribute {
            Attribute::Pk => Some(0),
            Attribute::ExpiresAtMs => Some(self.expires_at.into()),
            Attribute::JobStatus => Some(status_value(self.status)),
            Attribute::DeadlineAtMs => Some(self.deadline_at.into()),
            Attribute::Fence => self.fence.map(Value::from),
            Attribute::Submits => self.submits.map(Value::from),
            Attribute::LeaseUntilMs => self.lease_until.map(Value::from),
            Attribute::Dispatch => self.dispatch.map(Dispatch::value),
            Attribute::Task => self.task.map(Value::from),
            Attribute::Turn => self.has_turn.then_some(0),
            Attribute::DueShard => self.due_at.map(|_| 0),
            Attribute::DueAtMs => self.due_at.map(Value::from),
            Attribute::AvailableMicros
            | Attribute::HeldMicros
            | Attribute::ChargedMicros
            | Attribute::OpenJobs
            | Attribute::FreeSlots
            | Attribute::FreeTurns
            | Attribute::WaitingJobs
            | Attribute::SuspendedAtMs
            | Attribute::CreditedMicros => None,
        }
    }
}

/// The row of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named as in the tables")]
pub struct KeyRow {
    pub job: Which,
    pub fingerprint: u8,
    pub expires_at: Tick,
}

impl Row for KeyRow {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        match attribute {
            Attribute::Pk => Some(0),
            Attribute::ExpiresAtMs => Some(self.expires_at.into()),
            Attribute::AvailableMicros
            | Attribute::HeldMicros
            | Attribute::ChargedMicros
            | Attribute::OpenJobs
            | Attribute::FreeSlots
            | Attribute::FreeTurns
            | Attribute::WaitingJobs
            | Attribute::SuspendedAtMs
            | Attribute::JobStatus
            | Attribute::DeadlineAtMs
            | Attribute::Fence
            | Attribute::Submits
            | Attribute::LeaseUntilMs
            | Attribute::Dispatch
            | Attribute::Task
            | Attribute::Turn
            | Attribute::DueShard
            | Attribute::DueAtMs
            | Attribute::CreditedMicros => None,
        }
    }
}

/// The balance. Amounts are signed, as DynamoDB's are: a write without its guard may go below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named as in the tables")]
pub struct BalanceRow {
    pub available: Value,
    pub held: Value,
    pub charged: Value,
    pub credited: Value,
    pub open_jobs: Value,
    pub free_slots: Value,
    pub queue_cap: Value,
    pub free_turns: Value,
    pub waiting_jobs: Value,
    pub running_cap: Value,
}

impl Row for BalanceRow {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        match attribute {
            Attribute::Pk => Some(0),
            Attribute::AvailableMicros => Some(self.available),
            Attribute::HeldMicros => Some(self.held),
            Attribute::ChargedMicros => Some(self.charged),
            Attribute::OpenJobs => Some(self.open_jobs),
            Attribute::FreeSlots => Some(self.free_slots),
            Attribute::FreeTurns => Some(self.free_turns),
            Attribute::WaitingJobs => Some(self.waiting_jobs),
            Attribute::CreditedMicros => Some(self.credited),
            Attribute::SuspendedAtMs
            | Attribute::ExpiresAtMs
            | Attribute::JobStatus
            | Attribute::DeadlineAtMs
            | Attribute::Fence
            | Attribute::Submits
            | Attribute::LeaseUntilMs
            | Attribute::Dispatch
            | Attribute::Task
            | Attribute::Turn
            | Attribute::DueShard
            | Attribute::DueAtMs => None,
        }
    }
}

/// A row that conditions ask nothing of but whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct There;

impl Row for There {
    fn get(&self, attribute: Attribute) -> Option<Value> {
        (attribute == Attribute::Pk).then_some(0)
    }
}

/// The resolution of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is named as in the tables")]
pub struct ResolutionRow {
    pub kind: ResolutionKind,
    pub held: Value,
    pub charged: Value,
    pub released: Value,
    /// How often it was written. No attribute of the table: more than once is what must not be.
    pub writes: u8,
}
