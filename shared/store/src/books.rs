//! Everything that is stored for one user, read as it was at one moment, for the audit.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    audit::{Books, JobFacts},
    ids::{JobId, UserId},
    job::State,
    money::MicroUsd,
    time::Timestamp,
};

use crate::{
    Store,
    claim::{text, values},
    credit::ReferenceItem,
    error::{StoreError, sort},
    item::{BalanceItem, EventItem, JobRow, KeyItem, read_entry, read_job_row, read_key},
    keys,
    tx::Item,
};

/// How often the books of a user who is busy are read anew.
const ATTEMPTS: u32 = 20;

/// Why the books could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// They changed each time while they were read.
    #[error("the account is too busy to be read at one moment")]
    Moving,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// A page of the users that have rows in either table, in no order and perhaps more than once;
    /// and where the next page begins.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn users(
        &self,
        from: Option<UsersFrom>,
    ) -> Result<(Vec<UserId>, Option<UsersFrom>), StoreError> {
        let from = from.unwrap_or(UsersFrom { ledger: true, start: None });
        let table = if from.ledger { &self.tables.ledger } else { &self.tables.jobs };
        let scan = self.client.scan().table_name(table).projection_expression("pk, sk");
        let output = scan.set_exclusive_start_key(from.start).send().await.map_err(sort)?;
        let mut users = Vec::new();
        for item in output.items.unwrap_or_default() {
            let (user, _) = read_key(&item)?;
            if users.last() != Some(&user) {
                users.push(user);
            }
        }
        let next = match output.last_evaluated_key {
            Some(start) => Some(UsersFrom { ledger: from.ledger, start: Some(start) }),
            None if from.ledger => Some(UsersFrom { ledger: false, start: None }),
            None => None,
        };
        Ok((users, next))
    }

    /// The books of a user, and how many rows they are. Every movement of money raises the
    /// balance's version, so two equal versions with the reads in between saw one moment.
    ///
    /// # Errors
    /// [`BooksError`]
    pub async fn books(&self, user: &UserId) -> Result<(Books, usize), BooksError> {
        for _ in 0..ATTEMPTS {
            let before = self.balance_row(user).await?;
            let ledger = self.partition(&self.tables.ledger, user).await?;
            let jobs = self.partition(&self.tables.jobs, user).await?;
            if self.balance_row(user).await? == before {
                let rows = ledger.len().saturating_add(jobs.len());
                return Ok((read_books(user, ledger, jobs), rows));
            }
        }
        Err(BooksError::Moving)
    }

    pub(crate) async fn balance_row(&self, user: &UserId) -> Result<Option<Item>, StoreError> {
        self.get(&self.tables.ledger, keys::balance(user)).await
    }

    /// All rows of a user in a table.
    async fn partition(&self, table: &str, user: &UserId) -> Result<Vec<Item>, StoreError> {
        let mut rows = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(table)
                .key_condition_expression("pk = :user")
                .set_expression_attribute_values(values([(":user", text(user.as_str()))]))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(sort)?;
            rows.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(rows);
            }
        }
    }
}

/// A place in the list of users.
#[derive(Clone, Debug)]
pub struct UsersFrom {
    ledger: bool,
    start: Option<Item>,
}

impl UsersFrom {
    /// Whether the ledger is through and it is the jobs table's turn.
    pub(crate) fn is_in_jobs(&self) -> bool {
        !self.ledger
    }
}

/// The books of a user from their rows in the two tables, however these were read.
#[must_use]
pub fn read_books(user: &UserId, ledger: Vec<Item>, jobs: Vec<Item>) -> Books {
    let mut books = Books {
        user: user.clone(),
        balance: None,
        entries: Vec::new(),
        references: Vec::new(),
        jobs: Vec::new(),
        keyed: Vec::new(),
        events: Vec::new(),
        unreadable: Vec::new(),
    };
    for item in ledger.into_iter().chain(jobs) {
        let name = read_key(&item).map_or_else(|_| "without a key".to_owned(), |(_, sk)| sk);
        if let Err(error) = read_row(&mut books, &name, item) {
            books.unreadable.push(format!("{name}: {}", causes(&error)));
        }
    }
    books
}

fn causes(error: &dyn std::error::Error) -> String {
    let source = error.source().map_or_else(String::new, |source| format!(": {source}"));
    format!("{error}{source}")
}

fn read_row(books: &mut Books, sk: &str, item: Item) -> Result<(), StoreError> {
    if sk == keys::BALANCE {
        books.balance = Some(serde_dynamo::from_item::<Item, BalanceItem>(item)?.into());
    } else if sk.starts_with(keys::ENTRY) {
        books.entries.push(read_entry(item)?);
    } else if sk.starts_with(keys::REFERENCE) {
        books.references.push(serde_dynamo::from_item::<Item, ReferenceItem>(item)?.reference);
    } else if sk.starts_with(keys::JOB) {
        books.jobs.push(read_facts(item)?);
    } else if sk.starts_with(keys::KEY) {
        books.keyed.push(serde_dynamo::from_item::<Item, KeyItem>(item)?.job_id);
    } else if sk.starts_with(keys::EVENT) {
        let row: EventItem = serde_dynamo::from_item(item)?;
        let named: Option<JobId> = sk
            .strip_prefix(keys::EVENT)
            .and_then(|rest| rest.split('#').next())
            .and_then(|id| id.parse().ok());
        if named != Some(row.job_id) {
            return Err(StoreError::Unreadable("the event names another job".into()));
        }
        books.events.push((row.job_id, row.job_status));
    } else {
        return Err(StoreError::Unreadable("no row of ours has such a key".into()));
    }
    Ok(())
}

fn read_facts(item: Item) -> Result<JobFacts, StoreError> {
    let JobRow { job, due_at, forget_at_s } = read_job_row(item)?;
    let (charged, images) = match &job.state {
        State::Pending | State::Processing(_) => (None, 0),
        State::Succeeded { images, charged, .. } => (Some(*charged), images.len()),
        State::Failed { .. } | State::Expired { .. } | State::Refunded { .. } => {
            (Some(MicroUsd::ZERO), 0)
        }
    };
    Ok(JobFacts {
        id: job.id,
        status: job.state.status(),
        hold: job.hold.amount(),
        price: job.hold.price(),
        charged,
        images,
        expires_at: job.expires_at,
        due_at,
        forget_at: forget_at_s.map(|at| Timestamp::from_millis(at.saturating_mul(1_000))),
    })
}

#[cfg(test)]
mod tests;
