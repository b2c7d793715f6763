//! The audit of one account: its rows are read in the order of its jobs and fed to the auditor, until
//! they were those of one moment.
//!
//! Every movement of money raises the version of the pockets that it touches, so twice the same pockets with
//! all other reads in between saw one moment. An account that never stands still is gone through a last
//! time: then a job that looks wrong is read again by itself, and the totals are left out.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    audit::{Auditor, JobRows, KeyFacts},
    ids::{JobId, UserId},
    time::Timestamp,
};

use super::{
    AuditBounds, AuditReport, again,
    stream::{self, Gauge, Head, Stream, Table},
};
use crate::{Store, StoreError, facts::Row, keys::Key};

/// How often an account of a page is gone through at most: it is soon done.
const PASSES_SMALL: u32 = 20;
/// How often a larger one is. Who moves money all the time does so the next time, too.
const PASSES_LARGE: u32 = 3;
/// More rows than any job has. Read again with the eight that it may have, they fit one request.
pub(super) const JOB_ROWS_MAX: usize = 64;

/// An account, and how it is audited.
pub(super) struct Account<'a> {
    pub(super) store: &'a Store,
    pub(super) user: &'a UserId,
    pub(super) bounds: AuditBounds,
    pub(super) now: Timestamp,
    pub(super) slack: Duration,
}

impl Account<'_> {
    /// Goes through the account as often as it takes, and adds what was found to the report.
    pub(super) async fn audit(
        &self,
        report: &mut AuditReport,
        progress: &mut impl FnMut(&AuditReport),
    ) -> Result<(), StoreError> {
        let (jobs, rows) = (report.jobs, report.rows);
        let count = |pass: &Pass<'_>, report: &mut AuditReport| {
            report.jobs = jobs.saturating_add(pass.jobs);
            report.rows = rows.saturating_add(pass.rows);
            report.rows_at_once = report.rows_at_once.max(pass.gauge.most);
        };
        let (mut done, mut passes) = (1, PASSES_SMALL);
        loop {
            let is_last = done >= passes;
            let before = self.store.pocket_rows(self.user).await?;
            let keep = self.bounds.kept.saturating_sub(report.violations.len());
            let mut pass = Pass::new(self, keep, is_last);
            let mut say = |pass: &Pass<'_>| {
                count(pass, report);
                progress(report);
            };
            pass.run(&mut say).await?;
            count(&pass, report);
            let is_still = self.store.pocket_rows(self.user).await? == before;
            if is_still || is_last {
                report.users = report.users.saturating_add(1);
                if !is_still {
                    report.add_moving(self.user, self.bounds);
                }
                report.add(self.user, self.bounds, pass.finish(is_still));
                return Ok(());
            }
            if pass.rows > self.bounds.page.into() {
                passes = PASSES_LARGE;
            }
            done = done.saturating_add(1);
        }
    }
}

/// Once through the account.
struct Pass<'a> {
    account: &'a Account<'a>,
    auditor: Auditor,
    /// Whether a job that looks wrong is read again before it is reported.
    is_last: bool,
    keys: Vec<KeyFacts>,
    gauge: Gauge,
    jobs: u64,
    rows: u64,
}

impl<'a> Pass<'a> {
    fn new(account: &'a Account<'a>, keep: usize, is_last: bool) -> Self {
        let Account { user, now, slack, .. } = account;
        Self {
            account,
            auditor: Auditor::new((*user).clone(), *now, *slack, keep),
            is_last,
            keys: Vec::new(),
            gauge: Gauge::default(),
            jobs: 0,
            rows: 0,
        }
    }

    async fn run(&mut self, say: &mut impl FnMut(&Self)) -> Result<(), StoreError> {
        let mut streams = stream::all(self.account.user);
        loop {
            for stream in &mut streams {
                self.skip_to_job(stream, say).await?;
            }
            let first = streams.iter_mut().filter_map(|stream| stream.peek()?.job).min();
            let Some(id) = first else { return self.check_keys().await };
            self.job(id, &mut streams, say).await?;
        }
    }

