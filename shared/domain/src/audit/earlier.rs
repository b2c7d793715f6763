//! A user's books against what they were at an earlier moment.

use std::collections::BTreeMap;

use super::{
    Books, EventFacts, Findings, JobFacts, JobRows, KeyFacts, Snapshot, job, rows::job_of,
};
use crate::{
    ids::JobId,
    job::Status,
    ledger::{Balance, Entry, replay},
};

/// Nothing was changed that only ever is added, and nothing went back.
pub(super) fn check(
    before: &Books,
    snapshot: &Snapshot,
    jobs: &BTreeMap<JobId, JobRows>,
    findings: &mut Findings,
) {
    ledger(before, snapshot, jobs, findings);
    if let (Some(old), Some(new)) = (&before.balance, &snapshot.books.balance) {
        balances((before, old), (&snapshot.books, new), findings);
    }
    for old in &before.jobs {
        match jobs.get(&old.id).and_then(|rows| rows.job.as_ref()) {
            Some(new) => same_job(old, new, is_given_back(jobs, new), findings),
            None => findings.expect("INV-18", is_past(old.forget_at, snapshot), || {
                format!("job {} was {} and is not there any more", old.id, old.status.as_str())
            }),
        }
    }
    keys(before, snapshot, findings);
    for old in &before.events {
        let there = jobs.get(&old.job).is_some_and(|rows| rows.events.contains(old));
        findings.expect("INV-30", there || is_past(Some(old.forget_at), snapshot), || {
            let EventFacts { job, status, .. } = old;
            format!("the event that job {job} is {} was changed or is gone", status.as_str())
        });
    }
}

/// Whether the charge of a job that had succeeded was given back.
fn is_given_back(jobs: &BTreeMap<JobId, JobRows>, job: &JobFacts) -> bool {
    jobs.get(&job.id).is_some_and(job::is_given_back)
}

fn is_past(at: Option<crate::time::Timestamp>, snapshot: &Snapshot) -> bool {
    at.is_some_and(|at| at <= snapshot.now)
}

/// Entries and references are there as they were.
fn ledger(
    before: &Books,
    snapshot: &Snapshot,
    jobs: &BTreeMap<JobId, JobRows>,
    findings: &mut Findings,
) {
    let books = &snapshot.books;
    let credits: Vec<&Entry> =
        books.entries.iter().filter(|entry| job_of(entry).is_none()).collect();
    for entry in &before.entries {
        let there = match job_of(entry) {
            Some(id) => jobs.get(&id).is_some_and(|rows| rows.entries.contains(entry)),
            None => credits.contains(&entry),
        };
        findings.expect("INV-09", there, || format!("{entry:?} was changed or is gone"));
    }
    for reference in &before.references {
        let there = books.references.contains(reference);
        findings.expect("INV-09", there, || format!("{reference:?} was changed or is gone"));
    }
}

/// The balance has gone on, and what came in since is what new credits say.
fn balances(
    (before, old): (&Books, &Balance),
    (after, new): (&Books, &Balance),
    findings: &mut Findings,
) {
    findings.expect("INV-09", old.version <= new.version, || {
        format!("the balance went back from version {} to {}", old.version, new.version)
    });
    let [.., credited_before] = replay(&before.entries);
    let [.., credited_after] = replay(&after.entries);
    let grown = i128::from(new.credited.micros()).saturating_sub(i128::from(old.credited.micros()));
    let came_in = credited_after.saturating_sub(credited_before);
    findings.expect("INV-11", grown == came_in && grown >= 0, || {
        format!("credited has grown by {grown}, new credits are {came_in}")
    });
}

fn same_job(old: &JobFacts, new: &JobFacts, is_given_back: bool, findings: &mut Findings) {
    let (id, from, to) = (old.id, old.status.as_str(), new.status.as_str());
    if old.status.is_terminal() {
        // A success whose charge is given back keeps all but what that changes.
        let reversed = old.status == Status::Succeeded && is_given_back;
        let same = if reversed {
            let JobFacts { status, charged, forget_at, .. } = new.clone();
            *new == JobFacts { status, charged, forget_at, ..old.clone() }
        } else {
            old == new
        };
        findings
            .expect("INV-19", same, || format!("job {id} has ended as {old:?}, and is {new:?}"));
        return;
    }
    findings.expect("INV-20", old.status.leads_to(new.status), || {
        format!("job {id} was {from} and is {to}")
    });
    findings.expect("INV-24", old.fence <= new.fence, || {
        format!("the fence of job {id} went back from {:?} to {:?}", old.fence, new.fence)
    });
    findings.expect("INV-10", old.expires_at == new.expires_at, || {
        format!("job {id} was to expire at {:?}, now at {:?}", old.expires_at, new.expires_at)
    });
    // Whatever is known of an order is kept until another order is sent.
    let kept = old.task.is_none() || new.submits > old.submits || {
        new.submits == old.submits && new.task == old.task
    };
    findings.expect("INV-25", kept, || {
        let (was, is) = (old.submits, new.submits);
        format!("the task of order {was} of job {id} was lost or overwritten at order {is}")
    });
}

/// A key names the job that it named for as long as it counts.
fn keys(before: &Books, snapshot: &Snapshot, findings: &mut Findings) {
    let now: BTreeMap<&str, &KeyFacts> =
        snapshot.books.keys.iter().map(|key| (key.digest.as_str(), key)).collect();
    for old in &before.keys {
        let same = now.get(old.digest.as_str()) == Some(&old);
        findings.expect("INV-14", same || is_past(Some(old.expires_at), snapshot), || {
            format!("the key of job {} was changed or is gone before its time", old.job)
        });
    }
}
