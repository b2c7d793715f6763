//! The transactions T1, T2, T3 and T5 on the model's rows: each step is guarded by the store's own
//! condition, in the store's own order, and all of it is written or nothing.

use domain::job::Status;
use store::{Condition, Guard};

use crate::{
    Protocol,
    each::Which,
    expression::{Given, Row, Value},
    protocol::HOLD,
    rows::{JobRow, KeyRow, ResolutionRow, There, Tick, status_value},
    rules::{self, BALANCED, EDGES, SECOND_ASKED, UNDERSTOOD, status_of},
    state::{End, State, Told},
};

/// What became of an attempt to end a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    Now,
    Before,
    Otherwise,
    Superseded,
}

impl Protocol {
    /// Whether a condition holds. One that asks for more than it is given breaks the model.
    pub(crate) fn asks(
        &self,
        state: &mut State,
        condition: Condition,
        row: &impl Row,
        given: Given<'_>,
    ) -> bool {
        let held = self.conditions.hold(condition, row, given);
        if held.is_none() {
            state.broken = Some(UNDERSTOOD);
        }
        held.unwrap_or_default()
    }

    /// T1, for a request that is sent now.
    pub(crate) fn accept(&self, state: &mut State, which: Which) -> Told {
        let Some(request) = *self.bounds.requests.of(which) else { return Told::Nothing };
        let now = state.now;
        if let Some(key) = request.key {
            let row = *state.keys.of(key);
            if !self.asks(state, Condition::AcceptKey, &row, &[(":now", now.into())]) {
                let same = row.is_some_and(|row| row.fingerprint == request.fingerprint);
                return if same { Told::Replayed } else { Told::KeyReused };
            }
        }
        let (job, hold) = (*state.jobs.of(which), state.holds.of(which).map(|_| There));
        let balance = state.balance;
        let is_new = self.asks(state, Condition::AcceptJob, &job, &[])
            && self.asks(state, Condition::AcceptHold, &hold, &[]);
        let pays = |turns| [(":hold", HOLD), (":one", 1), (":turns", turns), (":none", 0)];
        // With a turn if there is one, else without.
        let has_turn = is_new && self.asks(state, Condition::AcceptBalance, &balance, &pays(1));
        let taken =
            has_turn || is_new && self.asks(state, Condition::AcceptBalance, &balance, &pays(0));
        if !taken {
            return Told::Refused;
        }
        let timing = &self.bounds.timing;
        if let Some(key) = request.key {
            let expires_at = now.saturating_add(timing.key_lifetime);
            let fingerprint = request.fingerprint;
            *state.keys.of_mut(key) = Some(KeyRow { job: which, fingerprint, expires_at });
        }
        *state.jobs.of_mut(which) = Some(JobRow {
            status: Status::Pending,
            created_at: now,
            deadline_at: now.saturating_add(timing.deadline),
            expires_at: now.saturating_add(timing.hard_expiry),
            fence: None,
            lease_until: None,
            holder: None,
            run_deadline_at: None,
            submits: None,
            dispatch: None,
            task: None,
            has_turn,
            due_at: Some(now),
            completed_at: None,
            charged: None,
        });
        *state.holds.of_mut(which) = Some(HOLD);
        let balance = &mut state.balance;
        balance.available = balance.available.saturating_sub(HOLD);
        balance.held = balance.held.saturating_add(HOLD);
        balance.open_jobs = balance.open_jobs.saturating_add(1);
        balance.free_slots = balance.free_slots.saturating_sub(1);
        if has_turn {
            balance.free_turns = balance.free_turns.saturating_sub(1);
        } else {
            balance.waiting_jobs = balance.waiting_jobs.saturating_add(1);
        }
        Told::Accepted
    }

    /// Cancels a job for its owner, by the time it is now.
    pub(crate) fn cancel(&self, state: &mut State, which: Which) -> bool {
        let (now, has_turn) = (state.now, Self::has_turn(state, which));
        let canceled = self.finish(state, (which, has_turn), Guard::Pending, End::Canceled, now);
        matches!(canceled, Finished::Now)
    }

