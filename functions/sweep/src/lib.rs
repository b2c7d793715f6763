//! The sweep, every minute: looks at each row that is due, rings again for jobs that nobody works
//! on, and ends those whose time is up. It also looks after what is to be told (`events.rs`).
//!
//! Rows that it has dealt with are due later or not at all, so the next run begins where this one
//! stopped. A job that somebody has stays due, and is looked at until it has ended or is free: a read a minute
//! is cheaper than to write when its lease ends into the index of each job. Two runs at once do no harm: every write is conditional.

mod events;

use std::time::Duration;

use domain::{
    causes,
    ids::{JobId, UserId},
    job::{Ending, Job, Status},
    schedule::{self, Look, look},
    time::Timestamp,
};
use futures_util::{StreamExt, stream};
use lambda_runtime::{Context, LambdaEvent};
use runtime::{
    By, Clock, Environment, Host, Metric, Metrics, Trace,
    aws::Aws,
    notices::Notices,
    queue::{Bell, Queue, QueueError},
    telemetry,
};
use serde::Serialize;
use store::{DueEvent, DueRow, FinishError, Finished, Guard, SHARDS, Store, StoreError};
use tokio::time::timeout;

/// Rows that are looked at at a time.
const AT_ONCE: usize = 32;
/// Rows of a page of the index.
const PAGE: u16 = 100;
/// The most events that a run keeps in mind: some ten megabytes, and more than it has time for.
const EVENTS_MAX: usize = 100_000;
/// How much of the invocation is left for the rows at hand when no new page is begun.
const REST: Duration = Duration::from_secs(15);
/// How much of that is left, at least, when what is open has been counted.
const MARGIN: Duration = Duration::from_secs(5);

/// What the function needs, made once and lent to every run.
///
/// Reads `JOBS_TABLE`, `LEDGER_TABLE`, `WEBHOOKS_TABLE`, `QUEUE_URL`, `EVENTS_QUEUE_URL`, `FAIR_QUEUE`, `REANNOUNCE_SECONDS`,
/// `GRACE_SECONDS` and `RETENTION_DAYS`.
#[derive(Debug)]
pub struct App {
    store: Store,
    queue: Queue,
    notices: Notices,
    metrics: Metrics,
    clock: Clock,
    reannounce: Duration,
    grace: Duration,
    retention: Duration,
}

impl App {
    /// Reads the environment and builds the clients. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(environment: &Environment, host: Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, &host)?;
        let tables = store::Tables {
            jobs: environment.text("JOBS_TABLE")?,
            ledger: environment.text("LEDGER_TABLE")?,
            webhooks: environment.text("WEBHOOKS_TABLE")?,
            ..store::Tables::default()
        };
        Ok(Self {
            store: Store::new(aws.dynamodb(), tables),
            queue: Queue::new(&aws, environment)?,
            notices: Notices::new(&aws, environment)?,
            metrics: Metrics::of(environment, "sweep", &host),
            clock: host.clock,
            reannounce: environment.seconds("REANNOUNCE_SECONDS")?,
            grace: environment.seconds("GRACE_SECONDS")?,
            retention: environment.days("RETENTION_DAYS")?,
        })
    }

    /// Nothing: nobody waits for a sweep.
    #[expect(
        clippy::unused_async,
        reason = "every function has one, so that every main is the same"
    )]
    pub async fn warm_up(&self) {}
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows looked at.
    pub looked_at: u32,
    /// Jobs rung for.
    pub announced: u32,
    /// Jobs ended, their holds given back.
    pub expired: u32,
    /// Events and deliveries that nobody had told of in time, asked for again.
    pub reminded: u32,
    /// Rows that somebody had, or that had ended meanwhile.
    pub left_alone: u32,
    /// Rows that could not be dealt with; they stay due.
    pub failed: u32,
    /// Whether rows that are due were left for the next run, for want of time.
    pub unfinished: bool,
}

/// What became of one row.
enum Outcome {
    Announced,
    Expired,
    Reminded,
    LeftAlone,
    Failed,
}

impl Report {
    fn count(mut self, outcome: &Outcome) -> Self {
        let counter = match outcome {
            Outcome::Announced => &mut self.announced,
            Outcome::Expired => &mut self.expired,
            Outcome::Reminded => &mut self.reminded,
            Outcome::LeftAlone => &mut self.left_alone,
            Outcome::Failed => &mut self.failed,
        };
        *counter = counter.saturating_add(1);
        self.looked_at = self.looked_at.saturating_add(1);
        self
    }
}

