//! A sweep, step by step, for one row of the index at a time. What it is to do is asked of the
//! domain's own `look`.

use domain::{
    job::Status,
    schedule::{self, Look},
};
use store::{Condition, Guard};

use crate::{
    Protocol,
    each::{Side, Which},
    expression::Value,
    protocol::{at, tick, ticks},
    rows::Tick,
    rules::GOOD_FAITH,
    state::{End, Seen, State, Sweep},
    writes::Finished,
};

impl Protocol {
    /// What time a sweep thinks it is.
    pub(crate) fn sweep_clock(&self, state: &State) -> Tick {
        state.now.saturating_add(self.bounds.timing.sweep_ahead)
    }

    /// Whether the index says that a job is due.
    pub(crate) fn is_due(&self, state: &State, which: Which) -> bool {
        let due_at = state.jobs.of(which).and_then(|job| job.due_at);
        due_at.is_some_and(|due_at| due_at <= self.sweep_clock(state))
    }

    /// A sweep's next step.
    pub(crate) fn sweep(&self, state: &mut State, side: Side) {
        let next = match *state.sweeps.of(side) {
            Sweep::Idle | Sweep::Beaten(_) => Sweep::Idle,
            Sweep::Ring(seen) => {
                state.bells.of_mut(seen.job).ring();
                Sweep::Postpone(seen, seen.at.saturating_add(self.bounds.timing.reannounce))
            }
            Sweep::Postpone(seen, next) => {
                self.postpone(state, seen, next);
                Sweep::Idle
            }
            Sweep::Expire(seen, guard) => self.expire(state, seen, guard),
        };
        *state.sweeps.of_mut(side) = next;
    }

    /// Asks the index and looks at the row that is due.
    ///
    /// The index may be behind, so that the row looked at is not due any more. That adds a bell too
    /// many, which is a fault of its own, and nothing else: what is written bears what was seen.
    pub(crate) fn look(&self, state: &State, which: Which) -> Sweep {
        let Some(row) = *state.jobs.of(which) else { return Sweep::Idle };
        let now = self.sweep_clock(state);
        let fence = match row.status {
            Status::Processing => row.fence.unwrap_or_default(),
            Status::Pending
            | Status::Succeeded
            | Status::Failed
            | Status::Expired
            | Status::Refunded => 0,
        };
        let seen = Seen { job: which, at: now, fence, has_turn: row.has_turn };
        match schedule::look(&self.job(&row), at(now), ticks(self.bounds.timing.sweep_grace)) {
            Look::Ended | Look::Leased => Sweep::Idle,
            Look::Announce => Sweep::Ring(seen),
            Look::Expire if now >= row.expires_at => Sweep::Expire(seen, Guard::Open),
            Look::Expire => Sweep::Expire(seen, Guard::Pending),
        }
    }

    /// A row that this version cannot read but for its turn: only the condition knows whether its time is up.
    pub(crate) fn look_blindly(&self, state: &State, which: Which) -> Sweep {
        let has_turn = state.jobs.of(which).is_some_and(|row| row.has_turn);
        let seen = Seen { job: which, at: self.sweep_clock(state), fence: 0, has_turn };
        Sweep::Expire(seen, Guard::Open)
    }

    pub(crate) fn postpone(&self, state: &mut State, seen: Seen, next: Tick) {
        let row = *state.jobs.of(seen.job);
        let given =
            [(":now", Value::from(seen.at)), (":fence", Value::from(seen.fence)), (":none", 0)];
        if self.asks(state, Condition::Postpone, &row, &given) {
            let bears = Some(seen.fence).filter(|fence| *fence > 0);
            Self::write_job(state, seen.job, bears, |job| {
                let due_at = schedule::due_at(at(next), at(job.expires_at), at(seen.at));
                job.due_at = Some(tick(due_at));
            });
        }
    }

    fn expire(&self, state: &mut State, seen: Seen, guard: Guard) -> Sweep {
        match self.finish(state, (seen.job, seen.has_turn), guard, End::Expired, seen.at) {
            Finished::Now => {
                let early = |deadline_at: Tick| state.now < deadline_at;
                if state.jobs.of(seen.job).is_some_and(|job| early(job.deadline_at)) {
                    state.broken = state.broken.or(Some(GOOD_FAITH));
                }
                Sweep::Idle
            }
            Finished::Otherwise => Sweep::Beaten(seen.job),
            Finished::Before | Finished::Superseded => Sweep::Idle,
        }
    }
}
