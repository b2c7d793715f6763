//! What must be true of a user's books at every moment, checked in one place.
//!
//! [`audit`] looks at everything that is stored for one user and says what is wrong. Tests run it
//! after every scenario, `holdfast audit` runs it against production. The ids are those of
//! INVARIANTS.md.

use std::collections::BTreeMap;

use crate::{
    hold::{Figures, ResolutionKind},
    ids::{JobId, UserId},
    job::Status,
    ledger::{Balance, Entry, EntryKind, replay},
    money::MicroUsd,
    time::Timestamp,
};

/// What is stored of a job, as far as the books are concerned.
#[derive(Clone, Debug)]
pub struct JobFacts {
    /// Its name.
    pub id: JobId,
    /// Where it stands.
    pub status: Status,
    /// What was set aside.
    pub hold: MicroUsd,
    /// The price of one image.
    pub price: MicroUsd,
    /// What it says was charged.
    pub charged: Option<MicroUsd>,
    /// How many pictures it has.
    pub images: usize,
    /// By when it must have ended.
    pub expires_at: Timestamp,
    /// When it will be looked at again.
    pub due_at: Option<Timestamp>,
    /// From when on the table may forget it.
    pub forget_at: Option<Timestamp>,
}

/// Everything that is stored for one user.
#[derive(Clone, Debug)]
pub struct Books {
    /// The user.
    pub user: UserId,
    /// The running totals; `None` if there is no such row.
    pub balance: Option<Balance>,
    /// The entries, in any order.
    pub entries: Vec<Entry>,
    /// The payment references that were used up.
    pub references: Vec<String>,
    /// The jobs.
    pub jobs: Vec<JobFacts>,
    /// The jobs that idempotency keys name.
    pub keyed: Vec<JobId>,
    /// The outbox: each row's job and the state it tells of.
    pub events: Vec<(JobId, Status)>,
    /// Rows that could not be read, and why.
    pub unreadable: Vec<String>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant does not hold.
    pub invariant: &'static str,
    /// Whose books.
    pub user: UserId,
    /// What is wrong, with the figures.
    pub what: String,
}

/// Everything that is wrong with a user's books at `now`. A job may be open for as long as `slack`
/// after it should have expired: the time that the sweep needs.
#[must_use]
pub fn audit(books: &Books, now: Timestamp, slack: std::time::Duration) -> Vec<Violation> {
    let mut audit = Audit { books, found: Vec::new() };
    for row in &books.unreadable {
        audit.violation("INV-04", format!("a row cannot be read: {row}"));
    }
    audit.totals();
    audit.resolutions();
    audit.jobs(now, slack);
    audit.found
}

struct Audit<'a> {
    books: &'a Books,
    found: Vec<Violation>,
}

/// The entries of one job.
#[derive(Default)]
struct JobEntries {
    holds: Vec<MicroUsd>,
    resolutions: Vec<Figures>,
}