/// One run.
///
/// # Errors
/// If a shard of the index cannot be read; the others are swept all the same.
pub async fn handle(app: &App, event: LambdaEvent<serde_json::Value>) -> anyhow::Result<Report> {
    let Context { request_id, deadline, xray_trace_id, .. } = event.context;
    let trace = xray_trace_id.as_deref().and_then(Trace::read);
    let run = Box::pin(sweep(app, Timestamp::from_millis(deadline)));
    telemetry::invocation("sweep", &request_id, trace.as_ref(), run).await
}

async fn sweep(app: &App, deadline: Timestamp) -> anyhow::Result<Report> {
    let end = deadline.minus(REST);
    let (mut report, mut trouble) = (Report::default(), None);
    // Jobs first, all of them: no hold waits for what is only told.
    let mut events = Vec::new();
    for shard in shards(app.clock.now()) {
        match sweep_shard(app, shard, end, report, &mut events).await {
            Ok(so_far) => report = so_far,
            Err(error) => trouble = Some(error),
        }
    }
    report = events::sweep(app, &events, end, report).await;
    // Receivers that do not answer may leave more deliveries than a run takes: no hold waits for those.
    let has_seen_all = !report.unfinished;
    match events::sweep_deliveries(app, end, report).await {
        Ok(so_far) => report = so_far,
        Err(error) => trouble = Some(error),
    }
    tracing::info!(
        looked_at = report.looked_at,
        announced = report.announced,
        expired = report.expired,
        reminded = report.reminded,
        failed = report.failed,
        unfinished = report.unfinished,
        "swept"
    );
    measure(app, deadline.minus(MARGIN)).await;
    app.metrics.count_some(Metric::RungAgain, report.announced.into());
    app.metrics.count_some(Metric::RowsFailed, report.failed.into());
    if let Some(error) = trouble {
        return Err(error.into());
    }
    if has_seen_all {
        app.metrics.count(Metric::Sweeps, 1, &[]);
    }
    Ok(report)
}

/// Tells how much is open, and for how long. Afterwards, so that what this run has ended is not among it.
async fn measure(app: &App, until: Timestamp) {
    let now = app.clock.now();
    // On the heap: it is large, and most of a run goes by without it.
    let counting = Box::pin(app.store.open_jobs(now, 1));
    let open = match timeout(until.since(now), counting).await {
        Ok(Ok(open)) => open,
        Ok(Err(error)) => {
            let cause = causes::chain(&error);
            tracing::warn!(cause, "what is open cannot be counted");
            return;
        }
        Err(_) => {
            tracing::warn!("there was no time to count what is open");
            return;
        }
    };
    // Not all of it was looked at: what is told is the least that there is.
    if !open.is_complete {
        tracing::warn!(jobs = open.count, "more jobs are open than are counted");
    }
    let oldest = open.oldest.first().map_or(Duration::ZERO, |open| now.since(open.job.made_at()));
    app.metrics.count(Metric::OpenJobs, open.count, &[]);
    app.metrics.count(Metric::OldestHoldAge, oldest.as_secs(), &[]);
}

/// All shards, beginning with another one each minute, so that none is always the last.
fn shards(now: Timestamp) -> impl Iterator<Item = u8> {
    let minute = usize::try_from(now.seconds() / 60).unwrap_or_default();
    let shards = usize::from(SHARDS);
    let first = minute.checked_rem(shards).unwrap_or_default();
    (0..SHARDS).cycle().skip(first).take(shards)
}

async fn sweep_shard(
    app: &App,
    shard: u8,
    end: Timestamp,
    mut report: Report,
    events: &mut Vec<DueEvent>,
) -> Result<Report, StoreError> {
    let mut from = None;
    loop {
        let now = app.clock.now();
        if now >= end {
            report.unfinished = true;
            return Ok(report);
        }
        let page = app.store.due(shard, now, PAGE, from).await?;
        if page.unreadable > 0 {
            tracing::error!(shard, rows = page.unreadable, "rows in the index are none of ours");
        }
        let outcomes = stream::iter(&page.rows).map(|row| deal_with(app, row));
        report = outcomes
            .buffer_unordered(AT_ONCE)
            .fold(report, async |report, outcome| report.count(&outcome))
            .await;
        // What is more is still due at the next run.
        let room = EVENTS_MAX.saturating_sub(events.len());
        report.unfinished |= page.events.len() > room;
        events.extend(page.events.into_iter().take(room));
        from = page.next;
        if from.is_none() {
            return Ok(report);
        }
    }
}

