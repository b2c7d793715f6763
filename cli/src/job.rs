//! `job show`, `jobs open`: what became of a job, and which ones have not ended.
//!
//! What the caller asked for is not shown, nor are task names and addresses of pictures: who is on call
//! needs none of them.

use std::process::ExitCode;

use anstream::println;
use anstyle::Style;
use anyhow::bail;
use domain::{
    job::{Refund, State, Status},
    ledger::{Entry, EntryKind},
    size::Ratio,
    time::Timestamp,
};
use runtime::Clock;
use serde_json::{Value, json};
use store::{EventRow, JobRecord, JobRow, OpenJob, OpenJobs, Store};

use crate::{
    args::{JobArgs, JobCommand, JobsCommand},
    connection,
    moment::{Age, date_time},
    style::{BAD, FAINT, GOOD, STRONG},
};

/// `job show`
pub(crate) async fn job(command: JobCommand) -> anyhow::Result<ExitCode> {
    let JobCommand::Show { job: JobArgs { user, job }, json } = command;
    let (store, _) = connection::store().await?;
    let record = store.record(&user, &job).await?;
    if record.is_empty() {
        bail!("{user} has no job {job}, and never had");
    }
    let now = Clock::system().now();
    if json {
        println!("{:#}", record_as_json(&record, (user.as_str(), &job.to_string())));
    } else {
        println!("{STRONG}job {job}{STRONG:#} of {user}");
        print_record(&record, now);
    }
    Ok(ExitCode::SUCCESS)
}

fn row(label: &str, text: &str) {
    println!("  {FAINT}{label:<10}{FAINT:#}{text}");
}

fn time(label: &str, at: Option<Timestamp>, now: Timestamp) {
    let Some(at) = at else { return };
    let distance = if at <= now {
        format!("{} ago", Age::between(at, now))
    } else {
        format!("in {}", Age::between(now, at))
    };
    row(label, &format!("{}  {FAINT}{distance}{FAINT:#}", date_time(at)));
}

const fn colour(status: Status) -> Style {
    match status {
        Status::Pending | Status::Processing => STRONG,
        Status::Succeeded => GOOD,
        Status::Failed | Status::Expired | Status::Refunded => BAD,
    }
}

fn print_record(record: &JobRecord, now: Timestamp) {
    match &record.row {
        Some(row) => print_row(row, now),
        None => println!("  its row is not there, or cannot be read: what is left are its entries"),
    }
    println!("\n{STRONG}ledger{STRONG:#}");
    for entry in &record.entries {
        let (at, kind) = (date_time(entry.at), entry.kind.name());
        let Sides { available, held, charged } = Sides::of(entry);
        println!(
            "  {FAINT}{at}{FAINT:#}  {kind:<8}  available {available}, held {held}, charged {charged}"
        );
        if let Some(reason) = reason(entry) {
            row("because", reason);
        }
    }
    println!("\n{STRONG}told{STRONG:#}");
    for EventRow { status, at } in &record.events {
        println!("  {FAINT}{}{FAINT:#}  job.{}", date_time(*at), status.as_str());
    }
    for row in &record.unreadable {
        println!("\n{BAD}unreadable{BAD:#}  {row}");
    }
}

fn print_row(JobRow { job, attempts, due_at, forget_at }: &JobRow, now: Timestamp) {
    let status = job.state.status();
    let (style, word) = (colour(status), status.as_str());
    row("status", &format!("{style}{word}{style:#}"));
    if let Some((code, message)) = failure(&job.state) {
        row("because", &format!("{code}: {message}"));
    }
    let (model, n) = (job.order.model.model().slug, job.order.n.get());
    let size = job.order.shape().map_or("auto", Ratio::as_str);
    row("ordered", &format!("{n} × {model}, {size}, from {}", job.upstream.as_str()));
    row("hold", &format!("${}", job.hold.amount()));
    time("accepted", Some(job.created_at), now);
    time("deadline", Some(job.deadline), now);
    time("expires", Some(job.expires_at), now);
    time("ended", job.state.completed_at(), now);
    time("due", *due_at, now);
    time("forgotten", *forget_at, now);
    println!("\n{STRONG}attempts{STRONG:#}");
    row("claims", &attempts.fence.map_or(0, |fence| fence.0).to_string());
    time("leased", attempts.lease_until.filter(|_| !status.is_terminal()), now);
    let known = attempts.dispatch.map_or_else(String::new, |word| format!(", the last is {word}"));
    row("orders", &format!("{}{known}", attempts.submits));
    time("run ends", attempts.run_deadline.filter(|_| !status.is_terminal()), now);
}

/// The code and the sentence that the caller is told; never what an upstream said, which may quote them.
fn failure(state: &State) -> Option<(&'static str, &'static str)> {
    match state {
        State::Failed { verdict, .. } => Some((verdict.failure.code(), verdict.failure.message())),
        State::Refunded { why: Refund::Canceled, .. } => {
            Some(("canceled", "Its owner canceled it before it began."))
        }
        State::Refunded { why: Refund::Reversed { .. }, .. } => {
            Some(("refunded", "The charge was given back by the operator."))
        }
        State::Pending | State::Processing(_) | State::Succeeded { .. } | State::Expired { .. } => {
            None
        }
    }
}

