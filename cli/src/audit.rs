//! `audit`: the books of every account, checked.

use std::{process::ExitCode, time::Duration};

use anstream::{eprintln, println};
use runtime::Clock;
use serde_json::json;
use store::{AuditReport, Store};

use crate::{
    args::AuditArgs,
    connection,
    progress::Progress,
    style::{BAD, GOOD},
};

/// How long after its hard expiry a job may still be open: two runs of the slowest sweep, and some.
const SLACK: Duration = Duration::from_mins(5);

/// Audits, and fails if anything is wrong or there was nothing to look at.
pub(crate) async fn audit(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let mut progress = Progress::quiet_in_a_pipe();
    let report = store
        .audit(Clock::system().now(), SLACK, |report| {
            progress.say(&looked_at(report));
        })
        .await?;
    progress.finish();
    if args.json {
        println!("{}", as_json(&report));
    } else {
        print(&report);
    }
    if args.suspend {
        suspend(&store, &report).await;
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whoever has books that are not in order orders nothing more until a person has looked. What is wrong stays as
/// it is: a repair without a cause would hide it.
async fn suspend(store: &Store, report: &AuditReport) {
    let now = Clock::system().now();
    for user in &report.unsound {
        match store.suspend(user, now).await {
            Ok(true) => eprintln!("{BAD}suspended{BAD:#}  {user}"),
            Ok(false) => eprintln!("{user} has no balance, so it cannot order anyway"),
            Err(error) => {
                let cause = domain::causes::chain(&error);
                eprintln!("{BAD}not suspended{BAD:#}  {user}: {cause}");
            }
        }
    }
    if report.more_unsound > 0 {
        eprintln!("{BAD}not suspended{BAD:#}  {} more accounts", report.more_unsound);
    }
}

fn looked_at(report: &AuditReport) -> String {
    format!("{} accounts, {} jobs, {} rows", report.users, report.jobs, report.rows)
}

fn print(report: &AuditReport) {
    for violation in &report.violations {
        let (invariant, user, what) = (violation.invariant, &violation.user, &violation.what);
        println!("{BAD}{invariant}{BAD:#}  {user}  {what}");
    }
    if report.more_violations > 0 {
        println!("{BAD}and {} more{BAD:#}", report.more_violations);
    }
    for user in &report.moving {
        println!("{BAD}busy{BAD:#}  {user}  moved money all the time: no totals; audit again");
    }
    if report.more_moving > 0 {
        println!("{BAD}and {} more{BAD:#}", report.more_moving);
    }
    let looked_at = looked_at(report);
    if report.is_clean() {
        println!("{GOOD}in order{GOOD:#}: {looked_at}");
        return;
    }
    let found = report.violations_count();
    let nothing = if report.rows == 0 { ": there was nothing to look at" } else { "" };
    println!("{BAD}not in order{BAD:#}: {looked_at}, {found} violations{nothing}");
}

/// One object for programs.
fn as_json(report: &AuditReport) -> serde_json::Value {
    let violation = |violation: &domain::audit::Violation| {
        json!({
            "invariant": violation.invariant,
            "user_id": violation.user,
            "what": violation.what,
        })
    };
    json!({
        "in_order": report.is_clean(),
        "accounts": report.users,
        "jobs": report.jobs,
        "rows": report.rows,
        "violations": report.violations.iter().map(violation).collect::<Vec<_>>(),
        "more_violations": report.more_violations,
        "moving": report.moving,
        "more_moving": report.more_moving,
    })
}
