//! What happened to a user's money. The `changes` of all transactions add up to the balance.

use domain::ledger::{Changes, Entry, EntryKind};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{List, date_time, signed_usd, usd};

#[derive(Serialize)]
struct TransactionOut {
    id: String,
    object: &'static str,
    kind: &'static str,
    amount: Box<RawValue>,
    changes: ChangesOut,
    job_id: Option<String>,
    reference: Option<String>,
    created_at: String,
}

#[derive(Serialize)]
struct ChangesOut {
    available: Box<RawValue>,
    held: Box<RawValue>,
    charged: Box<RawValue>,
    credited: Box<RawValue>,
}

impl From<Changes> for ChangesOut {
    fn from(changes: Changes) -> Self {
        Self {
            available: signed_usd(changes.available),
            held: signed_usd(changes.held),
            charged: signed_usd(changes.charged),
            credited: signed_usd(changes.credited),
        }
    }
}

/// A part of a user's transactions, and where the next part begins.
#[must_use]
pub fn transactions(entries: &[Entry], next: Option<String>) -> impl Serialize {
    List::new(entries.iter().map(transaction).collect(), next)
}

fn transaction(entry: &Entry) -> TransactionOut {
    let (id, job_id, reference) = match &entry.kind {
        EntryKind::Credit { id, reference, .. } => (id.clone(), None, Some(reference.clone())),
        EntryKind::Hold { job, .. } => (format!("{job}-hold"), Some(job.to_string()), None),
        EntryKind::Resolution { job, .. } => {
            (format!("{job}-resolution"), Some(job.to_string()), None)
        }
        EntryKind::Reversal { job, .. } => (format!("{job}-reversal"), Some(job.to_string()), None),
    };
    TransactionOut {
        id,
        object: "credit.transaction",
        kind: entry.kind.name(),
        amount: usd(entry.kind.amount()),
        changes: entry.kind.changes().into(),
        job_id,
        reference,
        created_at: date_time(entry.at),
    }
}

#[cfg(test)]
mod tests;
