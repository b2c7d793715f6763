//! What must always be true, by name, and what must be seen at least once.

pub mod seen;

use domain::{hold::ResolutionKind, job::Status};
use stateright::Property;

use crate::{
    Protocol,
    bounds::Bounds,
    drive::Company,
    each::Which,
    rows::JobRow,
    state::{End, State, Told},
};

/// A + H + U = C.
pub const CONSERVED: &str = "INV-01 available + held + charged = credited";
/// H is the sum of the holds of unfinished jobs, and they are counted.
pub const HELD: &str = "INV-02 what is held is what unfinished jobs hold";
/// The entries make the balance.
pub const REPLAYED: &str = "INV-03 the entries, added up, are the balance";
/// No side of the balance is negative.
pub const NOT_NEGATIVE: &str = "INV-04 no amount is negative";
/// A job has at most one resolution.
pub const RESOLVED_ONCE: &str = "INV-05 a job has at most one resolution";
/// A charge is given back at most once, and all of it.
pub const GIVEN_BACK_ONCE: &str = "INV-05 a charge is given back at most once, and all of it";
/// The figures of a resolution fit.
pub const FITS: &str = "INV-06 charged + released = hold";
/// No job's hold is used for another.
pub const NOT_BORROWED: &str = "INV-08 each unfinished job's hold is there";
/// One job for each key.
pub const ONE_JOB_A_KEY: &str = "INV-14 one job for each key within its lifetime";
/// A refusal leaves nothing behind.
pub const NOTHING_LEFT: &str = "INV-16 a refusal leaves nothing behind";
/// A job stays as it ended.
pub const ENDS_ONCE: &str = "INV-19 a job ends once and stays so";
/// Only the edges of the diagram.
pub const EDGES: &str = "INV-20 only the edges of the diagram";
/// Who succeeded pays, nobody else.
pub const PAID: &str = "INV-21 succeeded or given back is usage, every other end is a refund";
/// Status, resolution and event in one step.
pub const ONE_STEP: &str = "INV-22 an ended job has its resolution and its event, no other has, and so has what was given back";
/// Who paid has pictures.
pub const PICTURES: &str = "INV-23 who paid has pictures";
/// No write bears an older fence.
pub const FENCED: &str = "INV-24 a write with an older fence is refused";
/// Orders at the upstream.
pub const ORDERS: &str = "INV-26 at most two orders of a job, and one without faults";
/// An open job is due.
pub const DUE: &str = "INV-27 an unfinished job is due, an ended one is not";
/// Who has a job is alone with it.
pub const ALONE: &str = "a job is not claimed over a live lease";
/// Late is late.
pub const BEGUN_IN_TIME: &str = "nothing is begun on a job that is overdue";
/// Success ends with the hard expiry.
pub const IN_TIME: &str = "INV-10 nothing succeeds at or after its hard expiry";
/// The sweep's clock may be ahead.
pub const GOOD_FAITH: &str = "the sweep ends nothing before its deadline, whatever its clock says";
/// Asking again tells.
pub const SECOND_ASKED: &str = "who asks to end an ended job is told that it has ended";
/// The books bear each ending.
pub const BALANCED: &str = "no ending is refused by the balance or the event";
/// The conditions are understood.
pub const UNDERSTOOD: &str = "each condition asks for what its write gives";
/// The sweep alone ends everything.
pub const SWEEP_ENDS: &str = "with the faults over, the sweep alone ends every job";
/// Everybody together ends everything.
pub const ALL_END: &str = "with the faults over, every job ends, whether the upstream ever does";

/// No more are open than the tier allows.
pub const CAPPED: &str = "no more jobs are open than the tier allows";
/// The turns add up.
pub const TURNS: &str = "INV-33 the free turns and those of unfinished jobs are the running cap, and who waits is counted";
/// No more run than may.
pub const RUNNING: &str = "INV-33 no more jobs run than the running cap, and none without a turn";
/// What the product's audit finds.
pub const AUDITED: &str = "the audit of the product finds nothing";

/// All that is checked in a search.
pub(crate) fn properties(bounds: &Bounds) -> Vec<Property<Protocol>> {
    let mut all = money();
    all.extend(jobs());
    all.extend(steps());
    let wanted = seen::witnesses().into_iter();
    all.extend(wanted.filter(|property| bounds.sometimes.contains(&property.name)));
    if bounds.audited {
        let audited = |model: &Protocol, s: &State| model.violations(s).is_empty();
        all.push(Property::always(AUDITED, audited));
    }
    all
}

