//! What may happen next in a moment, and what comes of it.

use stateright::{Model, Property};

use crate::{
    Protocol,
    choice::Choice,
    each::{Each, Side, Two, Which},
    rows::BalanceRow,
    rules,
    state::{Cancel, Stage, State, Sweep, Told, Worker},
};

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The caller sends a request. Unheard: the process dies before it rings.
    Post(Which, Heard),
    /// The owner cancels a job.
    Cancel(Which),
    /// The operator gives the charge of a job back.
    Refund(Which),
    /// Time passes.
    Tick,
    /// A worker is rung.
    Deliver(Side, Which),
    /// A worker is rung, and the message stays.
    DeliverTwice(Side, Which),
    /// A message is lost.
    Lose(Which),
    /// A worker does what it does next.
    Work(Side, Choice),
    /// A worker's write is taken, its answer is lost, and it is sent again.
    WorkAgain(Side),
    /// A worker dies; its message comes back.
    WorkerDies(Side),
    /// A sweep asks the index, this job is due, and it looks at its row.
    List(Side, Which),
    /// The same, but it cannot read the row.
    ListBlind(Side, Which),
    /// Whoever was told what came of their attempt takes note of it.
    Note,
    /// A sweep does what it does next.
    Sweep(Side),
    /// A sweep dies.
    SweepDies(Side),
}

/// Whether a bell is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Heard {
    Yes,
    No,
}

impl Protocol {
    /// How many faults a step costs.
    fn cost(&self, state: &State, action: Action) -> u8 {
        match action {
            Action::Post(_, Heard::No)
            | Action::DeliverTwice(..)
            | Action::Lose(_)
            | Action::WorkAgain(_)
            | Action::WorkerDies(_)
            | Action::ListBlind(..)
            | Action::SweepDies(_) => 1,
            Action::Work(_, choice) => u8::from(choice.is_fault()),
            // A worker that is still at it when its lease ends was paused, and so was a sweep
            // that is still at a row in the next tick.
            Action::Tick => {
                let ends = state.now.saturating_add(1);
                let lease = self.bounds.timing.lease;
                let workers = state.workers.iter().filter(|worker| {
                    worker.stage != Stage::Idle && worker.began_at.saturating_add(lease) == ends
                });
                let clock = Some(self.sweep_clock(state));
                let sweeps = state.sweeps.iter().filter(|sweep| sweep.looked_at() == clock);
                let paused = workers.count().saturating_add(sweeps.count());
                u8::try_from(paused).unwrap_or(u8::MAX)
            }
            Action::Post(_, Heard::Yes)
            | Action::Cancel(_)
            | Action::Refund(_)
            | Action::Deliver(..)
            | Action::List(..)
            | Action::Note
            | Action::Sweep(_) => 0,
        }
    }

