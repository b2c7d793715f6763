//! One job: its row against its entries, its events and the time.

use std::time::Duration;

use super::{Findings, JobFacts, JobRows};
use crate::{
    hold::{Figures, ResolutionKind},
    job::Status,
    schedule::SUBMITS_MAX,
    time::Timestamp,
};

/// Everything that is wrong with the rows of a job by themselves.
pub(super) fn check(rows: &JobRows, now: Timestamp, slack: Duration, findings: &mut Findings) {
    let resolutions = rows.resolutions();
    entries(rows, &resolutions, findings);
    if let Some(job) = &rows.job {
        ending(job, rows, findings);
        run(job, rows, findings);
        schedule(job, now, slack, findings);
        outbox(job, rows, now, findings);
    }
    for event in &rows.events {
        findings.expect("INV-32", has_ended_as(rows, event.status), || {
            format!("an event tells that job {} is {}", rows.id, event.status.as_str())
        });
    }
}

/// Whether a job has ended in this state. Where its row is forgotten, its resolution tells.
pub(super) fn has_ended_as(rows: &JobRows, status: Status) -> bool {
    let stands = match &rows.job {
        // What was given back had succeeded before.
        Some(job) => job.status == status || is_given_back(rows) && status == Status::Succeeded,
        None => rows.resolutions().first().is_some_and(|figures| match figures.kind {
            ResolutionKind::Usage => {
                status == Status::Succeeded || is_given_back(rows) && status == Status::Refunded
            }
            ResolutionKind::Refund => status != Status::Succeeded,
        }),
    };
    stands && status.is_terminal()
}

/// Whether the charge of a job was given back.
pub(super) fn is_given_back(rows: &JobRows) -> bool {
    !rows.reversals().is_empty()
}

/// One hold, at most one resolution and at most one reversal, and the figures fit.
fn entries(rows: &JobRows, resolutions: &[Figures], findings: &mut Findings) {
    let (id, holds) = (rows.id, rows.holds());
    findings.expect("INV-05", resolutions.len() <= 1, || {
        format!("job {id} has {} resolutions", resolutions.len())
    });
    let reversals = rows.reversals();
    findings.expect("INV-05", reversals.len() <= 1, || {
        format!("the charge of job {id} was given back {} times", reversals.len())
    });
    let paid: Vec<_> = resolutions.iter().map(|figures| figures.charged).collect();
    findings.expect("INV-06", reversals.iter().all(|amount| paid.contains(amount)), || {
        format!("job {id} was charged {paid:?}, and {reversals:?} was given back")
    });
    if let Some(job) = &rows.job {
        findings.expect("INV-16", holds.as_slice() == [job.hold], || {
            format!("job {id} says it holds {:?}, its entries say {holds:?}", job.hold)
        });
    } else if !rows.entries.is_empty() {
        findings
            .expect("INV-16", holds.len() == 1, || format!("job {id} has {} holds", holds.len()));
        findings.expect("INV-16", !resolutions.is_empty(), || {
            format!("there is a hold for job {id}, but no such job")
        });
    }
    let [hold] = holds.as_slice() else { return };
    for figures in resolutions {
        let split = figures.charged.checked_add(figures.released);
        let fits = figures.held == *hold && split == Some(*hold);
        findings.expect("INV-06", fits, || format!("job {id} held {hold:?}, {figures:?}"));
    }
}

/// The state of a job and its resolution tell the same story.
fn ending(job: &JobFacts, rows: &JobRows, findings: &mut Findings) {
    let (id, status) = (job.id, job.status.as_str());
    let resolutions = rows.resolutions();
    let resolution = resolutions.first();
    let kind = resolution.map(|figures| figures.kind);
    findings.expect("INV-22", job.status.is_terminal() == kind.is_some(), || {
        format!("job {id} is {status}, its resolution is {kind:?}")
    });
    let Some(figures) = resolution else { return };
    let paid = figures.kind == ResolutionKind::Usage;
    let given_back = is_given_back(rows);
    let succeeded = if given_back { Status::Refunded } else { Status::Succeeded };
    let succeeded = job.status == succeeded;
    findings.expect("INV-21", succeeded == paid, || {
        let reversed = if given_back { ", which was given back" } else { "" };
        format!("job {id} is {status}, its resolution is {:?}{reversed}", figures.kind)
    });
    let pictures = job.pictures.len();
    let worth = u32::try_from(pictures).ok().and_then(|n| job.price.checked_mul(n));
    let delivered = if succeeded { pictures >= 1 } else { pictures == 0 };
    findings.expect("INV-23", delivered && worth == Some(figures.charged), || {
        format!("job {id} has {pictures} pictures and was charged {:?}", figures.charged)
    });
    let paid = rows.paid();
    findings.expect("INV-17", job.charged == paid, || {
        format!("job {id} says charged {:?}, the ledger {paid:?}", job.charged)
    });
}

/// How often it was claimed and ordered fits where it stands.
fn run(job: &JobFacts, rows: &JobRows, findings: &mut Findings) {
    let claimed = match job.status {
        Status::Refunded if is_given_back(rows) => job.fence.is_some(),
        Status::Pending | Status::Refunded => job.fence.is_none(),
        Status::Processing | Status::Succeeded | Status::Failed => job.fence.is_some(),
        Status::Expired => true,
    };
    findings.expect("INV-20", claimed, || {
        format!("job {} is {}, its fence is {:?}", job.id, job.status.as_str(), job.fence)
    });
    findings.expect("INV-33", job.has_turn || job.fence.is_none(), || {
        format!("job {} was begun without a turn", job.id)
    });
    findings.expect("INV-26", job.submits <= SUBMITS_MAX, || {
        format!("job {} was ordered {} times", job.id, job.submits)
    });
}

/// An unfinished job is due at some time, and not too late.
fn schedule(job: &JobFacts, now: Timestamp, slack: Duration, findings: &mut Findings) {
    let open = !job.status.is_terminal();
    let late = open && now > job.expires_at.plus(slack);
    findings.expect("INV-10", !late, || format!("job {} should have expired", job.id));
    findings.expect("INV-27", open == job.due_at.is_some(), || {
        format!("job {} is {}, due {:?}", job.id, job.status.as_str(), job.due_at)
    });
}

/// One event for an ending, none before, and one more when its charge is given back.
fn outbox(job: &JobFacts, rows: &JobRows, now: Timestamp, findings: &mut Findings) {
    let mut told: Vec<Status> = rows.events.iter().map(|event| event.status).collect();
    told.sort_unstable_by_key(|status| status.as_str());
    let expected: &[Status] = match job.status {
        Status::Pending | Status::Processing => &[],
        Status::Refunded if is_given_back(rows) => &[Status::Refunded, Status::Succeeded],
        Status::Succeeded => &[Status::Succeeded],
        Status::Failed => &[Status::Failed],
        Status::Expired => &[Status::Expired],
        Status::Refunded => &[Status::Refunded],
    };
    let forgotten = job.forget_at.is_some_and(|at| at <= now);
    findings.expect("INV-30", forgotten || told == expected, || {
        format!("job {} is {}, its events tell {told:?}", job.id, job.status.as_str())
    });
}
