//! `audit`: the books of every account, checked.

use std::{process::ExitCode, time::Duration};

use anstream::println;
use runtime::Clock;

use crate::{
    connection,
    progress::Progress,
    style::{BAD, GOOD},
};

/// How long after its hard expiry a job may still be open: two runs of the slowest sweep, and some.
const SLACK: Duration = Duration::from_mins(5);

/// Audits, and fails if anything is wrong or there was nothing to look at.
pub(crate) async fn audit() -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let mut progress = Progress::quiet_in_a_pipe();
    let report = store
        .audit(Clock::system().now(), SLACK, |report| {
            progress.say(&format!("{} accounts, {} rows", report.users, report.rows));
        })
        .await?;
    progress.finish();
    for violation in &report.violations {
        let (invariant, user, what) = (violation.invariant, &violation.user, &violation.what);
        println!("{BAD}{invariant}{BAD:#}  {user}  {what}");
    }
    for user in &report.moving {
        println!("{BAD}busy{BAD:#}  {user}  changed each time it was read; audit again");
    }
    let (users, rows, found) = (report.users, report.rows, report.violations.len());
    if report.is_clean() {
        println!("{GOOD}in order{GOOD:#}: {users} accounts, {rows} rows");
        return Ok(ExitCode::SUCCESS);
    }
    let nothing = if rows == 0 { ": there was nothing to look at" } else { "" };
    println!(
        "{BAD}not in order{BAD:#}: {users} accounts, {rows} rows, {found} violations{nothing}"
    );
    Ok(ExitCode::FAILURE)
}
