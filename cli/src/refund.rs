//! `refund`: the charge of a job that succeeded is given back. It says first what it would do.

use std::{process::ExitCode, time::Duration};

use anstream::println;
use anyhow::Context;
use runtime::Clock;
use serde_json::json;
use store::{Charge, Reversed};

use crate::{
    args::{JobArgs, RefundArgs},
    connection,
    moment::date_time,
    style::{FAINT, GOOD, STRONG},
};

/// A day, in hours.
const DAY: u64 = 24;

/// What a refund did, or would do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Would,
    Now,
    Before,
}

/// `refund`
pub(crate) async fn refund(args: RefundArgs) -> anyhow::Result<ExitCode> {
    let RefundArgs { job: JobArgs { user, job }, reason, retention_days, yes, json } = args;
    let (store, _) = connection::store().await?;
    let now = Clock::system().now();
    let charge = store.charge(&user, &job).await;
    let charge = charge.with_context(|| format!("{user} {job} is not refunded"))?;
    let outcome = if yes {
        let unsure =
            || format!("{user} {job} is not refunded, or it is unknown; the same command tells");
        let retention = Duration::from_hours(DAY.saturating_mul(retention_days.into()));
        let done = store.reverse(&charge, &reason, now, retention).await;
        match done.with_context(unsure)? {
            Reversed::Now => Outcome::Now,
            Reversed::Before => Outcome::Before,
        }
    } else if charge.given_back_at().is_some() {
        Outcome::Before
    } else {
        Outcome::Would
    };
    let balance = store.balance(&user).await?.context("the account is gone")?;
    if json {
        let told = json!({
            "user_id": user,
            "job_id": job,
            "amount": charge.amount().to_string(),
            "is_given_back": outcome != Outcome::Would,
            "moved": outcome == Outcome::Now,
            "available": balance.available.to_string(),
            "charged": balance.charged.to_string(),
        });
        println!("{told:#}");
        return Ok(ExitCode::SUCCESS);
    }
    print(&charge, outcome);
    println!(
        "{FAINT}{user} has{FAINT:#} ${} available, ${} charged",
        balance.available, balance.charged
    );
    Ok(ExitCode::SUCCESS)
}

fn print(charge: &Charge, outcome: Outcome) {
    let amount = charge.amount();
    match outcome {
        Outcome::Now => println!("{GOOD}gave back{GOOD:#} {STRONG}${amount}{STRONG:#}"),
        Outcome::Before => {
            let at = charge.given_back_at().map_or_else(String::new, date_time);
            println!("${amount} was given back before {at}: nothing moved");
        }
        Outcome::Would => println!(
            "${amount} was charged. Nothing was done: {STRONG}--yes{STRONG:#} gives it back"
        ),
    }
}
