//! The audit of everybody's books, a user at a time, so that memory is bounded by the largest
//! account and not by their number.

use std::time::Duration;

use domain::{
    audit::{History, Snapshot, Violation, audit},
    ids::UserId,
    time::Timestamp,
};

use crate::{BooksError, Store, StoreError, books::UsersFrom};

/// What an audit looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Users whose books were read.
    pub users: u64,
    /// Rows that were read for them. None at all is no pass: then nothing was looked at.
    pub rows: u64,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// Users whose books changed each time while they were read.
    pub moving: Vec<UserId>,
}

impl AuditReport {
    /// Whether there was something to look at, all of it was looked at, and it is in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rows > 0 && self.violations.is_empty() && self.moving.is_empty()
    }
}

impl Store {
    /// Audits the books of every user. A job may be open for `slack` after it should have expired.
    /// `progress` is called after each user.
    ///
    /// # Errors
    /// [`StoreError`], if a table cannot be read.
    pub async fn audit(
        &self,
        now: Timestamp,
        slack: Duration,
        mut progress: impl FnMut(&AuditReport),
    ) -> Result<AuditReport, StoreError> {
        let mut report = AuditReport::default();
        let mut from = None;
        let mut last = None;
        loop {
            let in_jobs = from.as_ref().is_some_and(UsersFrom::is_in_jobs);
            let (users, next) = self.users(from).await?;
            for user in users {
                // Whoever has a balance was met in the ledger, which comes first.
                let met = in_jobs && self.balance_row(&user).await?.is_some();
                if met || last.as_ref() == Some(&user) {
                    continue;
                }
                self.audit_user(&user, now, slack, &mut report).await?;
                progress(&report);
                last = Some(user);
            }
            from = next;
            if from.is_none() {
                return Ok(report);
            }
        }
    }

    async fn audit_user(
        &self,
        user: &UserId,
        now: Timestamp,
        slack: Duration,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        match self.books(user).await {
            Ok((books, rows)) => {
                report.users = report.users.saturating_add(1);
                let rows = u64::try_from(rows).unwrap_or(u64::MAX);
                report.rows = report.rows.saturating_add(rows);
                let snapshot = Snapshot { books, now, slack };
                report.violations.extend(audit(&snapshot, &History::default()));
            }
            Err(BooksError::Moving) => report.moving.push(user.clone()),
            Err(BooksError::Store(error)) => return Err(error),
        }
        Ok(())
    }
}