fn money() -> Vec<Property<Protocol>> {
    vec![
        Property::always(CONSERVED, |_, s: &State| is_conserved(s)),
        Property::always(HELD, |_, s: &State| is_held(s)),
        Property::always(REPLAYED, |_, s: &State| is_replayed(s)),
        Property::always(NOT_NEGATIVE, |_, s: &State| {
            let b = &s.balance;
            [b.available, b.held, b.charged, b.open_jobs, b.free_turns, b.waiting_jobs]
                .into_iter()
                .all(|side| side >= 0)
        }),
        Property::always(FITS, |_, s: &State| {
            s.resolutions.iter().all(|(job, resolution)| {
                resolution.is_none_or(|r| {
                    let split = r.charged.saturating_add(r.released);
                    split == r.held && *s.holds.of(job) == Some(r.held) && r.charged >= 0
                })
            })
        }),
        Property::always(GIVEN_BACK_ONCE, |_, s: &State| {
            s.reversals.iter().all(|(job, back)| {
                back.is_none() || *back == s.resolutions.of(job).map(|row| row.charged)
            })
        }),
        Property::always(NOT_BORROWED, |_, s: &State| s.balance.held >= held_by_open_jobs(s)),
        Property::always(CAPPED, |_, s: &State| s.balance.open_jobs <= s.balance.queue_cap),
        Property::always(TURNS, |_, s: &State| has_all_turns(s)),
        Property::always(RUNNING, |_, s: &State| {
            let running = jobs_that(s, |job| job.status == Status::Processing);
            let without = |job: &JobRow| job.status == Status::Processing && !job.has_turn;
            running <= s.balance.running_cap && jobs_that(s, without) == 0
        }),
    ]
}

fn jobs() -> Vec<Property<Protocol>> {
    vec![
        Property::always(ONE_JOB_A_KEY, one_job_a_key),
        Property::always(NOTHING_LEFT, nothing_left),
        Property::always(PAID, |_, s: &State| {
            s.jobs.iter().all(|(which, job)| match (job, s.resolutions.of(which)) {
                (Some(job), Some(resolution)) => {
                    let paid = resolution.kind == ResolutionKind::Usage;
                    let reversal = *s.reversals.of(which);
                    let back = reversal.unwrap_or_default();
                    let end = if reversal.is_some() { Status::Refunded } else { Status::Succeeded };
                    (job.status == end) == paid
                        && job.charged == Some(resolution.charged.saturating_sub(back))
                }
                (Some(_) | None, None) | (None, Some(_)) => true,
            })
        }),
        Property::always(ONE_STEP, |_, s: &State| {
            s.jobs.iter().all(|(which, job)| {
                let ended = job.is_some_and(|job| job.status.is_terminal());
                let resolved = s.resolutions.of(which).is_some();
                let told = if s.reversals.of(which).is_some() {
                    [Some(Status::Succeeded), Some(Status::Refunded)]
                } else {
                    [job.map(|job| job.status).filter(|_| ended), None]
                };
                ended == resolved && *s.events.of(which) == told
            })
        }),
        Property::always(PICTURES, |_, s: &State| {
            let paid = |job: &JobRow| job.status == Status::Succeeded;
            s.jobs.iter().all(|(which, job)| !job.as_ref().is_some_and(paid) || *s.kept.of(which))
        }),
        Property::always(ORDERS, |model: &Protocol, s: &State| {
            let most = if s.faults_left == model.bounds.faults { 1 } else { 2 };
            Which::ALL.into_iter().all(|which| s.orders_of(which) <= most)
        }),
        Property::always(DUE, |_, s: &State| {
            s.jobs.iter().all(|(_, job)| {
                job.is_none_or(|job| job.due_at.is_some() != job.status.is_terminal())
            })
        }),
        Property::always(IN_TIME, |_, s: &State| {
            s.jobs.iter().all(|(_, job)| {
                job.is_none_or(|job| {
                    job.status != Status::Succeeded || job.completed_at < Some(job.expires_at)
                })
            })
        }),
        Property::always(SWEEP_ENDS, |model: &Protocol, s: &State| model.ends(s, Company::Nobody)),
        Property::always(ALL_END, |model: &Protocol, s: &State| {
            model.ends(s, Company::PromptUpstream) && model.ends(s, Company::SilentUpstream)
        }),
    ]
}

/// What a step breaks is noted when it is taken. A closure cannot be told which rule it is about, so
/// there is one for each.
fn steps() -> Vec<Property<Protocol>> {
    vec![
        Property::always(ENDS_ONCE, |_, s: &State| s.broken != Some(ENDS_ONCE)),
        Property::always(EDGES, |_, s: &State| s.broken != Some(EDGES)),
        Property::always(FENCED, |_, s: &State| s.broken != Some(FENCED)),
        Property::always(ALONE, |_, s: &State| s.broken != Some(ALONE)),
        Property::always(BEGUN_IN_TIME, |_, s: &State| s.broken != Some(BEGUN_IN_TIME)),
        Property::always(GOOD_FAITH, |_, s: &State| s.broken != Some(GOOD_FAITH)),
        Property::always(SECOND_ASKED, |_, s: &State| s.broken != Some(SECOND_ASKED)),
        Property::always(BALANCED, |_, s: &State| s.broken != Some(BALANCED)),
        Property::always(UNDERSTOOD, |_, s: &State| s.broken != Some(UNDERSTOOD)),
        Property::always(RESOLVED_ONCE, |_, s: &State| {
            s.resolutions.iter().all(|(_, row)| row.is_none_or(|row| row.writes < 2))
        }),
    ]
}

