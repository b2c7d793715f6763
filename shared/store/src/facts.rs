//! Rows as the audit sees them: each one's facts about money and time. What a caller asked for is
//! not read.

use domain::{
    audit::{Books, EventFacts, JobFacts, JobRows, KeyFacts, Reference},
    hold::Hold,
    ids::JobId,
    job::{State, Task},
    ledger::{Balance, Entry, EntryKind},
    money::MicroUsd,
    order::Count,
    pocket::Pocket,
    time::Timestamp,
};
use serde::Deserialize;

use crate::{
    credit::ReferenceItem,
    error::StoreError,
    item::{EventItem, KeyItem, StateItem, known, read_entry},
    keys,
    pockets::BalanceItem,
    tx::Item,
};

/// The attributes of the jobs table that [`Row::read`] needs; no prompt is among them.
pub(crate) const OF_JOBS: &str = "pk, sk, v, job_status, n, price_micros, turn, expires_at_ms, fence, \
    lease_until_ms, run_deadline_at_ms, submits, dispatch, task, completed_at_ms, reversed_at_ms, images, \
    charged_micros, failure, due_shard, due_at_ms, forget_at_s, job_id, fingerprint, occurred_at_ms";

/// A row of the ledger or the jobs table.
#[derive(Debug)]
pub(crate) enum Row {
    Balance(Balance),
    Entry(Entry),
    Reference(Reference),
    Job(JobFacts),
    Key(KeyFacts),
    Event(EventFacts),
}

impl Row {
    /// Reads a row. If it is none of ours, says which row it is, and why.
    pub(crate) fn read(item: Item) -> Result<Self, String> {
        let key = item.get("sk").and_then(|sk| sk.as_s().ok());
        let name = key.map_or_else(|| "without a key".to_owned(), String::clone);
        Self::of(&name, item).map_err(|error| format!("{name}: {}", causes(&error)))
    }

    fn of(sk: &str, item: Item) -> Result<Self, StoreError> {
        Ok(if keys::pocket_in(sk).is_some() {
            Self::Balance(serde_dynamo::from_item::<Item, BalanceItem>(item)?.into())
        } else if sk.starts_with(keys::ENTRY) {
            let entry = read_entry(item)?;
            match &entry.kind {
                EntryKind::Credit { .. } => {}
                EntryKind::Hold { job, .. }
                | EntryKind::Resolution { job, .. }
                | EntryKind::Reversal { job, .. } => {
                    names(sk, keys::ENTRY, *job)?;
                }
            }
            Self::Entry(entry)
        } else if sk.starts_with(keys::REFERENCE) {
            let row: ReferenceItem = serde_dynamo::from_item(item)?;
            Self::Reference(Reference { reference: row.reference, amount: row.amount_micros })
        } else if let Some(id) = sk.strip_prefix(keys::JOB) {
            Self::Job(read_job_facts(id, item)?)
        } else if let Some(digest) = sk.strip_prefix(keys::KEY) {
            let row: KeyItem = serde_dynamo::from_item(item)?;
            Self::Key(KeyFacts {
                digest: digest.to_owned(),
                fingerprint: row.fingerprint,
                job: row.job_id,
                expires_at: row.expires_at_ms,
            })
        } else if sk.starts_with(keys::EVENT) {
            let row: EventItem = serde_dynamo::from_item(item)?;
            names(sk, keys::EVENT, row.job_id)?;
            Self::Event(EventFacts {
                job: row.job_id,
                status: row.job_status,
                forget_at: seconds(row.forget_at_s),
            })
        } else {
            return Err(StoreError::Unreadable("no row of ours has such a key".into()));
        })
    }

    /// The job that the row belongs to. A key only names one.
    pub(crate) fn job(&self) -> Option<JobId> {
        match self {
            Self::Balance(_) | Self::Reference(_) | Self::Key(_) => None,
            Self::Entry(entry) => match &entry.kind {
                EntryKind::Credit { .. } => None,
                EntryKind::Hold { job, .. }
                | EntryKind::Resolution { job, .. }
                | EntryKind::Reversal { job, .. } => Some(*job),
            },
            Self::Job(job) => Some(job.id),
            Self::Event(event) => Some(event.job),
        }
    }

    /// Adds the row to those of its job. One that belongs to none is left out.
    pub(crate) fn join(self, rows: &mut JobRows) {
        match self {
            Self::Balance(_) | Self::Reference(_) | Self::Key(_) => {}
            Self::Entry(entry) => rows.entries.push(entry),
            Self::Job(job) => rows.job = Some(job),
            Self::Event(event) => rows.events.push(event),
        }
    }

    /// Adds the row to the books.
    pub(crate) fn enter(self, books: &mut Books) {
        match self {
            Self::Balance(pocket) => {
                books.balance = Some(books.balance.map_or(pocket, |sum| sum.plus(&pocket)));
            }
            Self::Entry(entry) => books.entries.push(entry),
            Self::Reference(reference) => books.references.push(reference),
            Self::Job(job) => books.jobs.push(job),
            Self::Key(key) => books.keys.push(key),
            Self::Event(event) => books.events.push(event),
        }
    }
}

/// The key of a job's row begins with the job that the row is about.
fn names(sk: &str, prefix: &str, job: JobId) -> Result<(), StoreError> {
    let named = keys::job_in(sk, prefix);
    if named == Some(job) {
        Ok(())
    } else {
        Err(StoreError::Unreadable("the row is about another job than its key names".into()))
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let source = error.source().map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}")
}

fn seconds(at: u64) -> Timestamp {
    Timestamp::from_millis(at.saturating_mul(1_000))
}

/// The row of a job besides its state.
#[derive(Deserialize)]
struct FactsItem {
    #[serde(rename = "v", deserialize_with = "known")]
    _v: u32,
    n: Count,
    price_micros: MicroUsd,
    turn: Option<Pocket>,
    expires_at_ms: Timestamp,
    due_shard: Option<u8>,
    due_at_ms: Option<Timestamp>,
    forget_at_s: Option<u64>,
}

fn read_job_facts(id: &str, item: Item) -> Result<JobFacts, StoreError> {
    let id: JobId = id.parse().map_err(|_| StoreError::Unreadable("it names no job".into()))?;
    let row: FactsItem = serde_dynamo::from_item(item.clone())?;
    let state: StateItem = serde_dynamo::from_item(item)?;
    let (fence, submits) = (state.fence, state.submits.unwrap_or_default());
    let task = state.noted_task().map(Task::digest);
    let state = state.into_state().map_err(StoreError::Unreadable)?;
    let hold = Hold::new(row.price_micros, row.n)
        .ok_or_else(|| StoreError::Unreadable("the hold is out of bounds".into()))?;
    let charged = match &state {
        State::Pending | State::Processing(_) => None,
        State::Succeeded { charged, .. } => Some(*charged),
        State::Failed { .. } | State::Expired { .. } | State::Refunded { .. } => {
            Some(MicroUsd::ZERO)
        }
    };
    Ok(JobFacts {
        id,
        status: state.status(),
        hold: hold.amount(),
        price: hold.price(),
        has_turn: row.turn.is_some(),
        charged,
        pictures: state.delivered().iter().map(|image| image.key.clone()).collect(),
        expires_at: row.expires_at_ms,
        // The index has no rows without a shard, and nobody looks in another.
        due_at: row.due_at_ms.filter(|_| row.due_shard == Some(keys::shard(&id))),
        forget_at: row.forget_at_s.map(seconds),
        fence,
        submits,
        task,
    })
}