    /// T2 and T3: ends a job, by the time that its process read, and by whether it had a turn then.
    pub(crate) fn finish(
        &self,
        state: &mut State,
        (which, has_turn): (Which, bool),
        guard: Guard,
        end: End,
        now: Tick,
    ) -> Finished {
        let Some((ending, figures)) = self.ending(end) else { return Finished::Superseded };
        let [held, charged, released] = [figures.held, figures.charged, figures.released]
            .map(|amount| Value::try_from(amount.micros()).unwrap_or(Value::MAX));
        let figures = ResolutionRow { kind: figures.kind, held, charged, released, writes: 1 };
        let resolution = *state.resolutions.of(which);
        let there = resolution.map(|_| There);
        if !self.asks(state, Condition::FinishResolution, &there, &[]) {
            let same = resolution.map(|row| ResolutionRow { writes: 1, ..row }) == Some(figures);
            return if same { Finished::Before } else { Finished::Otherwise };
        }
        let job = *state.jobs.of(which);
        let processing = (":processing", status_value(Status::Processing));
        let pending = (":pending", status_value(Status::Pending));
        let time = (":now", Value::from(now));
        let waits = Value::from(!has_turn);
        let waiting = (":waits", waits);
        let (given, fence) = match guard {
            Guard::Fence(fence) => {
                let fence = u8::try_from(fence.0).unwrap_or(u8::MAX);
                (vec![processing, time, (":fence", fence.into())], Some(fence))
            }
            Guard::Pending => (vec![pending, time], None),
            Guard::Open => (vec![pending, time, processing, waiting, (":none", 0)], None),
        };
        if !self.asks(state, guard.condition(ending), &job, &given) {
            // Who has ended a job and asks again must learn that it has ended.
            if job.is_some_and(|job| job.status.is_terminal()) {
                state.broken = state.broken.or(Some(SECOND_ASKED));
            }
            return Finished::Superseded;
        }
        let (balance, status) = (state.balance, status_of(end));
        let told = state.events.of(which).contains(&Some(status));
        let given = [(":held", held), (":one", 1), waiting];
        let taken = self.asks(state, Condition::FinishBalance, &balance, &given)
            && self.asks(state, Condition::FinishEvent, &told.then_some(There), &[]);
        if !taken {
            state.broken = state.broken.or(Some(BALANCED));
            return Finished::Superseded;
        }
        let writes = resolution.map_or(0, |row| row.writes).saturating_add(1);
        *state.resolutions.of_mut(which) = Some(ResolutionRow { writes, ..figures });
        Self::write_job(state, which, fence, |job| {
            job.status = status;
            job.completed_at = Some(now);
            job.charged = Some(charged);
            job.due_at = None;
            job.lease_until = None;
        });
        let balance = &mut state.balance;
        balance.held = balance.held.saturating_sub(held);
        balance.available = balance.available.saturating_add(released);
        balance.charged = balance.charged.saturating_add(charged);
        balance.open_jobs = balance.open_jobs.saturating_sub(1);
        balance.free_slots = balance.free_slots.saturating_add(1);
        balance.free_turns = balance.free_turns.saturating_add(has_turn.into());
        balance.waiting_jobs = balance.waiting_jobs.saturating_sub(waits);
        if let Some(free) = state.events.of_mut(which).iter_mut().find(|event| event.is_none()) {
            *free = Some(status);
        }
        Finished::Now
    }

    /// T5: gives the charge of a job back.
    pub(crate) fn reverse(&self, state: &mut State, which: Which) {
        let Some(resolution) = *state.resolutions.of(which) else { return };
        let amount = resolution.charged;
        let there = state.reversals.of(which).map(|_| There);
        if !self.asks(state, Condition::ReverseEntry, &there, &[]) {
            return;
        }
        let (job, balance) = (*state.jobs.of(which), state.balance);
        let told = state.events.of(which).contains(&Some(Status::Refunded));
        let given = [(":succeeded", status_value(Status::Succeeded))];
        let taken = self.asks(state, Condition::ReverseJob, &job, &given)
            && self.asks(state, Condition::ReverseBalance, &balance, &[(":amount", amount)])
            && self.asks(state, Condition::ReverseEvent, &told.then_some(There), &[]);
        if !taken {
            state.broken = state.broken.or(Some(BALANCED));
            return;
        }
        let before = state.reversals.of(which).unwrap_or_default();
        *state.reversals.of_mut(which) = Some(before.saturating_add(amount));
        if let Some(job) = state.jobs.of_mut(which) {
            let was = job.status;
            job.status = Status::Refunded;
            job.charged = Some(0);
            if was != Status::Succeeded {
                state.broken = state.broken.or(Some(EDGES));
            }
        }
        let balance = &mut state.balance;
        balance.charged = balance.charged.saturating_sub(amount);
        balance.available = balance.available.saturating_add(amount);
        if let Some(free) = state.events.of_mut(which).iter_mut().find(|event| event.is_none()) {
            *free = Some(Status::Refunded);
        }
    }

    /// Changes the row of a job, for a write that bears a fence or none, and notes which rule that
    /// breaks.
    pub(crate) fn write_job(
        state: &mut State,
        which: Which,
        bears: Option<u8>,
        change: impl FnOnce(&mut JobRow),
    ) {
        let Some(job) = state.jobs.of_mut(which) else {
            state.broken = state.broken.or(Some(EDGES));
            return;
        };
        let before = *job;
        change(job);
        state.broken = state.broken.or(rules::broken_by(&before, job, bears));
    }
}
