//! A worker, step by step: each step is one call to a table or to the upstream, and anything may
//! happen between two of them. What it is to do is asked of the domain's own `visit`.
//!
//! Where the code looks at a row before it writes, and spares itself a write that would be refused,
//! this worker writes all the same. So only the conditions keep it from doing wrong.

use domain::{
    job::{self, Fence, Job, Run, Status, Task},
    schedule::{self, Visit},
};
use store::{Condition, Guard};

use crate::{
    Protocol,
    choice::Choice,
    each::{Side, Which},
    expression::Value,
    protocol::{at, tick, ticks},
    rows::{Dispatch, JobRow, Tick, status_value},
    rules::{ALONE, BEGUN_IN_TIME},
    state::{End, Order, Seen, Stage, State, Worker},
    writes::Finished,
};

impl JobRow {
    fn run(&self) -> Option<Run> {
        let dispatch = match self.dispatch? {
            Dispatch::Unsent => job::Dispatch::Unsent,
            Dispatch::Intended => job::Dispatch::Intended,
            Dispatch::Accepted => job::Dispatch::Accepted(Task(self.task?.to_string())),
        };
        Some(Run {
            fence: Fence(self.fence?.into()),
            lease_until: self.lease_until.map(at),
            deadline: at(self.run_deadline_at?),
            submits: self.submits?,
            dispatch,
        })
    }
}

impl Protocol {
    /// The job of the domain that a row tells of.
    pub(crate) fn job(&self, row: &JobRow) -> Job {
        let ended_at = at(row.completed_at.unwrap_or_default());
        let state = match (row.status, row.run()) {
            (Status::Processing, Some(run)) => job::State::Processing(run),
            (Status::Pending | Status::Processing, _) => job::State::Pending,
            (Status::Succeeded | Status::Failed | Status::Expired | Status::Refunded, _) => {
                job::State::Expired { at: ended_at }
            }
        };
        Job {
            created_at: at(row.created_at),
            deadline: at(row.deadline_at),
            expires_at: at(row.expires_at),
            state,
            ..self.template.clone()
        }
    }

    /// A worker's next step.
    pub(crate) fn work(&self, state: &mut State, side: Side, choice: Choice) {
        let worker = *state.workers.of(side);
        let next = match worker.stage {
            Stage::Idle | Stage::Beaten => None,
            Stage::Rung => self.claim(state, side),
            Stage::Again(fence) => self.claim_again(state, side, fence),
            Stage::Intent => self.note_intent(state, side),
            Stage::Send => Some(Self::send(state, &worker, choice)),
            Stage::Note(task) => self.note_task(state, &worker, task),
            Stage::Follow(task) => Some(self.follow(state, &worker, task, choice)),
            Stage::Keep(pictures) => {
                *state.kept.of_mut(worker.job) = true;
                Some(Stage::Finish(End::Succeeded(pictures), guard(worker.fence), state.now))
            }
            Stage::Finish(_, guard, read_at) if choice == Choice::GiveIn => {
                Some(Stage::Finish(End::Expired, guard, read_at))
            }
            Stage::Finish(end, guard, read_at) => {
                let has_turn = Self::has_turn(state, worker.job);
                let job = (worker.job, has_turn);
                let finished = self.finish(state, job, guard, end, read_at);
                let refused = matches!(finished, Finished::Otherwise | Finished::Superseded);
                let success = matches!(end, End::Succeeded(_));
                (refused && success).then_some(Stage::Beaten)
            }
            Stage::PutDown { unsent } => {
                self.put_down(state, &worker, unsent, choice);
                None
            }
        };
        match next {
            Some(next) => state.workers.of_mut(side).stage = next,
            None => Self::rest(state, side),
        }
    }

    fn claim(&self, state: &mut State, side: Side) -> Option<Stage> {
        let (worker, timing) = (*state.workers.of(side), &self.bounds.timing);
        let row = (*state.jobs.of(worker.job))?;
        let now = worker.began_at;
        let overdue = tick(at(now).minus(ticks(timing.grace)));
        let given =
            [(":pending", status_value(Status::Pending)), (":overdue", Value::from(overdue))];
        if self.asks(state, Condition::ClaimBegin, &row, &given) {
            self.begin(state, side);
            return self.claimed(state, side);
        }
        if row.holder == Some(side) && row.lease_until.is_some() {
            return self.claimed(state, side);
        }
        let (balance, turn) = (state.balance, [(":turns", 1), (":waits", 1)]);
        if self.asks(state, Condition::ClaimWaiting, &row, &given) {
            if self.asks(state, Condition::ClaimTurn, &balance, &turn) {
                let balance = &mut state.balance;
                balance.free_turns = balance.free_turns.saturating_sub(1);
                balance.waiting_jobs = balance.waiting_jobs.saturating_sub(1);
                self.begin(state, side);
                return self.claimed(state, side);
            }
            self.wait(state, &worker);
            return None;
        }
        match row.status {
            Status::Pending => Some(Stage::Finish(End::Expired, Guard::Pending, state.now)),
            Status::Processing => row.fence.map(Stage::Again),
            Status::Succeeded | Status::Failed | Status::Expired | Status::Refunded => None,
        }
    }

