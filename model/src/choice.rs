//! What may come of a worker's next step: most steps end in one way, the answers of an upstream in
//! many.

use crate::{
    Protocol,
    each::Which,
    state::{End, Order, Stage, State, Worker},
};

/// What may come of a worker's next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// There is but one thing to come of it.
    Go,
    /// It sees that it is too late for a success, and ends the job by time.
    GiveIn,
    /// The job is put down, and nobody hears the bell for the next visit.
    Unheard,
    /// The upstream takes the order and says so.
    Taken,
    /// The upstream takes the order, and its answer is lost.
    Silent,
    /// The order never arrives, and nobody knows.
    Lost,
    /// The upstream does not take the order now.
    Busy,
    /// The upstream will never take the order.
    Refused,
    /// The upstream has not finished.
    Pending,
    /// The upstream has made so many pictures.
    Done(u8),
    /// The upstream has failed.
    Failed,
    /// The upstream does not answer.
    NoAnswer,
}

impl Choice {
    pub(crate) const fn is_fault(self) -> bool {
        match self {
            Self::Unheard | Self::Silent | Self::Lost | Self::Busy | Self::NoAnswer => true,
            Self::Go
            | Self::GiveIn
            | Self::Taken
            | Self::Refused
            | Self::Pending
            | Self::Done(_)
            | Self::Failed => false,
        }
    }
}

impl Stage {
    /// Whether the next step is a write to a table.
    pub(crate) const fn writes(self) -> bool {
        match self {
            Self::Rung
            | Self::Again(_)
            | Self::Intent
            | Self::Note(_)
            | Self::Finish(..)
            | Self::PutDown { .. } => true,
            Self::Idle | Self::Send | Self::Follow(_) | Self::Keep(_) | Self::Beaten => false,
        }
    }
}

impl Protocol {
    /// What may come of a worker's next step.
    pub(crate) fn choices(state: &State, worker: &Worker) -> Vec<Choice> {
        match worker.stage {
            Stage::Idle => vec![],
            Stage::Finish(End::Succeeded(_), _, read_at)
                if state.jobs.of(worker.job).is_some_and(|job| read_at >= job.expires_at) =>
            {
                vec![Choice::Go, Choice::GiveIn]
            }
            Stage::Rung
            | Stage::Again(_)
            | Stage::Intent
            | Stage::Note(_)
            | Stage::Keep(_)
            | Stage::Finish(..)
            | Stage::Beaten => vec![Choice::Go],
            Stage::PutDown { .. } => vec![Choice::Go, Choice::Unheard],
            Stage::Send => {
                vec![Choice::Taken, Choice::Silent, Choice::Lost, Choice::Busy, Choice::Refused]
            }
            Stage::Follow(task) => match order(state, worker.job, task) {
                Some(Order::Done(pictures)) => vec![Choice::Done(pictures), Choice::NoAnswer],
                Some(Order::Failed) => vec![Choice::Failed, Choice::NoAnswer],
                Some(Order::Running) | None => vec![
                    Choice::Pending,
                    Choice::Done(2),
                    Choice::Done(1),
                    Choice::Failed,
                    Choice::NoAnswer,
                ],
            },
        }
    }
}

fn order(state: &State, job: Which, task: u8) -> Option<Order> {
    *state.orders.of(job).get(usize::from(task))?
}
