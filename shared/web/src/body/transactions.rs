//! What happened to a user's money. The `changes` of all transactions add up to the balance.

use domain::ledger::{Changes, Entry, EntryKind};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{List, date_time, signed_usd, usd};
#[cfg(test)]
use super::{SignedUsd, Usd};

/// An entry of an account's books. It never changes.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Transaction))]
pub(crate) struct TransactionOut {
    id: String,
    object: &'static str,
    /// A job has a `hold`, and later one `usage` or one `refund`; a `refund` after a `usage` is the operator's.
    kind: &'static str,
    /// What it is about, as an amount of its own.
    #[cfg_attr(test, schema(value_type = Usd))]
    amount: Box<RawValue>,
    changes: ChangesOut,
    /// The job that it is of; null for a credit.
    job_id: Option<String>,
    /// What a credit stands for; null for a job's.
    reference: Option<String>,
    #[cfg_attr(test, schema(format = DateTime))]
    created_at: String,
}

/// What a transaction adds to each total of the balance.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Changes))]
pub(crate) struct ChangesOut {
    #[cfg_attr(test, schema(value_type = SignedUsd))]
    available: Box<RawValue>,
    #[cfg_attr(test, schema(value_type = SignedUsd))]
    held: Box<RawValue>,
    #[cfg_attr(test, schema(value_type = SignedUsd))]
    charged: Box<RawValue>,
    #[cfg_attr(test, schema(value_type = SignedUsd))]
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
pub(crate) mod tests;
