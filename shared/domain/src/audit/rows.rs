//! What is stored for a user, as far as an audit is concerned: all of it, or the rows of one job.

use std::collections::BTreeMap;

use crate::{
    fingerprint::Fingerprint,
    hold::Figures,
    ids::{JobId, UserId},
    job::{Fence, Status},
    ledger::{Balance, Entry, EntryKind},
    money::MicroUsd,
    time::Timestamp,
};

/// What is stored of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFacts {
    /// Its name.
    pub id: JobId,
    /// Where it stands.
    pub status: Status,
    /// What was set aside.
    pub hold: MicroUsd,
    /// The price of one image.
    pub price: MicroUsd,
    /// Whether it has, or had, a turn.
    pub has_turn: bool,
    /// What it says was charged.
    pub charged: Option<MicroUsd>,
    /// The keys of the pictures that were delivered, also if their charge was given back since.
    pub pictures: Vec<String>,
    /// By when it must have ended.
    pub expires_at: Timestamp,
    /// When it will be looked at again.
    pub due_at: Option<Timestamp>,
    /// From when on the table may forget it.
    pub forget_at: Option<Timestamp>,
    /// How often it was claimed, if it ever was.
    pub fence: Option<Fence>,
    /// How many orders its upstream took or may have taken.
    pub submits: u8,
    /// A digest of the task of the last of them, once it is noted.
    pub task: Option<String>,
}

/// What is stored of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key's digest.
    pub digest: String,
    /// What was asked for under it.
    pub fingerprint: Fingerprint,
    /// The job that it names.
    pub job: JobId,
    /// From when on it may name another.
    pub expires_at: Timestamp,
}

/// What is stored of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFacts {
    /// Whose ending it tells of.
    pub job: JobId,
    /// The state that it tells.
    pub status: Status,
    /// From when on the table may forget it.
    pub forget_at: Timestamp,
}

/// A payment reference that was used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The reference.
    pub reference: String,
    /// What was credited for it.
    pub amount: MicroUsd,
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
    pub references: Vec<Reference>,
    /// The jobs.
    pub jobs: Vec<JobFacts>,
    /// The idempotency keys.
    pub keys: Vec<KeyFacts>,
    /// The outbox.
    pub events: Vec<EventFacts>,
    /// Rows that could not be read, and why.
    pub unreadable: Vec<String>,
}

impl Books {
    /// Books without rows.
    #[must_use]
    pub fn of(user: UserId) -> Self {
        Self {
            user,
            balance: None,
            entries: Vec::new(),
            references: Vec::new(),
            jobs: Vec::new(),
            keys: Vec::new(),
            events: Vec::new(),
            unreadable: Vec::new(),
        }
    }

    /// The rows of each job.
    pub(super) fn by_job(&self) -> BTreeMap<JobId, JobRows> {
        let mut jobs = BTreeMap::<JobId, JobRows>::new();
        let mut of = |id: JobId, add: &dyn Fn(&mut JobRows)| {
            add(jobs.entry(id).or_insert_with(|| JobRows::new(id)));
        };
        for entry in &self.entries {
            if let Some(id) = job_of(entry) {
                of(id, &|rows| rows.entries.push(entry.clone()));
            }
        }
        for job in &self.jobs {
            of(job.id, &|rows| rows.job = Some(job.clone()));
        }
        for event in &self.events {
            of(event.job, &|rows| rows.events.push(event.clone()));
        }
        jobs
    }
}

/// The job that an entry belongs to; a credit belongs to none.
pub(super) fn job_of(entry: &Entry) -> Option<JobId> {
    match &entry.kind {
        EntryKind::Credit { .. } => None,
        EntryKind::Hold { job, .. }
        | EntryKind::Resolution { job, .. }
        | EntryKind::Reversal { job, .. } => Some(*job),
    }
}

/// The rows of one job.
#[derive(Clone, Debug)]
pub struct JobRows {
    /// The job.
    pub id: JobId,
    /// Its entries.
    pub entries: Vec<Entry>,
    /// What is stored of the job itself.
    pub job: Option<JobFacts>,
    /// Its events.
    pub events: Vec<EventFacts>,
}

impl JobRows {
    /// A job without rows.
    #[must_use]
    pub fn new(id: JobId) -> Self {
        Self { id, entries: Vec::new(), job: None, events: Vec::new() }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let entries = self.entries.len().saturating_add(self.events.len());
        entries.saturating_add(usize::from(self.job.is_some()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was set aside for it, each time.
    pub(super) fn holds(&self) -> Vec<MicroUsd> {
        let amount = |entry: &Entry| match &entry.kind {
            EntryKind::Hold { amount, .. } => Some(*amount),
            EntryKind::Credit { .. }
            | EntryKind::Resolution { .. }
            | EntryKind::Reversal { .. } => None,
        };
        self.entries.iter().filter_map(amount).collect()
    }

    /// What was given back of its charge, each time.
    pub(super) fn reversals(&self) -> Vec<MicroUsd> {
        let amount = |entry: &Entry| match &entry.kind {
            EntryKind::Reversal { amount, .. } => Some(*amount),
            EntryKind::Credit { .. } | EntryKind::Hold { .. } | EntryKind::Resolution { .. } => {
                None
            }
        };
        self.entries.iter().filter_map(amount).collect()
    }

    /// What the user has paid in the end, once there is a resolution.
    pub(super) fn paid(&self) -> Option<MicroUsd> {
        let charged = self.resolutions().first()?.charged;
        let given_back = self.reversals().first().copied().unwrap_or(MicroUsd::ZERO);
        Some(charged.saturating_sub(given_back))
    }

    /// What became of it, each time.
    pub(super) fn resolutions(&self) -> Vec<Figures> {
        let figures = |entry: &Entry| match &entry.kind {
            EntryKind::Resolution { figures, .. } => Some(*figures),
            EntryKind::Credit { .. } | EntryKind::Hold { .. } | EntryKind::Reversal { .. } => None,
        };
        self.entries.iter().filter_map(figures).collect()
    }
}
