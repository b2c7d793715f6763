//! What was written, commit by commit, each audited before the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    audit::{Books, History, JobFacts, Snapshot, Violation, audit},
    hold::ResolutionKind,
    ids::{JobId, UserId},
    job::Status,
    ledger::EntryKind,
    time::Timestamp,
};

use crate::{
    cloud::{Change, Means, Row},
    process::Role,
    sight::{Sight, Sights},
};

/// While faults strike, a job may be late.
const PATIENCE: Duration = Duration::from_hours(24 * 365);

/// Everybody's books as they are now, and what was wrong with them at any time.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: BTreeMap<UserId, Books>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) commits: u64,
    pub(crate) sights: Sights,
    /// The first rows of transactions that met another one.
    conflicted: BTreeSet<String>,
}

impl Ledger {
    /// Audits a user's books after a write, against what they were before. What the index must learn.
    pub(crate) fn commit(
        &mut self,
        books: Books,
        now: Timestamp,
        role: Role,
        means: Means,
        rows: &[Row],
    ) -> Vec<Change> {
        let history = History { earlier: self.books.remove(&books.user), ..History::default() };
        let snapshot = Snapshot { books, now, slack: PATIENCE };
        self.violations.extend(audit(&snapshot, &history));
        let (before, books) = (history.earlier, snapshot.books);
        if rows.iter().any(|row| self.conflicted.remove(&row.sk)) {
            self.sights.see(Sight::ConflictRetried);
        }
        match means {
            Means::Move => self.sights.see(Sight::Moved),
            Means::Reverse => self.sights.see(Sight::GivenBack),
            Means::Accept if rows.iter().any(|row| row.sk.starts_with("balance#")) => {
                self.sights.see(Sight::OtherPocket);
            }
            Means::BeginWaiting => {
                self.sights.see(Sight::WaitedForTurn);
                if rows.len() > 2 {
                    self.sights.see(Sight::TurnFromOtherPocket);
                }
            }
            _ => {}
        }
        let mut changes = Vec::new();
        for job in &books.jobs {
            let was = before.iter().flat_map(|books| &books.jobs).find(|was| was.id == job.id);
            if was.map(|was| was.due_at) != Some(job.due_at) {
                let (user, due_at) = (books.user.clone(), job.due_at);
                changes.push(Change { user, job: job.id, due_at });
            }
            let has_ended = means != Means::Reverse;
            if has_ended && was.is_none_or(|was| was.status != job.status) {
                self.see_ending(&books, was, job, role);
            }
        }
        if means == Means::Resume {
            self.sights.see(Sight::TakenOver);
        }
        self.books.insert(books.user.clone(), books);
        changes
    }

    fn see_ending(&mut self, books: &Books, was: Option<&JobFacts>, job: &JobFacts, role: Role) {
        let figures = books.entries.iter().find_map(|entry| match &entry.kind {
            EntryKind::Resolution { job: id, figures } if *id == job.id => Some(figures),
            _ => None,
        });
        let Some(figures) = figures else { return };
        match figures.kind {
            ResolutionKind::Usage if figures.charged == figures.held => {
                self.sights.see(Sight::Usage);
            }
            ResolutionKind::Usage => self.sights.see(Sight::PartialRelease),
            ResolutionKind::Refund => self.sights.see(Sight::Refund),
        }
        if job.status == Status::Expired {
            self.sights.see(Sight::Expiry);
        }
        if role == Role::Sweep && was.is_some_and(|was| was.status == Status::Processing) {
            self.sights.see(Sight::SweepWon);
        }
    }

    /// A write that was refused.
    pub(crate) fn refused(&mut self, means: Means, role: Role, rows: &[Row], body: &str) {
        let is_conditional = body.contains("ConditionalCheckFailed");
        let Some(first) = rows.first().filter(|_| is_conditional) else { return };
        let status = self.status_of(&first.sk);
        match means {
            Means::Settle { is_usage } => {
                if role == Role::Sweep {
                    self.sights.see(Sight::WorkerWon);
                } else if is_usage && status == Some(Status::Expired) {
                    self.sights.see(Sight::LateSuccess);
                } else if status.is_some_and(Status::is_terminal) {
                    self.sights.see(Sight::SettledTwice);
                } else {
                    self.sights.see(Sight::FencedOff);
                }
            }
            Means::Intent | Means::Task | Means::PutDown => self.sights.see(Sight::FencedOff),
            Means::Credit => self.sights.see(Sight::CreditedOnce),
            Means::Reverse => self.sights.see(Sight::GivenBackOnce),
            Means::Accept
            | Means::Move
            | Means::Begin
            | Means::BeginWaiting
            | Means::Resume
            | Means::Postpone
            | Means::Due
            | Means::Read
            | Means::Ring
            | Means::Keep => {}
        }
    }

    /// A transaction met another one.
    pub(crate) fn conflicted(&mut self, rows: &[Row]) {
        self.sights.see(Sight::ConflictMet);
        self.conflicted.extend(rows.first().map(|row| row.sk.clone()));
    }

    fn status_of(&self, sk: &str) -> Option<Status> {
        let id: JobId = sk.split('#').nth(1)?.parse().ok()?;
        let mut jobs = self.books.values().flat_map(|books| &books.jobs);
        jobs.find(|job| job.id == id).map(|job| job.status)
    }

    /// Everybody's books.
    pub(crate) fn books(&self) -> impl Iterator<Item = &Books> {
        self.books.values()
    }

    /// How many jobs have not ended.
    pub(crate) fn open_jobs(&self) -> usize {
        self.books().flat_map(|books| &books.jobs).filter(|job| !job.status.is_terminal()).count()
    }
}