impl Audit<'_> {
    fn violation(&mut self, invariant: &'static str, what: String) {
        self.found.push(Violation { invariant, user: self.books.user.clone(), what });
    }

    fn expect(&mut self, invariant: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(invariant, what());
        }
    }

    fn open_jobs(&self) -> impl Iterator<Item = &JobFacts> {
        self.books.jobs.iter().filter(|job| !job.status.is_terminal())
    }

    fn entries_by_job(&self) -> BTreeMap<JobId, JobEntries> {
        let mut by_job = BTreeMap::<JobId, JobEntries>::new();
        for entry in &self.books.entries {
            match &entry.kind {
                EntryKind::Credit { .. } => {}
                EntryKind::Hold { job, amount } => {
                    by_job.entry(*job).or_default().holds.push(*amount);
                }
                EntryKind::Resolution { job, figures } => {
                    by_job.entry(*job).or_default().resolutions.push(*figures);
                }
            }
        }
        by_job
    }

    /// The balance against its own sides, the open jobs and the entries.
    fn totals(&mut self) {
        let Some(balance) = self.books.balance else {
            self.violation("INV-03", "there are rows but no balance".to_owned());
            return;
        };
        let sides = [balance.available, balance.held, balance.charged, balance.credited];
        let [available, held, charged, credited] = sides.map(|side| i128::from(side.micros()));
        let sum = available.saturating_add(held).saturating_add(charged);
        self.expect("INV-01", sum == credited, || {
            format!(
                "available {available} + held {held} + charged {charged} is not credited {credited}"
            )
        });
        let open: i128 = self.open_jobs().map(|job| i128::from(job.hold.micros())).sum();
        self.expect("INV-02", open == held, || {
            format!("held is {held}, the holds of open jobs are {open}")
        });
        let replayed = replay(&self.books.entries);
        self.expect("INV-03", replayed == [available, held, charged, credited], || {
            format!("the balance is {sides:?}, its entries make {replayed:?}")
        });
        let count = self.open_jobs().count();
        self.expect("INV-02", usize::try_from(balance.open_jobs) == Ok(count), || {
            format!("the balance counts {} open jobs, there are {count}", balance.open_jobs)
        });
        self.references();
    }

    /// Each credit has used up one reference, and each reference stands for one credit.
    fn references(&mut self) {
        let mut credited: Vec<&str> = Vec::new();
        for entry in &self.books.entries {
            if let EntryKind::Credit { reference, .. } = &entry.kind {
                credited.push(reference);
            }
        }
        let mut used: Vec<&str> = self.books.references.iter().map(String::as_str).collect();
        credited.sort_unstable();
        used.sort_unstable();
        self.expect("INV-11", credited == used, || {
            format!("{} credits, {} references used up", credited.len(), used.len())
        });
    }

    /// One hold and at most one resolution a job, and the figures fit.
    fn resolutions(&mut self) {
        let known: BTreeMap<JobId, &JobFacts> =
            self.books.jobs.iter().map(|job| (job.id, job)).collect();
        for (job, JobEntries { holds, resolutions }) in self.entries_by_job() {
            self.expect("INV-05", resolutions.len() <= 1, || {
                format!("job {job} has {} resolutions", resolutions.len())
            });
            let [hold] = holds.as_slice() else {
                self.violation("INV-16", format!("job {job} has {} holds", holds.len()));
                continue;
            };
            for figures in &resolutions {
                let split = figures.charged.checked_add(figures.released);
                let fits = figures.held == *hold && split == Some(*hold);
                self.expect("INV-06", fits, || format!("job {job} held {hold:?}, {figures:?}"));
            }
            let settled = !resolutions.is_empty();
            self.expect("INV-16", settled || known.contains_key(&job), || {
                format!("there is a hold for job {job}, but no such job")
            });
        }
    }

    /// Each job against its entries, its event and the time.
    fn jobs(&mut self, now: Timestamp, slack: std::time::Duration) {
        let entries = self.entries_by_job();
        let none = JobEntries::default();
        let mut told = BTreeMap::<JobId, Vec<Status>>::new();
        for (job, status) in &self.books.events {
            told.entry(*job).or_default().push(*status);
        }
        for job in &self.books.jobs {
            let JobEntries { holds, resolutions } = entries.get(&job.id).unwrap_or(&none);
            self.expect("INV-16", holds.as_slice() == [job.hold], || {
                format!("job {} says it holds {:?}, its entries say {holds:?}", job.id, job.hold)
            });
            self.ending(job, resolutions.first());
            self.events(job, told.get(&job.id).map_or(&[], Vec::as_slice), now);
            let open = !job.status.is_terminal();
            let late = open && now > job.expires_at.plus(slack);
            self.expect("INV-10", !late, || format!("job {} should have expired", job.id));
            self.expect("INV-27", open == job.due_at.is_some(), || {
                format!("job {} is {}, due {:?}", job.id, job.status.as_str(), job.due_at)
            });
        }
        for job in &self.books.keyed {
            self.expect("INV-14", entries.contains_key(job), || {
                format!("an idempotency key names job {job}, which never was")
            });
        }
    }

    /// The state of a job and its resolution tell the same story.
    fn ending(&mut self, job: &JobFacts, resolution: Option<&Figures>) {
        let (id, status) = (job.id, job.status.as_str());
        let kind = resolution.map(|figures| figures.kind);
        self.expect("INV-22", job.status.is_terminal() == kind.is_some(), || {
            format!("job {id} is {status}, its resolution is {kind:?}")
        });
        let Some(figures) = resolution else { return };
        let paid = figures.kind == ResolutionKind::Usage;
        let succeeded = job.status == Status::Succeeded;
        self.expect("INV-21", succeeded == paid, || {
            format!("job {id} is {status}, its resolution is {:?}", figures.kind)
        });
        let worth = u32::try_from(job.images).ok().and_then(|n| job.price.checked_mul(n));
        let delivered = if succeeded { job.images >= 1 } else { job.images == 0 };
        self.expect("INV-23", delivered && worth == Some(figures.charged), || {
            format!("job {id} has {} pictures and was charged {:?}", job.images, figures.charged)
        });
        let told = job.charged == Some(figures.charged);
        self.expect("INV-17", told, || {
            format!("job {id} says charged {:?}, the ledger {:?}", job.charged, figures.charged)
        });
    }

    /// One event for each ending, none before.
    fn events(&mut self, job: &JobFacts, told: &[Status], now: Timestamp) {
        let expected: &[Status] = if job.status.is_terminal() { &[job.status] } else { &[] };
        let forgotten = job.forget_at.is_some_and(|at| at <= now);
        self.expect("INV-30", forgotten || told == expected, || {
            format!("job {} is {}, its events tell {told:?}", job.id, job.status.as_str())
        });
    }
}

#[cfg(test)]
mod tests;
