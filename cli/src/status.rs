//! `status`: whether all is well, in one screen. It looks at what a minute's alarm would be about, and reads
//! no account.

use std::{process::ExitCode, time::Duration};

use anstream::println;
use domain::{causes, time::Timestamp};
use runtime::Clock;
use serde_json::{Value, json};
use store::{OpenJob, Store};

use crate::{
    args::StatusArgs,
    connection::{self, Target},
    moment::Age,
    queues::Depth,
    style::{BAD, FAINT, GOOD},
};

/// How long a row may be due: two runs of the slowest sweep, and the longest lease, which the sweep waits for.
const SWEPT_WITHIN: Duration = Duration::from_mins(7);
/// A route that needs no key.
const OPEN_ROUTE: &str = "/v1/models";

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    is_well: bool,
    text: String,
    value: Value,
}

impl Finding {
    fn well(what: &'static str, text: impl Into<String>, value: Value) -> Self {
        Self { what, is_well: true, text: text.into(), value }
    }

    fn unwell(what: &'static str, text: impl Into<String>, value: Value) -> Self {
        Self { is_well: false, ..Self::well(what, text, value) }
    }

    /// Nobody said where it is. That is no trouble of the stack.
    fn unknown(what: &'static str, variable: &str) -> Self {
        Self::well(what, format!("not looked at: set {variable}"), Value::Null)
    }

    fn failed(what: &'static str, error: &anyhow::Error) -> Self {
        let cause = causes::chain(error.as_ref());
        Self::unwell(what, cause.clone(), json!({ "error": cause }))
    }
}

/// Looks, and fails if anything is not as it should be.
pub(crate) async fn status(args: StatusArgs) -> anyhow::Result<ExitCode> {
    let target = connection::target().await?;
    let now = Clock::system().now();
    let mut findings = vec![api(target.url.as_deref()).await];
    findings.push(queue(&target).await);
    findings.push(dead_letters(&target).await);
    findings.extend(open_jobs(&target.store, now).await);
    let is_well = findings.iter().all(|finding| finding.is_well);
    if args.json {
        let looked_at = findings.iter().map(|finding| {
            let value = json!({ "is_well": finding.is_well, "value": finding.value });
            (finding.what.replace(' ', "_"), value)
        });
        let looked_at: serde_json::Map<String, Value> = looked_at.collect();
        println!("{:#}", json!({ "is_well": is_well, "looked_at": looked_at }));
    } else {
        print(&findings, is_well);
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(findings: &[Finding], is_well: bool) {
    for Finding { what, is_well, text, .. } in findings {
        let (style, mark) = if *is_well { (GOOD, "ok") } else { (BAD, "!!") };
        println!("{style}{mark}{style:#}  {FAINT}{what:<12}{FAINT:#}{text}");
    }
    println!(
        "    {FAINT}{:<12}{FAINT:#}not looked at: `holdfast audit` reads every account",
        "books"
    );
    if is_well {
        println!("{GOOD}all is well{GOOD:#}");
    } else {
        println!("{BAD}all is not well{BAD:#}: docs/runbook.md says what to do");
    }
}

async fn api(url: Option<&str>) -> Finding {
    const WHAT: &str = "api";
    let Some(url) = url else { return Finding::unknown(WHAT, "HOLDFAST_URL") };
    let answer = async {
        Ok(holdfast_client::http_client()?.get(format!("{url}{OPEN_ROUTE}")).send().await?)
    };
    match answer.await {
        Ok(answer) if answer.status().is_success() => {
            Finding::well(WHAT, format!("answers at {url}"), json!({ "url": url }))
        }
        Ok(answer) => {
            let status = answer.status().as_u16();
            let text = format!("{url} answers with status {status}");
            Finding::unwell(WHAT, text, json!({ "url": url, "status": status }))
        }
        Err(error) => Finding::failed(WHAT, &error),
    }
}

async fn queue(target: &Target) -> Finding {
    const WHAT: &str = "queue";
    match target.queues.jobs_depth().await {
        Ok(Some(depth)) => {
            let Depth { waiting, in_flight, delayed } = depth;
            let text = format!("{waiting} waiting, {in_flight} being worked on, {delayed} delayed");
            Finding::well(WHAT, text, json!(depth))
        }
        Ok(None) => Finding::unknown(WHAT, "QUEUE_URL"),
        Err(error) => Finding::failed(WHAT, &error),
    }
}

async fn dead_letters(target: &Target) -> Finding {
    const WHAT: &str = "given up";
    match target.queues.dead_letters_depth().await {
        Ok(Some(depth)) if depth.waiting == 0 && depth.in_flight == 0 => {
            Finding::well(WHAT, "no messages", json!(depth))
        }
        Ok(Some(depth)) => {
            let messages = depth.waiting.saturating_add(depth.in_flight);
            Finding::unwell(WHAT, format!("{messages} messages: `holdfast dlq show`"), json!(depth))
        }
        Ok(None) => Finding::unknown(WHAT, "DEAD_LETTER_QUEUE_URL"),
        Err(error) => Finding::failed(WHAT, &error),
    }
}

/// The oldest job, and the row that has waited longest to be looked at.
async fn open_jobs(store: &Store, now: Timestamp) -> Vec<Finding> {
    const OPEN: &str = "open jobs";
    const DUE: &str = "sweep";
    let open = match store.open_jobs(Timestamp::from_millis(u64::MAX), 1).await {
        Ok(open) => open,
        Err(error) => return vec![Finding::failed(OPEN, &error.into())],
    };
    let jobs = match open.oldest.first() {
        None => Finding::well(OPEN, "none", json!({ "count": 0 })),
        Some(OpenJob { user, job, .. }) => {
            let age = Age::between(job.made_at(), now);
            let count = open.count;
            let more = if open.is_complete { "" } else { " or more" };
            let text = format!("{count}{more}, the oldest for {age}: {user} {job}");
            let value = json!({
                "count": count,
                "is_complete": open.is_complete,
                "oldest_seconds": age.0.as_secs(),
                "oldest": { "user_id": user, "job_id": job },
            });
            match store.job(user, job).await {
                // A row that cannot be read keeps its hold until the sweep gives it back.
                Err(error) => Finding::failed(OPEN, &error.into()),
                Ok(Some(found))
                    if !found.state.status().is_terminal()
                        && now > found.expires_at.plus(SWEPT_WITHIN) =>
                {
                    Finding::unwell(OPEN, format!("{text}, which should have expired"), value)
                }
                Ok(_) => Finding::well(OPEN, text, value),
            }
        }
    };
    let waited = open.longest_due.map_or(Duration::ZERO, |due| now.since(due));
    let value = json!({ "waited_seconds": waited.as_secs() });
    let text = format!("the row that has waited longest is due for {}", Age(waited));
    let due = if waited > SWEPT_WITHIN {
        Finding::unwell(DUE, text, value)
    } else {
        Finding::well(DUE, text, value)
    };
    vec![jobs, due]
}
