//! Whether a moment ends well: the faults are over, and everybody who is still there does what they
//! do next, in turn.
//!
//! This is not a search but one fair schedule, so it is not the horizon's: time goes on until every
//! job has ended, or a bound is reached that none should reach.

use crate::{
    Protocol,
    choice::Choice,
    each::{Side, Which},
    state::{Stage, State, Sweep},
};

/// Who goes on, besides the sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nobody: every worker hangs for ever and no message arrives.
    Nobody,
    /// Workers, and an upstream that finishes.
    PromptUpstream,
    /// Workers, and an upstream that never finishes.
    SilentUpstream,
}

/// For how many ticks it may go on.
const TICKS_MAX: u8 = 16;
/// How many steps a process may take in a row.
const STEPS_MAX: u8 = 24;

impl Protocol {
    /// Whether every job of a moment ends, and stays as it should.
    #[must_use]
    pub fn ends(&self, state: &State, company: Company) -> bool {
        let mut state = state.clone();
        for _ in 0..TICKS_MAX {
            if state.broken.is_some() || Self::all_ended(&state) {
                break;
            }
            if company != Company::Nobody {
                self.drive_workers(&mut state, company);
            }
            self.drive_sweep(&mut state);
            Self::pass(&mut state);
        }
        // A moment that is broken already is another rule's matter.
        state.broken.is_some() || Self::all_ended(&state)
    }

    fn all_ended(state: &State) -> bool {
        state.jobs.iter().all(|(_, job)| job.is_none_or(|job| job.status.is_terminal()))
    }

    fn drive_sweep(&self, state: &mut State) {
        for side in Side::BOTH {
            self.drain_sweep(state, side);
        }
        for which in
            Which::ALL.into_iter().filter(|which| self.is_due(state, *which)).collect::<Vec<_>>()
        {
            *state.sweeps.of_mut(Side::Left) = self.look(state, which);
            self.drain_sweep(state, Side::Left);
        }
    }

    fn drain_sweep(&self, state: &mut State, side: Side) {
        for _ in 0..STEPS_MAX {
            if *state.sweeps.of(side) == Sweep::Idle {
                return;
            }
            self.sweep(state, side);
        }
    }

    fn drive_workers(&self, state: &mut State, company: Company) {
        for side in Side::BOTH {
            self.drain_worker(state, side, company);
        }
        for which in Which::ALL {
            if state.bells.of(which).ready > 0 {
                let bells = state.bells.of_mut(which);
                bells.ready = bells.ready.saturating_sub(1);
                Self::ring(state, Side::Left, which);
                self.drain_worker(state, Side::Left, company);
            }
        }
    }

    fn drain_worker(&self, state: &mut State, side: Side, company: Company) {
        for _ in 0..STEPS_MAX {
            let worker = *state.workers.of(side);
            if worker.stage == Stage::Idle {
                return;
            }
            let choices = Self::choices(state, &worker);
            let wanted = |choice: &&Choice| {
                matches!(choice, Choice::Done(_)) == (company == Company::PromptUpstream)
            };
            let calm = choices.iter().filter(|choice| !choice.is_fault());
            let choice = calm.clone().find(wanted).or(calm.clone().next());
            let Some(choice) = choice.copied() else { return };
            self.work(state, side, choice);
        }
    }
}
