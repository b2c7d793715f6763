//! Everything that is stored for one user, read as it was at one moment, for the audit.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{audit::Books, ids::UserId};

use crate::{
    Store,
    claim::{text, values},
    error::{StoreError, sort},
    facts::{self, Row},
    item::read_key,
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
    /// The users of a page of rows of either table, in no order and perhaps more than once; and where
    /// the next page begins.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn users(
        &self,
        from: Option<UsersFrom>,
        page: u16,
    ) -> Result<(Vec<UserId>, Option<UsersFrom>), StoreError> {
        let from = from.unwrap_or(UsersFrom { ledger: true, start: None });
        let table = if from.ledger { &self.tables.ledger } else { &self.tables.jobs };
        let scan = self.client.scan().table_name(table).projection_expression("pk, sk");
        let scan = scan.limit(page.into());
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

    /// The books of a user, and how many rows they are. Every movement of money raises the version of
    /// the pockets that it touches, so two equal versions with the reads in between saw one moment.
    ///
    /// # Errors
    /// [`BooksError`]
    pub async fn books(&self, user: &UserId) -> Result<(Books, usize), BooksError> {
        for _ in 0..ATTEMPTS {
            let before = self.pocket_rows(user).await?;
            let ledger = self.partition(&self.tables.ledger, user, None).await?;
            let jobs = self.partition(&self.tables.jobs, user, Some(facts::OF_JOBS)).await?;
            if self.pocket_rows(user).await? == before {
                let rows = ledger.len().saturating_add(jobs.len());
                return Ok((read_books(user, ledger.into_iter().chain(jobs)), rows));
            }
        }
        Err(BooksError::Moving)
    }

    /// Whether a user has any row in the ledger.
    pub(crate) async fn is_in_ledger(&self, user: &UserId) -> Result<bool, StoreError> {
        let query = self.client.query().table_name(&self.tables.ledger);
        let query = query.key_condition_expression("pk = :user").projection_expression("pk");
        let query = query.set_expression_attribute_values(values([(":user", text(user.as_str()))]));
        let found = query.consistent_read(true).limit(1).send().await.map_err(sort)?;
        Ok(!found.items.unwrap_or_default().is_empty())
    }

    /// All rows of a user in a table, with all attributes or these.
    async fn partition(
        &self,
        table: &str,
        user: &UserId,
        attributes: Option<&str>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut rows = Vec::new();
        let mut start: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(table)
                .key_condition_expression("pk = :user")
                .set_expression_attribute_values(values([(":user", text(user.as_str()))]))
                .set_projection_expression(attributes.map(str::to_owned))
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

/// The books of a user from their rows in both tables, however these were read.
#[must_use]
pub fn read_books(
    user: &UserId,
    rows: impl IntoIterator<Item = HashMap<String, AttributeValue>>,
) -> Books {
    let mut books = Books::of(user.clone());
    for row in rows {
        match Row::read(row) {
            Ok(row) => row.enter(&mut books),
            Err(why) => books.unreadable.push(why),
        }
    }
    books
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

#[cfg(test)]
mod tests;