    /// Takes the rows that belong to no job, up to the first that does.
    async fn skip_to_job(
        &mut self,
        stream: &mut Stream,
        say: &mut impl FnMut(&Self),
    ) -> Result<(), StoreError> {
        loop {
            self.ready(stream, say).await?;
            if stream.peek().is_none_or(|head| head.job.is_some()) {
                return Ok(());
            }
            if let Some(head) = stream.take() {
                self.loose(head).await?;
            }
        }
    }

    /// Has the next row of a stream in memory, if there is one.
    async fn ready(
        &mut self,
        stream: &mut Stream,
        say: &mut impl FnMut(&Self),
    ) -> Result<(), StoreError> {
        // A page may be empty and yet not be the last.
        while !stream.is_ready() {
            let account = self.account;
            let page = account.bounds.page;
            if stream.read(account.store, page, &mut self.gauge).await? {
                say(self);
            }
        }
        Ok(())
    }

    /// A row that belongs to no job.
    async fn loose(&mut self, head: Head) -> Result<(), StoreError> {
        self.rows = self.rows.saturating_add(1);
        match head.row {
            Ok(Row::Key(key)) => {
                self.keys.push(key);
                if self.keys.len() >= again::KEYS_MAX {
                    self.check_keys().await?;
                }
                return Ok(());
            }
            Ok(Row::Balance(balance)) => self.auditor.balance(balance),
            Ok(Row::Entry(entry)) => self.auditor.credit(&entry),
            Ok(Row::Reference(reference)) => self.auditor.reference(&reference),
            // They belong to a job, and are taken with it.
            Ok(Row::Job(_) | Row::Event(_)) => {}
            Err(why) => self.auditor.unreadable(&why),
        }
        self.gauge.drop(1);
        Ok(())
    }

    /// All rows of a job, from wherever they are.
    async fn job(
        &mut self,
        id: JobId,
        streams: &mut [Stream],
        say: &mut impl FnMut(&Self),
    ) -> Result<(), StoreError> {
        let (mut rows, mut seen) = (JobRows::new(id), Vec::<(Table, Key)>::new());
        let mut too_many = 0_usize;
        for stream in streams {
            loop {
                self.ready(stream, say).await?;
                if stream.peek().is_none_or(|head| head.job != Some(id)) {
                    break;
                }
                let Some(Head { key, row: Ok(row), .. }) = stream.take() else { break };
                self.rows = self.rows.saturating_add(1);
                if seen.len() < JOB_ROWS_MAX {
                    seen.push((stream.table, key));
                    row.join(&mut rows);
                } else {
                    too_many = too_many.saturating_add(1);
                    self.gauge.drop(1);
                }
            }
        }
        if too_many > 0 {
            self.auditor.unreadable(&format!("{too_many} more rows than job {id} may have"));
        }
        let mut in_memory = seen.len();
        if self.is_last && !self.auditor.is_sound(&rows) {
            rows = self.account.store.job_again(self.account.user, id, seen).await?;
            self.gauge.add(rows.len());
            in_memory = in_memory.saturating_add(rows.len());
        }
        self.auditor.job(&rows);
        self.jobs = self.jobs.saturating_add(1);
        self.gauge.drop(in_memory);
        Ok(())
    }

    /// Whether the jobs that the keys so far name ever were.
    async fn check_keys(&mut self) -> Result<(), StoreError> {
        let named: BTreeSet<JobId> = self.keys.iter().map(|key| key.job).collect();
        let held = self.account.store.held(self.account.user, &named).await?;
        for key in &self.keys {
            self.auditor.key(key, held.contains(&key.job));
        }
        self.gauge.drop(self.keys.len());
        self.keys.clear();
        Ok(())
    }

    fn finish(self, is_still: bool) -> domain::audit::Findings {
        if is_still { self.auditor.finish() } else { self.auditor.finish_moving() }
    }
}
