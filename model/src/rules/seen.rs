//! What shows that a search was not in vain: each must be seen at least once.
#![expect(missing_docs, reason = "the texts say it")]

use domain::job::Status;
use stateright::Property;

use crate::{
    Protocol,
    each::Which,
    protocol::HOLD,
    rows::JobRow,
    state::{Cancel, Stage, State, Sweep, Told},
};

pub const REPLAY: &str = "a replay is served";
pub const KEY_REUSED: &str = "a key is reused for another request";
pub const KEY_OUTLIVED: &str = "a key that outlived its lifetime makes another job";
pub const REFUSED: &str = "a request is refused for want of funds";
pub const QUEUE_FULL: &str = "a request is refused because the queue is full";
pub const SWEEP_WON: &str = "the sweep was quicker than a success";
pub const WORKER_WON: &str = "a success was quicker than the sweep";
pub const LATE: &str = "a success after the hard expiry is refused";
pub const SECOND_SUBMIT: &str = "an order is sent a second time";
pub const CANCEL_WON: &str = "a cancel is in time";
pub const CANCEL_LOST: &str = "a cancel is too late";
pub const PARTIAL: &str = "fewer pictures than ordered are charged";
pub const GAVE_UP: &str = "a job fails after two orders";
pub const RESUMED: &str = "a job that was put down succeeds";
pub const OVERTAKEN: &str = "a paused worker is overtaken when its lease has ended";
pub const TWO_SUCCEED: &str = "two jobs succeed";
pub const TWO_GIVEN_BACK: &str = "the charges of two jobs are given back";
pub const PAID_AND_GIVEN_BACK: &str = "one charge is given back, another is not";
pub const WAITS: &str = "a job waits for a turn while another runs";
pub const WAITED: &str = "a job that another had the turn before succeeds";
pub const WAITED_AND_CANCELED: &str = "a job that waits is canceled";
pub const WAITED_AND_EXPIRED: &str = "a job that waits expires, and another has run";

pub(super) fn witnesses() -> Vec<Property<Protocol>> {
    fn any_job(s: &State, seen: impl Fn(Which, &JobRow) -> bool) -> bool {
        s.jobs.iter().any(|(which, job)| job.as_ref().is_some_and(|job| seen(which, job)))
    }
    fn beaten(s: &State, which: Which) -> bool {
        s.workers.iter().any(|worker| worker.stage == Stage::Beaten && worker.job == which)
    }
    vec![
        Property::sometimes(REPLAY, |_, s: &State| was_told(s, Told::Replayed)),
        Property::sometimes(KEY_REUSED, |_, s: &State| was_told(s, Told::KeyReused)),
        Property::sometimes(KEY_OUTLIVED, |model: &Protocol, s: &State| {
            let both = [Which::First, Which::Second].map(|which| s.jobs.of(which).is_some());
            let keys = [Which::First, Which::Second].map(|which| model.key_of(which));
            both == [true, true] && matches!(keys, [Some(one), Some(two)] if one == two)
        }),
        Property::sometimes(REFUSED, |_, s: &State| {
            was_told(s, Told::Refused) && s.balance.open_jobs < s.balance.queue_cap
        }),
        Property::sometimes(QUEUE_FULL, |_, s: &State| {
            was_told(s, Told::Refused)
                && s.balance.available >= HOLD
                && s.balance.open_jobs >= s.balance.queue_cap
        }),
        Property::sometimes(SWEEP_WON, |_, s: &State| {
            any_job(s, |which, job| job.status == Status::Expired && beaten(s, which))
        }),
        Property::sometimes(WORKER_WON, |_, s: &State| {
            s.sweeps.iter().any(|sweep| match *sweep {
                Sweep::Beaten(which) => {
                    s.jobs.of(which).is_some_and(|job| job.status == Status::Succeeded)
                }
                Sweep::Idle | Sweep::Ring(_) | Sweep::Postpone(..) | Sweep::Expire(..) => false,
            })
        }),
        Property::sometimes(LATE, |_, s: &State| {
            any_job(s, |which, job| s.now >= job.expires_at && beaten(s, which))
        }),
        Property::sometimes(SECOND_SUBMIT, |_, s: &State| {
            Which::ALL.into_iter().any(|which| s.orders_of(which) == 2)
        }),
        Property::sometimes(CANCEL_WON, |_, s: &State| {
            s.cancels.iter().any(|(_, cancel)| *cancel == Cancel::Canceled)
        }),
        Property::sometimes(CANCEL_LOST, |_, s: &State| {
            s.cancels.iter().any(|(_, cancel)| *cancel == Cancel::TooLate)
        }),
        Property::sometimes(PARTIAL, |_, s: &State| {
            s.resolutions.iter().any(|(_, r)| r.is_some_and(|r| r.charged > 0 && r.released > 0))
        }),
        Property::sometimes(GAVE_UP, |_, s: &State| {
            any_job(s, |which, job| job.status == Status::Failed && s.orders_of(which) == 2)
        }),
        Property::sometimes(RESUMED, |model: &Protocol, s: &State| {
            let calm = s.faults_left == model.bounds.faults;
            let again = |job: &JobRow| job.status == Status::Succeeded && job.fence > Some(1);
            calm && any_job(s, |_, job| again(job))
        }),
        Property::sometimes(OVERTAKEN, |_, s: &State| {
            s.workers.iter().any(|worker| {
                let job = s.jobs.of(worker.job);
                worker.stage == Stage::Beaten
                    && job.is_some_and(|job| {
                        job.lease_until.is_some() && job.fence > Some(worker.fence)
                    })
            })
        }),
        Property::sometimes(TWO_SUCCEED, |_, s: &State| {
            s.jobs
                .iter()
                .filter(|(_, job)| job.is_some_and(|j| j.status == Status::Succeeded))
                .count()
                == 2
        }),
        Property::sometimes(WAITS, |_, s: &State| {
            s.balance.waiting_jobs > 0 && any_job(s, |_, job| job.status == Status::Processing)
        }),
        Property::sometimes(WAITED, |_, s: &State| {
            s.jobs.of(Which::First).is_some_and(|job| job.status.is_terminal())
                && s.jobs.of(Which::Third).is_some_and(|job| job.status == Status::Succeeded)
        }),
        Property::sometimes(WAITED_AND_CANCELED, |_, s: &State| {
            any_job(s, |_, job| !job.has_turn && job.status == Status::Refunded)
        }),
        Property::sometimes(WAITED_AND_EXPIRED, |_, s: &State| {
            any_job(s, |_, job| !job.has_turn && job.status == Status::Expired)
                && any_job(s, |_, job| job.status == Status::Succeeded)
        }),
        Property::sometimes(TWO_GIVEN_BACK, |_, s: &State| {
            s.reversals.iter().filter(|(_, row)| row.is_some()).count() == 2
        }),
        Property::sometimes(PAID_AND_GIVEN_BACK, |_, s: &State| {
            s.balance.charged > 0 && s.reversals.iter().any(|(_, row)| row.is_some())
        }),
    ]
}

fn was_told(s: &State, what: Told) -> bool {
    s.told.iter().any(|(_, told)| *told == what)
}