    /// The row of a job that begins, with its turn.
    fn begin(&self, state: &mut State, side: Side) {
        let (worker, timing) = (*state.workers.of(side), &self.bounds.timing);
        let now = worker.began_at;
        let lease_until = now.saturating_add(timing.lease);
        let deadline_at = state.jobs.of(worker.job).map_or(Tick::MAX, |job| job.deadline_at);
        if now >= deadline_at.saturating_add(timing.grace) {
            state.broken = state.broken.or(Some(BEGUN_IN_TIME));
        }
        Self::write_job(state, worker.job, None, |job| {
            job.status = Status::Processing;
            job.fence = Some(1);
            job.lease_until = Some(lease_until);
            job.run_deadline_at = Some(now.saturating_add(timing.run_limit));
            job.submits = Some(1);
            job.dispatch = Some(Dispatch::Intended);
            job.holder = Some(side);
            job.has_turn = true;
        });
    }

    /// A job without a turn is rung for again, and the sweep need not ring, too.
    fn wait(&self, state: &mut State, worker: &Worker) {
        state.bells.of_mut(worker.job).delayed = true;
        let seen = Seen { job: worker.job, at: worker.began_at, fence: 0, has_turn: false };
        self.postpone(state, seen, seen.at.saturating_add(self.bounds.timing.reannounce));
    }

    /// Whether a job has its turn. It takes it with its first claim at the latest, so whoever has read its row as
    /// pending, or has it, need not ask again.
    pub(crate) fn has_turn(state: &State, which: Which) -> bool {
        state.jobs.of(which).is_some_and(|job| job.has_turn)
    }

    fn claim_again(&self, state: &mut State, side: Side, fence: u8) -> Option<Stage> {
        let worker = *state.workers.of(side);
        let row = (*state.jobs.of(worker.job))?;
        let now = worker.began_at;
        let given = [
            (":processing", status_value(Status::Processing)),
            (":fence", fence.into()),
            (":now", now.into()),
        ];
        if self.asks(state, Condition::ClaimAgain, &row, &given) {
            let lease_until = now.saturating_add(self.bounds.timing.lease);
            if row.lease_until.is_some_and(|until| until > state.now) {
                state.broken = state.broken.or(Some(ALONE));
            }
            Self::write_job(state, worker.job, None, |job| {
                job.fence = job.fence.map(|fence| fence.saturating_add(1));
                job.lease_until = Some(lease_until);
                job.holder = Some(side);
            });
            return self.claimed(state, side);
        }
        if row.holder == Some(side) && row.lease_until.is_some() {
            return self.claimed(state, side);
        }
        None
    }

    /// What a worker does with the row that it has claimed.
    fn claimed(&self, state: &mut State, side: Side) -> Option<Stage> {
        let Worker { job, began_at: now, .. } = *state.workers.of(side);
        let row = (*state.jobs.of(job))?;
        let run = row.run()?;
        let worker = state.workers.of_mut(side);
        worker.fence = row.fence?;
        worker.submits = run.submits;
        worker.run_deadline_at = row.run_deadline_at?;
        if run.fence == Fence(1) {
            return Some(Stage::Send);
        }
        let what = schedule::visit(&self.job(&row), &run, at(now), ticks(self.bounds.timing.grace));
        let (mine, at_once) = (guard(worker.fence), state.now);
        let end = |end| Some(Stage::Finish(end, mine, at_once));
        match what {
            Visit::Submit => Some(Stage::Intent),
            Visit::Poll(_) | Visit::AskLast(_) => row.task.map(Stage::Follow),
            Visit::GiveUp => end(End::Failed),
            Visit::Expire => end(End::Expired),
        }
    }

    fn note_intent(&self, state: &mut State, side: Side) -> Option<Stage> {
        let run_deadline_at = state.now.saturating_add(self.bounds.timing.run_limit);
        let worker = *state.workers.of(side);
        let submits = worker.submits.saturating_add(1);
        let given = [(":submits", submits.into())];
        self.fenced(state, &worker, Condition::NoteIntent, &given, |job| {
            job.dispatch = Some(Dispatch::Intended);
            job.submits = Some(submits);
            job.run_deadline_at = Some(run_deadline_at);
        })
        .then(|| {
            let worker = state.workers.of_mut(side);
            worker.submits = submits;
            worker.run_deadline_at = run_deadline_at;
            Stage::Send
        })
    }