fn is_conserved(s: &State) -> bool {
    let b = &s.balance;
    b.available.saturating_add(b.held).saturating_add(b.charged) == b.credited
}

fn held_by_open_jobs(s: &State) -> i16 {
    let open = s.jobs.iter().filter(|(_, job)| job.is_some_and(|job| !job.status.is_terminal()));
    open.filter_map(|(which, _)| *s.holds.of(which)).fold(0, i16::saturating_add)
}

fn is_held(s: &State) -> bool {
    let open = s.jobs.iter().filter(|(_, job)| job.is_some_and(|job| !job.status.is_terminal()));
    s.balance.held == held_by_open_jobs(s) && i16::try_from(open.count()) == Ok(s.balance.open_jobs)
}

fn jobs_that(s: &State, seen: impl Fn(&JobRow) -> bool) -> i16 {
    let jobs = s.jobs.iter().filter(|(_, job)| job.as_ref().is_some_and(&seen));
    jobs.count().try_into().unwrap_or(i16::MAX)
}

fn has_all_turns(s: &State) -> bool {
    let b = &s.balance;
    let open = |job: &JobRow| !job.status.is_terminal();
    let taken = jobs_that(s, |job| open(job) && job.has_turn);
    let waiting = jobs_that(s, |job| open(job) && !job.has_turn);
    taken.saturating_add(b.free_turns) == b.running_cap && waiting == b.waiting_jobs
}

/// The credit, the holds, the resolutions and the reversals, added up.
fn is_replayed(s: &State) -> bool {
    let (mut available, mut held, mut charged) = (s.balance.credited, 0_i16, 0_i16);
    for (_, hold) in s.holds.iter() {
        let amount = hold.unwrap_or_default();
        available = available.saturating_sub(amount);
        held = held.saturating_add(amount);
    }
    for resolution in s.resolutions.iter().filter_map(|(_, resolution)| resolution.as_ref()) {
        available = available.saturating_add(resolution.released);
        held = held.saturating_sub(resolution.held);
        charged = charged.saturating_add(resolution.charged);
    }
    for back in s.reversals.iter().filter_map(|(_, back)| back.as_ref()) {
        available = available.saturating_add(*back);
        charged = charged.saturating_sub(*back);
    }
    [available, held, charged] == [s.balance.available, s.balance.held, s.balance.charged]
}

fn one_job_a_key(model: &Protocol, s: &State) -> bool {
    let lifetime = model.bounds.timing.key_lifetime;
    s.jobs.iter().all(|(one, job)| {
        s.jobs.iter().all(|(other, later)| {
            let (Some(job), Some(later)) = (job, later) else { return true };
            let same = model.key_of(one).is_some_and(|key| model.key_of(other) == Some(key));
            let outlived = later.created_at.abs_diff(job.created_at) >= lifetime;
            one == other || !same || outlived
        })
    })
}

fn nothing_left(_: &Protocol, s: &State) -> bool {
    s.told.iter().all(|(which, told)| {
        let stored = [
            s.jobs.of(which).is_some(),
            s.holds.of(which).is_some(),
            s.keys.iter().any(|(_, key)| key.is_some_and(|key| key.job == which)),
        ];
        match told {
            Told::Accepted => stored.iter().take(2).all(|stored| *stored),
            Told::Nothing | Told::Replayed | Told::KeyReused | Told::Refused => {
                stored == [false; 3] && s.bells.of(which).ready == 0
            }
        }
    })
}

/// What the step from `before` to `after` breaks, for a write that bears a fence or none.
pub(crate) fn broken_by(
    before: &JobRow,
    after: &JobRow,
    bears: Option<u8>,
) -> Option<&'static str> {
    let next: &[Status] = match before.status {
        Status::Pending => {
            &[Status::Pending, Status::Processing, Status::Expired, Status::Refunded]
        }
        Status::Processing => {
            &[Status::Processing, Status::Succeeded, Status::Failed, Status::Expired]
        }
        Status::Succeeded | Status::Failed | Status::Expired | Status::Refunded => &[],
    };
    let legal = next.contains(&after.status);
    let older = bears.is_some_and(|fence| before.fence != Some(fence));
    if before.status.is_terminal() {
        Some(ENDS_ONCE)
    } else if older || after.fence < before.fence {
        Some(FENCED)
    } else if legal {
        None
    } else {
        Some(EDGES)
    }
}

/// The status that an end leads to.
pub(crate) const fn status_of(end: End) -> Status {
    match end {
        End::Succeeded(_) => Status::Succeeded,
        End::Failed => Status::Failed,
        End::Expired => Status::Expired,
        End::Canceled => Status::Refunded,
    }
}