    /// Time passes: what waited for it is there.
    pub(crate) fn pass(state: &mut State) {
        state.now = state.now.saturating_add(1);
        for which in Which::ALL {
            let bells = state.bells.of_mut(which);
            if std::mem::take(&mut bells.delayed) {
                bells.ring();
            }
        }
    }

    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        for which in Which::ALL {
            let open = *state.told.of(which) == Told::Nothing && self.bounds.may_post(which, state);
            if open {
                actions.extend([Action::Post(which, Heard::Yes), Action::Post(which, Heard::No)]);
            }
            let asked = *state.cancels.of(which) != Cancel::NotAsked;
            let open = state.now <= self.bounds.cancels_until && !asked;
            if open && state.jobs.of(which).is_some() {
                actions.push(Action::Cancel(which));
            }
            // Who has seen no charge does not ask; whoever has may ask again.
            let charged = state.resolutions.of(which).is_some_and(|row| row.charged > 0);
            if charged && *state.refunds_asked.of(which) < self.bounds.refunds {
                actions.push(Action::Refund(which));
            }
        }
    }

    fn worker_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let sides = || Side::BOTH.into_iter().take(self.bounds.workers);
        // Which of two idle workers is rung makes no difference.
        let idle = sides().find(|side| state.workers.of(*side).stage == Stage::Idle);
        for which in Which::ALL {
            if state.bells.of(which).ready == 0 {
                continue;
            }
            actions.push(Action::Lose(which));
            if let Some(side) = idle {
                actions.extend([Action::Deliver(side, which), Action::DeliverTwice(side, which)]);
            }
        }
        for side in sides() {
            let worker = state.workers.of(side);
            let choices = Self::choices(state, worker);
            actions.extend(choices.iter().map(|choice| Action::Work(side, *choice)));
            if worker.stage.writes() {
                actions.push(Action::WorkAgain(side));
            }
            if worker.stage != Stage::Idle {
                actions.push(Action::WorkerDies(side));
            }
        }
    }

    fn sweep_actions(&self, state: &State, actions: &mut Vec<Action>) {
        let sides = || Side::BOTH.into_iter().take(self.bounds.sweeps);
        let idle = sides().find(|side| *state.sweeps.of(*side) == Sweep::Idle);
        if let Some(side) = idle.filter(|_| state.looks_left > 0) {
            let due = Which::ALL.into_iter().filter(|which| self.is_due(state, *which));
            for which in due {
                actions.extend([Action::List(side, which), Action::ListBlind(side, which)]);
            }
        }
        for side in sides().filter(|side| *state.sweeps.of(*side) != Sweep::Idle) {
            actions.extend([Action::Sweep(side), Action::SweepDies(side)]);
        }
    }

    fn take(&self, state: &mut State, action: Action) {
        match action {
            Action::Post(which, heard) => {
                let told = self.accept(state, which);
                *state.told.of_mut(which) = told;
                if told == Told::Accepted && heard == Heard::Yes {
                    state.bells.of_mut(which).ring();
                }
            }
            Action::Cancel(which) => {
                let canceled = self.cancel(state, which);
                *state.cancels.of_mut(which) =
                    if canceled { Cancel::Canceled } else { Cancel::TooLate };
            }
            Action::Refund(which) => {
                let asked = state.refunds_asked.of_mut(which);
                *asked = asked.saturating_add(1);
                self.reverse(state, which);
            }
            Action::Tick => {
                Self::pass(state);
                state.looks_left = self.bounds.looks;
            }
            Action::Lose(which) => {
                let bells = state.bells.of_mut(which);
                bells.ready = bells.ready.saturating_sub(1);
            }
            Action::Deliver(side, which) => {
                let bells = state.bells.of_mut(which);
                bells.ready = bells.ready.saturating_sub(1);
                Self::ring(state, side, which);
            }
            Action::DeliverTwice(side, which) => Self::ring(state, side, which),
            Action::Work(side, choice) => self.work(state, side, choice),
            Action::WorkAgain(side) => {
                let (worker, bells) = (*state.workers.of(side), state.bells);
                self.work(state, side, Choice::Go);
                *state.workers.of_mut(side) = worker;
                state.bells = bells;
            }
            Action::WorkerDies(side) => {
                let job = state.workers.of(side).job;
                state.bells.of_mut(job).ring();
                Self::rest(state, side);
            }
            Action::List(side, which) => {
                state.looks_left = state.looks_left.saturating_sub(1);
                *state.sweeps.of_mut(side) = self.look(state, which);
            }
            Action::ListBlind(side, which) => {
                state.looks_left = state.looks_left.saturating_sub(1);
                *state.sweeps.of_mut(side) = self.look_blindly(state, which);
            }
            Action::Note => Self::note(state),
            Action::Sweep(side) => self.sweep(state, side),
            Action::SweepDies(side) => *state.sweeps.of_mut(side) = Sweep::Idle,
        }
    }

    fn note(state: &mut State) {
        for side in Side::BOTH {
            if state.workers.of(side).stage == Stage::Beaten {
                Self::rest(state, side);
            }
            if matches!(state.sweeps.of(side), Sweep::Beaten(_)) {
                *state.sweeps.of_mut(side) = Sweep::Idle;
            }
        }
        for which in Which::ALL {
            let cancel = state.cancels.of_mut(which);
            if *cancel == Cancel::TooLate {
                *cancel = Cancel::NotAsked;
            }
        }
    }

    /// A worker takes up a message.
    pub(crate) fn ring(state: &mut State, side: Side, job: Which) {
        let worker = Worker { stage: Stage::Rung, job, began_at: state.now, ..Worker::default() };
        *state.workers.of_mut(side) = worker;
    }

    /// A worker is done. Its name for this visit is nobody's from now on.
    pub(crate) fn rest(state: &mut State, side: Side) {
        *state.workers.of_mut(side) = Worker::default();
        for which in Which::ALL {
            if let Some(job) = state.jobs.of_mut(which) {
                job.holder = job.holder.filter(|holder| *holder != side);
            }
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let credited = self.bounds.credited;
        let balance = BalanceRow {
            available: credited,
            held: 0,
            charged: 0,
            credited,
            open_jobs: 0,
            free_slots: self.bounds.queue_cap,
            queue_cap: self.bounds.queue_cap,
            free_turns: self.bounds.running_cap,
            waiting_jobs: 0,
            running_cap: self.bounds.running_cap,
        };
        vec![State {
            now: 0,
            faults_left: self.bounds.faults,
            looks_left: self.bounds.looks,
            jobs: Each::default(),
            keys: Each::default(),
            balance,
            holds: Each::default(),
            resolutions: Each::default(),
            reversals: Each::default(),
            events: Each::default(),
            bells: Each::default(),
            orders: Each::default(),
            kept: Each::default(),
            told: Each::default(),
            cancels: Each::default(),
            refunds_asked: Each::default(),
            workers: Two::default(),
            sweeps: Two::default(),
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        // Nothing that others do depends on when it is noted.
        if state.is_told() {
            actions.push(Action::Note);
            return;
        }
        self.requests(state, actions);
        self.worker_actions(state, actions);
        self.sweep_actions(state, actions);
        let over = state.is_at_rest() && !self.bounds.may_post_ever(state);
        if state.now < self.bounds.horizon && !over {
            actions.push(Action::Tick);
        }
        actions.retain(|action| self.cost(state, *action) <= state.faults_left);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        state.faults_left = state.faults_left.checked_sub(self.cost(last, action))?;
        self.take(&mut state, action);
        // A write that was refused and is sent again is refused again: nothing new.
        let idle = matches!(action, Action::WorkAgain(_)) && state.jobs == last.jobs;
        (!idle).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        rules::properties(&self.bounds)
    }
}
