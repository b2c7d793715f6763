//! What was seen and told of a user before, and what is stored now against it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Books, Findings, JobRows, Snapshot, earlier, job, told};
use crate::{
    fingerprint::Fingerprint, ids::JobId, job::Status, money::MicroUsd, schedule::SUBMITS_MAX,
};

/// What was seen and told before the snapshot was taken. Each part may be left out; an empty history
/// asks nothing.
#[derive(Clone, Debug)]
pub struct History {
    /// The same user's books at an earlier moment.
    pub earlier: Option<Books>,
    /// What callers were told, in order. An answer that was under way at the same time as the one
    /// before it, for the same job, is left out: nobody can say which of them is older. The whole
    /// is shorter than the lifetime of a key.
    pub told: Vec<Told>,
    /// Whether `told` has every order that was ever sent for the user, also those without an answer.
    /// Then there is no job that nobody asked for.
    pub told_all: bool,
    /// How many orders of each job an upstream took or may have taken.
    pub orders: BTreeMap<JobId, u32>,
    /// How many of them one job may have: 2, and 1 where nothing ever went wrong.
    pub orders_max: u32,
    /// The keys in the bucket, where they are known.
    pub pictures: Option<BTreeSet<String>>,
    /// Events that listeners were told: each one's job and state.
    pub events: Vec<(JobId, Status)>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            earlier: None,
            told: Vec::new(),
            told_all: false,
            orders: BTreeMap::new(),
            orders_max: SUBMITS_MAX.into(),
            pictures: None,
            events: Vec::new(),
        }
    }
}

/// An order that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The digest of its idempotency key, if it has one.
    pub key: Option<String>,
    /// What was asked for; `None` where it is no order at all.
    pub fingerprint: Option<Fingerprint>,
}

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// `202`, or `200` with the mark of a replay: the order is this job.
    Accepted {
        /// The order.
        request: Request,
        /// The job.
        job: JobId,
        /// Whether it bore the mark of a replay.
        replay: bool,
    },
    /// Another answer.
    Refused {
        /// The order.
        request: Request,
        /// Whether the answer says for sure that nothing was done. If not, it is unknown.
        definite: bool,
    },
    /// There was no answer, or there is none yet. The books tell what became of it. An order that is
    /// answered later is told once, by that answer.
    Unknown {
        /// The order.
        request: Request,
    },
    /// A job as it was shown.
    Seen {
        /// The job.
        job: JobId,
        /// Where it stood.
        status: Status,
        /// What it had cost, if it had ended.
        charged: Option<MicroUsd>,
        /// How many pictures it had.
        images: usize,
    },
    /// `404`: there is no such job.
    Missing {
        /// The job.
        job: JobId,
    },
}

/// What is stored against what was seen and told before.
pub(super) fn check(
    snapshot: &Snapshot,
    jobs: &BTreeMap<JobId, JobRows>,
    history: &History,
    findings: &mut Findings,
) {
    if let Some(before) = &history.earlier {
        earlier::check(before, snapshot, jobs, findings);
    }
    told::check(snapshot, jobs, history, findings);
    orders(jobs, history, findings);
    pictures(snapshot, history, findings);
    for (id, status) in &history.events {
        let was = jobs.get(id).is_some_and(|rows| job::has_ended_as(rows, *status));
        findings.expect("INV-32", was, || {
            format!("listeners were told that job {id} is {}", status.as_str())
        });
    }
}

/// No job was ordered too often, and only what is in the books was ordered at all.
fn orders(jobs: &BTreeMap<JobId, JobRows>, history: &History, findings: &mut Findings) {
    for (id, orders) in &history.orders {
        findings.expect("INV-26", *orders <= history.orders_max, || {
            format!("job {id} was ordered {orders} times")
        });
        let held = jobs.get(id).is_some_and(|rows| !rows.entries.is_empty());
        findings.expect("INV-16", held || *orders == 0, || {
            format!("job {id} was ordered, but never was")
        });
    }
}

/// Whoever paid has their pictures, until they may be forgotten.
fn pictures(snapshot: &Snapshot, history: &History, findings: &mut Findings) {
    let Some(kept) = &history.pictures else { return };
    for job in &snapshot.books.jobs {
        if job.forget_at.is_some_and(|at| at <= snapshot.now) {
            continue;
        }
        for key in &job.pictures {
            findings.expect("INV-23", kept.contains(key), || {
                format!("job {} has a picture {key} that is not kept", job.id)
            });
        }
    }
}
