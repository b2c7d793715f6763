//! When a job must be looked at again, and what is then to be done.
//!
//! Two kinds of visitor ask: the worker that was rung for a job it has just claimed ([`visit`]),
//! and the sweep that found the job in the index of due rows ([`look`]). Both answers are functions
//! of the row and the time.

use std::time::Duration;

use crate::{
    job::{Dispatch, Job, Run, State, Task},
    time::Timestamp,
};

/// How many requests for one job an upstream may have accepted: one, and one more when it was
/// never learned what became of the first.
pub const SUBMITS_MAX: u8 = 2;

/// What a worker does with a job that it has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Record the intent, then send the order to the upstream.
    Submit,
    /// Ask the upstream until it is done or the invocation ends.
    Poll(Task),
    /// Ask the upstream once more; without a result, cancel there and expire.
    AskLast(Task),
    /// Fail: two requests went out and neither was answered.
    GiveUp,
    /// Expire: time is up, and nothing is known to be under way, or it has been waited for long
    /// enough.
    Expire,
}

/// What a worker does with `run`, which it has just claimed.
#[must_use]
pub fn visit(job: &Job, run: &Run, now: Timestamp, grace: Duration) -> Visit {
    if now >= job.expires_at {
        return Visit::Expire;
    }
    let overdue = is_overdue(job, Some(run), now, grace);
    match &run.dispatch {
        Dispatch::Accepted(task) if overdue => Visit::AskLast(task.clone()),
        Dispatch::Accepted(task) => Visit::Poll(task.clone()),
        Dispatch::Unsent | Dispatch::Intended if overdue => Visit::Expire,
        Dispatch::Unsent | Dispatch::Intended if run.submits < SUBMITS_MAX => Visit::Submit,
        Dispatch::Unsent | Dispatch::Intended => Visit::GiveUp,
    }
}

/// What the sweep does with a job that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing: it has ended, and the index was behind.
    Ended,
    /// Nothing yet: somebody has it. It stays due.
    Leased,
    /// Ring again.
    Announce,
    /// Expire it and give the hold back.
    Expire,
}

/// What the sweep does with `job`.
///
/// A job that is overdue but has been begun is rung for, so that the worker asks the upstream one
/// last time; at `expires_at` it ends without asking, because then the hold has stood long enough.
#[must_use]
pub fn look(job: &Job, now: Timestamp, grace: Duration) -> Look {
    match &job.state {
        State::Pending | State::Processing(_) if now >= job.expires_at => Look::Expire,
        State::Pending if is_overdue(job, None, now, grace) => Look::Expire,
        State::Processing(Run { lease_until: Some(until), .. }) if now < *until => Look::Leased,
        State::Pending | State::Processing(_) => Look::Announce,
        State::Succeeded { .. }
        | State::Failed { .. }
        | State::Expired { .. }
        | State::Refunded { .. } => Look::Ended,
    }
}

/// Whether nothing new may be begun on the job: its own deadline has passed, or that of the order
/// which its upstream has, or may have. The grace absorbs clocks that differ: whoever is ahead must
/// not end what another still works on in good faith.
#[must_use]
pub fn is_overdue(job: &Job, run: Option<&Run>, now: Timestamp, grace: Duration) -> bool {
    let sent = run.filter(|run| run.dispatch != Dispatch::Unsent);
    let deadline = sent.map_or(job.deadline, |run| run.deadline.min(job.deadline));
    now >= deadline.plus(grace)
}

/// When a row is due that should be looked at again at `next`: never after the job's end.
#[must_use]
pub fn due_at(next: Timestamp, expires_at: Timestamp, now: Timestamp) -> Timestamp {
    if expires_at > now { next.min(expires_at) } else { next }
}

#[cfg(test)]
mod tests;
