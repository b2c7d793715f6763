//! What must be true of a user's books, checked in one place.
//!
//! [`audit`] looks at everything that is stored for one user at one moment, and at what was seen and
//! told before, and says what is wrong. Tests run it after every scenario, the simulation after every
//! commit. An account of any size is fed to an [`Auditor`] a job at a time, as `holdfast audit` does
//! with production; there is one set of checks. The ids are those of INVARIANTS.md.

mod auditor;
mod earlier;
mod findings;
mod history;
mod job;
mod rows;
mod told;

use std::time::Duration;

pub use auditor::Auditor;
pub use findings::{Findings, Violation};
pub use history::{History, Request, Told};
pub use rows::{Books, EventFacts, JobFacts, JobRows, KeyFacts, Reference};

use crate::time::Timestamp;

/// Everything that is stored for one user at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What is stored.
    pub books: Books,
    /// The moment.
    pub now: Timestamp,
    /// For how long after it should have expired a job may be open: the time that the sweep needs.
    pub slack: Duration,
}

/// Everything that is wrong with what is stored for a user, by itself and against what was seen and
/// told before.
#[must_use]
pub fn audit(snapshot: &Snapshot, history: &History) -> Vec<Violation> {
    let Snapshot { books, now, slack } = snapshot;
    let mut auditor = Auditor::new(books.user.clone(), *now, *slack, usize::MAX);
    let jobs = books.by_job();
    for row in &books.unreadable {
        auditor.unreadable(row);
    }
    if let Some(balance) = books.balance {
        auditor.balance(balance);
    }
    for entry in &books.entries {
        auditor.credit(entry);
    }
    for reference in &books.references {
        auditor.reference(reference);
    }
    for rows in jobs.values() {
        auditor.job(rows);
    }
    for key in &books.keys {
        let held = jobs.get(&key.job).is_some_and(|rows| !rows.entries.is_empty());
        auditor.key(key, held);
    }
    let mut findings = auditor.finish();
    history::check(snapshot, &jobs, history, &mut findings);
    findings.violations
}

#[cfg(test)]
mod tests;