async fn deal_with(app: &App, row: &DueRow) -> Outcome {
    match attend(app, row).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let cause = causes::chain(error.as_ref());
            tracing::error!(job_id = %row.job, cause, "a due row could not be dealt with");
            Outcome::Failed
        }
    }
}

/// Looks at the row itself, because the index may be behind, and does what it asks for.
async fn attend(app: &App, row: &DueRow) -> anyhow::Result<Outcome> {
    let now = app.clock.now();
    let found = match app.store.job(&row.user, &row.job).await {
        Err(StoreError::Unreadable(error)) => return expire_unreadable(app, row, now, error).await,
        other => other?,
    };
    let Some(job) = found else { return Ok(Outcome::LeftAlone) };
    match look(&job, now, app.grace) {
        Look::Ended | Look::Leased => Ok(Outcome::LeftAlone),
        Look::Announce => announce(app, &job, now).await,
        Look::Expire => expire(app, &job, now).await,
    }
}

/// Rings, then has the job looked at again later. In this order: a bell that is rung twice does
/// no harm, one that is only noted does.
async fn announce(app: &App, job: &Job, now: Timestamp) -> anyhow::Result<Outcome> {
    let next = schedule::due_at(now.plus(app.reannounce), job.expires_at, now);
    ring(app, job, next).await?;
    let _taken = app.store.postpone(job, now, next).await?;
    tracing::info!(job_id = %job.id, "rang again");
    Ok(Outcome::Announced)
}

async fn ring(app: &App, job: &Job, next: Timestamp) -> Result<(), QueueError> {
    let bell = Bell::new(job.user.clone(), job.id).known_due(Some(next));
    let rung = app.queue.ring(&bell, Duration::ZERO).await;
    if rung.is_err() {
        app.metrics.count(Metric::RingsFailed, 1, &[]);
    }
    rung
}

/// Ends a job whose row cannot be read, if its time is up; a person must look at it before that.
async fn expire_unreadable(
    app: &App,
    row: &DueRow,
    now: Timestamp,
    error: Box<dyn std::error::Error + Send + Sync>,
) -> anyhow::Result<Outcome> {
    let name = (&row.user, &row.job);
    match tell(app, app.store.expire_unreadable(name, now, app.retention).await)? {
        Finished::Now => {
            tracing::error!(job_id = %row.job, "a job whose row cannot be read has expired");
            tell_event(app, (&row.user, &row.job)).await;
            Ok(Outcome::Expired)
        }
        Finished::Before | Finished::Otherwise | Finished::Superseded => {
            Err(anyhow::Error::from_boxed(error).context("the row of a job cannot be read"))
        }
    }
}

/// Ends a job by time. What is given back is what was held then, whatever is sold for how much now.
async fn expire(app: &App, job: &Job, now: Timestamp) -> anyhow::Result<Outcome> {
    let guard = if now >= job.expires_at { Guard::Open } else { Guard::Pending };
    match tell(app, app.store.finish(job, guard, &Ending::Expired, now, app.retention).await)? {
        Finished::Now => {
            tracing::info!(job_id = %job.id, user_id = %job.user, "expired");
            tell_event(app, (&job.user, &job.id)).await;
            Ok(Outcome::Expired)
        }
        Finished::Before | Finished::Otherwise | Finished::Superseded => Ok(Outcome::LeftAlone),
    }
}

/// Has it told that a job has expired.
async fn tell_event(app: &App, name: (&UserId, &JobId)) {
    app.notices.tell(name, Status::Expired, None, &app.metrics).await;
}

/// Counts what became of an attempt to end a job.
fn tell(app: &App, finished: Result<Finished, FinishError>) -> Result<Finished, FinishError> {
    match &finished {
        Ok(Finished::Now) => {
            let by = [By::Outcome(Ending::Expired.status().as_str())];
            app.metrics.count(Metric::JobsEnded, 1, &by);
        }
        Err(FinishError::Unbalanced) => app.metrics.count(Metric::BooksUnbalanced, 1, &[]),
        Ok(Finished::Before | Finished::Otherwise | Finished::Superseded)
        | Err(FinishError::Store(_)) => {}
    }
    finished
}

#[cfg(test)]
mod tests;