    /// Sends the order, which the upstream names by how many it had.
    fn send(state: &mut State, worker: &Worker, choice: Choice) -> Stage {
        let job = worker.job;
        let place = state.orders_of(job);
        let arrived = matches!(choice, Choice::Taken | Choice::Silent);
        if let Some(order) = state.orders.of_mut(job).iter_mut().find(|order| order.is_none())
            && arrived
        {
            *order = Some(Order::Running);
        }
        match choice {
            Choice::Taken => Stage::Note(u8::try_from(place).unwrap_or(u8::MAX)),
            Choice::Busy => Stage::PutDown { unsent: true },
            Choice::Refused => Stage::Finish(End::Failed, guard(worker.fence), state.now),
            Choice::Silent
            | Choice::Lost
            | Choice::Go
            | Choice::GiveIn
            | Choice::Unheard
            | Choice::Pending
            | Choice::Done(_)
            | Choice::Failed
            | Choice::NoAnswer => Stage::PutDown { unsent: false },
        }
    }

    fn note_task(&self, state: &mut State, worker: &Worker, task: u8) -> Option<Stage> {
        let given = [(":intended", Dispatch::Intended.value()), (":task", task.into())];
        let noted = self.fenced(state, worker, Condition::NoteTask, &given, |job| {
            job.dispatch = Some(Dispatch::Accepted);
            job.task = Some(task);
        });
        noted.then_some(Stage::Follow(task))
    }

    fn follow(&self, state: &mut State, worker: &Worker, task: u8, choice: Choice) -> Stage {
        let end = |end| Stage::Finish(end, guard(worker.fence), state.now);
        let (next, known) = match choice {
            Choice::Done(pictures) => (Stage::Keep(pictures), Some(Order::Done(pictures))),
            Choice::Failed => (end(End::Failed), Some(Order::Failed)),
            Choice::Pending if self.is_overdue(state, worker) => (end(End::Expired), None),
            Choice::Pending
            | Choice::NoAnswer
            | Choice::Go
            | Choice::GiveIn
            | Choice::Unheard
            | Choice::Taken
            | Choice::Silent
            | Choice::Lost
            | Choice::Busy
            | Choice::Refused => (Stage::PutDown { unsent: false }, None),
        };
        let order = state.orders.of_mut(worker.job).get_mut(usize::from(task));
        if let Some((order, known)) = order.zip(known) {
            *order = Some(known);
        }
        next
    }

    fn is_overdue(&self, state: &State, worker: &Worker) -> bool {
        let deadline = state.jobs.of(worker.job).map_or(Tick::MAX, |job| job.deadline_at);
        let deadline = deadline.min(worker.run_deadline_at);
        state.now >= deadline.saturating_add(self.bounds.timing.grace)
    }

    fn put_down(&self, state: &mut State, worker: &Worker, unsent: bool, choice: Choice) {
        let (now, timing) = (state.now, &self.bounds.timing);
        let overdue = self.is_overdue(state, worker);
        let bell = if overdue { 0 } else { timing.reannounce };
        let next = now.saturating_add(timing.revisit).saturating_add(bell);
        let expires_at = state.jobs.of(worker.job).map_or(Tick::MAX, |job| job.expires_at);
        let due_at = tick(schedule::due_at(at(next), at(expires_at), at(now)));
        let condition = if unsent { Condition::PutDownUnsent } else { Condition::PutDown };
        let put = self.fenced(state, worker, condition, &[], |job| {
            job.due_at = Some(due_at);
            job.lease_until = None;
            if unsent {
                job.dispatch = Some(Dispatch::Unsent);
                job.submits = Some(worker.submits.saturating_sub(1));
            }
        });
        if put && !overdue && choice != Choice::Unheard {
            state.bells.of_mut(worker.job).delayed = true;
        }
    }

    /// A write of the row by whoever has the job.
    fn fenced(
        &self,
        state: &mut State,
        worker: &Worker,
        condition: Condition,
        more: &[(&'static str, Value)],
        change: impl FnOnce(&mut JobRow),
    ) -> bool {
        let row = *state.jobs.of(worker.job);
        let mut given = vec![
            (":processing", status_value(Status::Processing)),
            (":fence", worker.fence.into()),
        ];
        given.extend(more);
        let taken = self.asks(state, condition, &row, &given);
        if taken {
            Self::write_job(state, worker.job, Some(worker.fence), change);
        }
        taken
    }
}

fn guard(fence: u8) -> Guard {
    Guard::Fence(Fence(fence.into()))
}