/// Why an entry was written, where somebody said so.
fn reason(entry: &Entry) -> Option<&str> {
    match &entry.kind {
        EntryKind::Reversal { reason, .. } => Some(reason),
        EntryKind::Credit { .. } | EntryKind::Hold { .. } | EntryKind::Resolution { .. } => None,
    }
}

/// What an entry did, in signed dollars. No entry of a job changes what was credited.
struct Sides {
    available: String,
    held: String,
    charged: String,
}

impl Sides {
    fn of(entry: &Entry) -> Self {
        let changes = entry.kind.changes();
        let [available, held, charged] =
            [changes.available, changes.held, changes.charged].map(|change| change.to_string());
        Self { available, held, charged }
    }
}

fn record_as_json(record: &JobRecord, (user, job): (&str, &str)) -> Value {
    let entry = |entry: &Entry| {
        let Sides { available, held, charged } = Sides::of(entry);
        json!({
            "kind": entry.kind.name(),
            "created_at": date_time(entry.at),
            "reason": reason(entry),
            "changes": { "available": available, "held": held, "charged": charged },
        })
    };
    let event = |event: &EventRow| json!({ "status": event.status.as_str(), "occurred_at": date_time(event.at) });
    json!({
        "user_id": user,
        "job_id": job,
        "job": record.row.as_ref().map(row_as_json),
        "entries": record.entries.iter().map(entry).collect::<Vec<_>>(),
        "events": record.events.iter().map(event).collect::<Vec<_>>(),
        "unreadable": record.unreadable,
    })
}

fn row_as_json(JobRow { job, attempts, due_at, forget_at }: &JobRow) -> Value {
    let time = |at: Option<Timestamp>| at.map(date_time);
    json!({
        "status": job.state.status().as_str(),
        "failure": failure(&job.state).map(|(code, _)| code),
        "model": job.order.model.model().slug,
        "n": job.order.n.get(),
        "size": job.order.shape().map_or("auto", Ratio::as_str),
        "upstream": job.upstream.as_str(),
        "hold": job.hold.amount().to_string(),
        "pictures": job.state.delivered().len(),
        "created_at": date_time(job.created_at),
        "deadline_at": date_time(job.deadline),
        "expires_at": date_time(job.expires_at),
        "completed_at": time(job.state.completed_at()),
        "due_at": time(*due_at),
        "forget_at": time(*forget_at),
        "attempts": {
            "claims": attempts.fence.map_or(0, |fence| fence.0),
            "lease_until": time(attempts.lease_until),
            "orders": attempts.submits,
            "dispatch": attempts.dispatch,
            "run_deadline_at": time(attempts.run_deadline),
        },
    })
}

/// `jobs open`
pub(crate) async fn jobs(command: JobsCommand) -> anyhow::Result<ExitCode> {
    let JobsCommand::Open { older_than, limit, json } = command;
    let (store, _) = connection::store().await?;
    let now = Clock::system().now();
    // Without an age, also those that a clock ahead of ours made.
    let made_before =
        older_than.map_or(Timestamp::from_millis(u64::MAX), |Age(age)| now.minus(age));
    let open = store.open_jobs(made_before, limit.into()).await?;
    let listed = list(&store, &open).await?;
    if json {
        let jobs: Vec<Value> = listed.iter().map(|listed| listed.as_json(now)).collect();
        let all = json!({ "jobs": jobs, "count": open.count, "is_complete": open.is_complete });
        println!("{all:#}");
        return Ok(ExitCode::SUCCESS);
    }
    for job in &listed {
        job.print(now);
    }
    let more =
        if open.is_complete { "" } else { " at least; the index has more than was looked at" };
    println!("{} of {}{more}", listed.len(), open.count);
    Ok(ExitCode::SUCCESS)
}

/// A job that the index says is open, and where its row says that it stands.
struct Listed {
    open: OpenJob,
    status: &'static str,
}

/// Reads the row of each job, because the index may be behind.
async fn list(store: &Store, open: &OpenJobs) -> anyhow::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    for open in &open.oldest {
        let status = match store.job(&open.user, &open.job).await {
            Ok(Some(job)) if job.state.status().is_terminal() => continue,
            Ok(None) => continue,
            Ok(Some(job)) => job.state.status().as_str(),
            Err(store::StoreError::Unreadable(_)) => "unreadable",
            Err(error) => return Err(error.into()),
        };
        listed.push(Listed { open: open.clone(), status });
    }
    Ok(listed)
}

impl Listed {
    fn print(&self, now: Timestamp) {
        let Self { open: OpenJob { user, job, due_at }, status } = self;
        let age = Age::between(job.made_at(), now).to_string();
        let due = if *due_at <= now {
            format!("due for {}", Age::between(*due_at, now))
        } else {
            format!("due in {}", Age::between(now, *due_at))
        };
        println!("{STRONG}{age:<13}{STRONG:#} {job}  {user}  {status}  {FAINT}{due}{FAINT:#}");
    }

    fn as_json(&self, now: Timestamp) -> Value {
        let OpenJob { user, job, due_at } = &self.open;
        json!({
            "user_id": user,
            "job_id": job,
            "status": self.status,
            "age_seconds": now.since(job.made_at()).as_secs(),
            "created_at": date_time(job.made_at()),
            "due_at": date_time(*due_at),
        })
    }
}
