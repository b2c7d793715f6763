//! The audit of everybody's books: a user at a time, and of each user a page at a time, so that
//! neither the number of users nor the size of an account matters for memory.

mod account;
mod again;
mod stream;

use std::time::Duration;

use domain::{
    audit::{Findings, Violation},
    ids::UserId,
    time::Timestamp,
};

use crate::{Store, StoreError, books::UsersFrom};

/// How much of what is looked at is in memory at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditBounds {
    /// How many rows are asked for at once.
    pub page: u16,
    /// How many violations, users whose books are not in order, and users that were never still, are
    /// kept in full. The others are counted.
    pub kept: usize,
}

/// Pages of a few megabytes at most, and more violations than anybody reads.
impl Default for AuditBounds {
    fn default() -> Self {
        Self { page: 1_000, kept: 1_000 }
    }
}

impl AuditBounds {
    /// The most rows that an audit has in memory at the same time, whatever the size of the tables: a
    /// page of each of its three queries, the rows of one job, once as they were met and once as they
    /// are, and the keys whose holds are asked for together.
    #[must_use]
    pub fn rows_max(self) -> usize {
        let pages = usize::from(self.page).saturating_mul(stream::STREAMS);
        let job = account::JOB_ROWS_MAX.saturating_add(again::ROWS_MAX);
        pages.saturating_add(job).saturating_add(again::KEYS_MAX)
    }
}

/// What an audit looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Users whose books were read.
    pub users: u64,
    /// Jobs that were read for them, also those of which only the entries are left.
    pub jobs: u64,
    /// Rows that were read for them. None at all is no pass: then nothing was looked at.
    pub rows: u64,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// How many more violations there are.
    pub more_violations: u64,
    /// Users whose books are not in order, each once.
    pub unsound: Vec<UserId>,
    /// How many more of them there are.
    pub more_unsound: u64,
    /// Users whose money moved each time while their books were read. Their jobs were checked, their
    /// totals were not.
    pub moving: Vec<UserId>,
    /// How many more of them there are.
    pub more_moving: u64,
    /// The most rows that were in memory at the same time.
    pub rows_at_once: usize,
}

impl AuditReport {
    /// Whether there was something to look at, all of it was looked at, and it is in order.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rows > 0 && self.violations_count() == 0 && self.moving_count() == 0
    }

    /// How many violations there are.
    #[must_use]
    pub fn violations_count(&self) -> u64 {
        count(&self.violations).saturating_add(self.more_violations)
    }

    /// How many users were never still.
    #[must_use]
    pub fn moving_count(&self) -> u64 {
        count(&self.moving).saturating_add(self.more_moving)
    }

    fn add(&mut self, user: &UserId, bounds: AuditBounds, findings: Findings) {
        if !findings.is_clean() {
            if self.unsound.len() < bounds.kept {
                self.unsound.push(user.clone());
            } else {
                self.more_unsound = self.more_unsound.saturating_add(1);
            }
        }
        self.violations.extend(findings.violations);
        self.more_violations = self.more_violations.saturating_add(findings.more);
    }

    fn add_moving(&mut self, user: &UserId, bounds: AuditBounds) {
        if self.moving.len() < bounds.kept {
            self.moving.push(user.clone());
        } else {
            self.more_moving = self.more_moving.saturating_add(1);
        }
    }
}

fn count<T>(kept: &[T]) -> u64 {
    u64::try_from(kept.len()).unwrap_or(u64::MAX)
}

impl Store {
    /// Audits the books of every user. A job may be open for `slack` after it should have expired.
    /// `progress` is called after each user, and after each page of one who has several.
    ///
    /// # Errors
    /// [`StoreError`], if a table cannot be read.
    pub async fn audit(
        &self,
        now: Timestamp,
        slack: Duration,
        progress: impl FnMut(&AuditReport),
    ) -> Result<AuditReport, StoreError> {
        self.audit_within(AuditBounds::default(), now, slack, progress).await
    }

    /// Audits the books of every user as [`Store::audit`] does, within these bounds.
    ///
    /// # Errors
    /// [`StoreError`], if a table cannot be read.
    pub async fn audit_within(
        &self,
        bounds: AuditBounds,
        now: Timestamp,
        slack: Duration,
        mut progress: impl FnMut(&AuditReport),
    ) -> Result<AuditReport, StoreError> {
        let mut report = AuditReport::default();
        let mut from = None;
        let mut last = None;
        loop {
            let in_jobs = from.as_ref().is_some_and(UsersFrom::is_in_jobs);
            let (users, next) = self.users(from, bounds.page).await?;
            for user in users {
                // Whoever is in the ledger, which comes first, was met there.
                let met =
                    last.as_ref() == Some(&user) || in_jobs && self.is_in_ledger(&user).await?;
                if met {
                    continue;
                }
                let account = account::Account { store: self, user: &user, bounds, now, slack };
                account.audit(&mut report, &mut progress).await?;
                progress(&report);
                last = Some(user);
            }
            from = next;
            if from.is_none() {
                return Ok(report);
            }
        }
    }
}

#[cfg(test)]
mod tests;
