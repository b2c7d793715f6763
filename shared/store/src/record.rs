//! Everything that is stored of one job, for the operator who asks what became of it.

use domain::{
    ids::{JobId, UserId},
    job::{Fence, Job, Status},
    ledger::Entry,
    time::Timestamp,
};
use serde::Deserialize;

use crate::{
    Store,
    claim::{text, values},
    error::{StoreError, sort},
    item::{DispatchWord, EventItem, read_entry, read_job},
    keys,
    tx::Item,
};

/// What is stored of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRecord {
    /// Its row; `None` once it is forgotten.
    pub row: Option<JobRow>,
    /// What was written in the ledger for it, in order.
    pub entries: Vec<Entry>,
    /// What was told of it, in order.
    pub events: Vec<EventRow>,
    /// Rows that cannot be read, and why.
    pub unreadable: Vec<String>,
}

impl JobRecord {
    /// Whether there ever was such a job.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row.is_none()
            && self.entries.is_empty()
            && self.events.is_empty()
            && self.unreadable.is_empty()
    }
}

/// The row of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRow {
    /// The job.
    pub job: Job,
    /// What was done for it; the row keeps it when the job has ended.
    pub attempts: Attempts,
    /// When it will be looked at.
    pub due_at: Option<Timestamp>,
    /// From when on the table may forget it.
    pub forget_at: Option<Timestamp>,
}

/// What was done for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// How often it was claimed, if it ever was.
    pub fence: Option<Fence>,
    /// Until when nobody else may claim it.
    pub lease_until: Option<Timestamp>,
    /// How many orders its upstream took, or may have taken.
    pub submits: u8,
    /// What is known of the last of them: `unsent`, `intended` (nothing was answered yet) or `accepted`.
    pub dispatch: Option<&'static str>,
    /// By when the upstream must have finished.
    pub run_deadline: Option<Timestamp>,
}

/// Something that was told of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// That it was then in this state.
    pub status: Status,
    /// When.
    pub at: Timestamp,
}

/// What the row of a job has besides the job.
#[derive(Deserialize)]
struct AttemptsItem {
    fence: Option<Fence>,
    lease_until_ms: Option<Timestamp>,
    submits: Option<u8>,
    dispatch: Option<DispatchWord>,
    run_deadline_at_ms: Option<Timestamp>,
    due_at_ms: Option<Timestamp>,
    forget_at_s: Option<u64>,
}

impl JobRow {
    fn read(item: Item) -> Result<Self, StoreError> {
        let row: AttemptsItem = serde_dynamo::from_item(item.clone())?;
        let attempts = Attempts {
            fence: row.fence,
            lease_until: row.lease_until_ms,
            submits: row.submits.unwrap_or_default(),
            dispatch: row.dispatch.map(DispatchWord::as_str),
            run_deadline: row.run_deadline_at_ms,
        };
        let forget_at = row.forget_at_s.map(|at| Timestamp::from_millis(at.saturating_mul(1_000)));
        Ok(Self { job: read_job(item)?, attempts, due_at: row.due_at_ms, forget_at })
    }
}

impl Store {
    /// What is stored of a user's job. A row that cannot be read hides none of the others.
    ///
    /// # Errors
    /// [`StoreError`], if a table cannot be read.
    pub async fn record(&self, user: &UserId, job: &JobId) -> Result<JobRecord, StoreError> {
        let mut record = JobRecord::default();
        if let Some(item) = self.get(&self.tables.jobs, keys::job(user, job)).await? {
            match JobRow::read(item) {
                Ok(row) => record.row = Some(row),
                Err(error) => record.unreadable.push(unreadable("job", &error)),
            }
        }
        let entries = format!("{}{job}#", keys::ENTRY);
        for item in self.beginning_with(&self.tables.ledger, user, &entries).await? {
            match read_entry(item) {
                Ok(entry) => record.entries.push(entry),
                Err(error) => record.unreadable.push(unreadable("entry", &error)),
            }
        }
        let events = format!("{}{job}#", keys::EVENT);
        for item in self.beginning_with(&self.tables.jobs, user, &events).await? {
            match serde_dynamo::from_item::<Item, EventItem>(item) {
                Ok(row) => {
                    record.events.push(EventRow { status: row.job_status, at: row.occurred_at_ms });
                }
                Err(error) => record.unreadable.push(unreadable("event", &error.into())),
            }
        }
        record.entries.sort_by_key(|entry| entry.at);
        record.events.sort_by_key(|event| event.at);
        Ok(record)
    }

    /// The rows of a user whose sort keys begin so: of one job there are a few.
    async fn beginning_with(
        &self,
        table: &str,
        user: &UserId,
        start: &str,
    ) -> Result<Vec<Item>, StoreError> {
        let query = self.client.query().table_name(table).consistent_read(true);
        let query = query.key_condition_expression("pk = :user AND begins_with(sk, :start)");
        let query = query.set_expression_attribute_values(values([
            (":user", text(user.as_str())),
            (":start", text(start)),
        ]));
        Ok(query.send().await.map_err(sort)?.items.unwrap_or_default())
    }
}

/// Which row it is and why it cannot be read; what is in it is not repeated.
fn unreadable(what: &str, error: &StoreError) -> String {
    format!("{what}: {}", domain::causes::chain(error))
}

#[cfg(test)]
mod tests {
    use domain::ledger::EntryKind;

    use super::*;

    #[test]
    fn a_record_is_empty_if_nothing_is_stored() {
        let nothing = JobRecord::default;
        assert!(nothing().is_empty());
        let at = Timestamp::from_millis(1);
        let job = crate::script::job(1);
        let kind = EntryKind::Hold { job: job.id, amount: domain::money::MicroUsd::constant(1) };
        let attempts = Attempts::default();
        let row = JobRow { job, attempts, due_at: None, forget_at: None };
        let some = [
            JobRecord { row: Some(row), ..nothing() },
            JobRecord { entries: vec![Entry { at, kind }], ..nothing() },
            JobRecord { events: vec![EventRow { status: Status::Failed, at }], ..nothing() },
            JobRecord { unreadable: vec!["job".to_owned()], ..nothing() },
        ];
        for record in some {
            assert!(!record.is_empty(), "{record:?}");
        }
    }
}
