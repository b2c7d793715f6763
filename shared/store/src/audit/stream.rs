//! The rows of one user in the order of their keys, a page at a time.
//!
//! Three queries have all rows of a user, and in each of them the rows that belong to jobs come in
//! the order of the jobs: entries in the ledger, events before jobs in the jobs table.

use std::collections::VecDeque;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::{JobId, UserId};

use crate::{
    Store,
    claim::{text, values},
    error::{StoreError, sort},
    facts::{self, Row},
    keys::{self, Key},
    tx::Item,
};

/// How many queries there are.
pub(super) const STREAMS: usize = 3;

/// Which of the two tables a row is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Ledger,
    Jobs,
}

impl Table {
    pub(super) fn name(self, store: &Store) -> &str {
        match self {
            Self::Ledger => &store.tables.ledger,
            Self::Jobs => &store.tables.jobs,
        }
    }

    /// The attributes that are read of it, where that is not all.
    pub(super) fn attributes(self) -> Option<String> {
        match self {
            Self::Ledger => None,
            Self::Jobs => Some(facts::OF_JOBS.to_owned()),
        }
    }
}

/// How many rows are in memory, and how many were at most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gauge {
    rows: usize,
    pub(super) most: usize,
}

impl Gauge {
    pub(super) fn add(&mut self, rows: usize) {
        self.rows = self.rows.saturating_add(rows);
        self.most = self.most.max(self.rows);
    }

    pub(super) fn drop(&mut self, rows: usize) {
        self.rows = self.rows.saturating_sub(rows);
    }
}

/// A row that was read, or why it cannot be; with the job that it belongs to, if it does to one.
pub(super) struct Head {
    pub(super) key: Key,
    pub(super) job: Option<JobId>,
    pub(super) row: Result<Row, String>,
}

/// The rows that a query has yet to yield.
pub(super) struct Stream {
    pub(super) table: Table,
    condition: &'static str,
    values: Option<Item>,
    rows: VecDeque<Item>,
    head: Option<Head>,
    start: Option<Item>,
    pages: u64,
}

/// All rows of a user, in three streams.
pub(super) fn all(user: &UserId) -> [Stream; STREAMS] {
    let user = || (":user", text(user.as_str()));
    let jobs = || (":job", text(keys::JOB));
    [
        Stream::new(Table::Ledger, "pk = :user", values([user()])),
        Stream::new(Table::Jobs, "pk = :user AND sk < :job", values([user(), jobs()])),
        Stream::new(Table::Jobs, "pk = :user AND sk >= :job", values([user(), jobs()])),
    ]
}

impl Stream {
    fn new(table: Table, condition: &'static str, values: Option<Item>) -> Self {
        let rows = VecDeque::new();
        Self { table, condition, values, rows, head: None, start: None, pages: 0 }
    }

    /// Whether the row that is next is in memory, or there is none.
    pub(super) fn is_ready(&self) -> bool {
        self.head.is_some() || !self.rows.is_empty() || self.is_read()
    }

    fn is_read(&self) -> bool {
        self.pages > 0 && self.start.is_none()
    }

    /// Reads the next page; whether it was not the first.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        page: u16,
        gauge: &mut Gauge,
    ) -> Result<bool, StoreError> {
        let output = store
            .client
            .query()
            .table_name(self.table.name(store))
            .key_condition_expression(self.condition)
            .set_expression_attribute_values(self.values.clone())
            .set_projection_expression(self.table.attributes())
            .consistent_read(true)
            .limit(page.into())
            .set_exclusive_start_key(self.start.take())
            .send()
            .await
            .map_err(sort)?;
        self.rows.extend(output.items.unwrap_or_default());
        self.start = output.last_evaluated_key;
        self.pages = self.pages.saturating_add(1);
        gauge.add(self.rows.len());
        Ok(self.pages > 1)
    }

    /// The next row, which stays where it is.
    pub(super) fn peek(&mut self) -> Option<&Head> {
        if self.head.is_none() {
            self.head = self.rows.pop_front().map(head);
        }
        self.head.as_ref()
    }

    /// The next row.
    pub(super) fn take(&mut self) -> Option<Head> {
        self.peek();
        self.head.take()
    }
}

fn head(item: Item) -> Head {
    let part = |name: &str| {
        let text = item.get(name).and_then(|value: &AttributeValue| value.as_s().ok());
        text.cloned().unwrap_or_default()
    };
    let key = Key { pk: part("pk"), sk: part("sk") };
    let row = Row::read(item);
    let job = row.as_ref().ok().and_then(Row::job);
    Head { key, job, row }
}
