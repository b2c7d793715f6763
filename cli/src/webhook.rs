//! `webhook`: what was delivered to the receivers of an account, and what is delivered again.

use std::process::ExitCode;

use anstream::println;
use anyhow::Context;
use domain::{ids::UserId, webhook::DeliveryId, webhook::schedule::Outcome};
use runtime::Clock;
use serde_json::{Value, json};
use store::{Attempt, Delivery, DeliveryStatus};

use crate::{
    args::WebhookCommand,
    connection,
    moment::date_time,
    style::{BAD, FAINT, GOOD, STRONG},
};

/// `webhook`
pub(crate) async fn webhook(command: WebhookCommand) -> anyhow::Result<ExitCode> {
    match command {
        WebhookCommand::List { user, limit, json } => list(&user, limit, json).await,
        WebhookCommand::Replay { user, delivery, json } => replay(&user, &delivery, json).await,
    }
}

async fn list(user: &UserId, limit: u8, as_json: bool) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let page = store.deliveries(user, limit, None).await?;
    if as_json {
        let rows: Vec<Value> = page.rows.iter().map(json_of).collect();
        println!(
            "{:#}",
            json!({ "user_id": user, "deliveries": rows, "has_more": page.next.is_some() })
        );
        return Ok(ExitCode::SUCCESS);
    }
    if page.rows.is_empty() {
        println!("{user} has no deliveries");
    }
    for delivery in &page.rows {
        print(delivery);
    }
    if page.next.is_some() {
        println!("{FAINT}there are more: --limit{FAINT:#}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(user: &UserId, id: &DeliveryId, as_json: bool) -> anyhow::Result<ExitCode> {
    let (store, _) = connection::store().await?;
    let is_there = store.redeliver(user, id, Clock::system().now()).await?;
    is_there.then_some(()).with_context(|| format!("{user} has no delivery {id}"))?;
    if as_json {
        let told = json!({
            "user_id": user,
            "delivery_id": id.to_string(),
            "job_id": id.event.job,
            "status": DeliveryStatus::Due.as_str(),
        });
        println!("{told:#}");
        return Ok(ExitCode::SUCCESS);
    }
    println!("{GOOD}begun anew{GOOD:#}: the next sweep has it tried");
    Ok(ExitCode::SUCCESS)
}

fn print(delivery: &Delivery) {
    let Delivery { id, status, attempts, next_at, .. } = delivery;
    let style = match status {
        DeliveryStatus::Due => STRONG,
        DeliveryStatus::Delivered => GOOD,
        DeliveryStatus::GivenUp => BAD,
    };
    let word = status.as_str();
    println!("{style}{word}{style:#} {id} {FAINT}{}{FAINT:#}", id.event.kind);
    for attempt in attempts {
        let Attempt { number, at_ms, took_ms, .. } = attempt;
        let outcome = outcome_of(attempt);
        println!("  {number}. {} {outcome} {FAINT}{took_ms} ms{FAINT:#}", date_time(*at_ms));
    }
    if *status == DeliveryStatus::Due {
        println!("  {FAINT}next{FAINT:#} {}", date_time(*next_at));
    }
}

/// Where it goes is not shown: the URL may hold a secret of the user's.
fn json_of(delivery: &Delivery) -> Value {
    let attempt = |attempt: &Attempt| {
        json!({
            "number": attempt.number,
            "at": date_time(attempt.at_ms),
            "outcome": outcome_of(attempt),
            "took_ms": attempt.took_ms,
        })
    };
    json!({
        "id": delivery.id.to_string(),
        "event": delivery.id.event.kind.as_str(),
        "job_id": delivery.id.event.job,
        "receiver": delivery.id.receiver.as_str(),
        "status": delivery.status.as_str(),
        "attempts": delivery.attempts.iter().map(attempt).collect::<Vec<_>>(),
        "next_at": (delivery.status == DeliveryStatus::Due).then(|| date_time(delivery.next_at)),
    })
}

/// What an attempt met, in a word or two.
fn outcome_of(attempt: &Attempt) -> String {
    match attempt.outcome {
        Outcome::Status(status) => format!("status {status}"),
        Outcome::Late => "no answer in time".to_owned(),
        Outcome::Refused => "no address that we go to".to_owned(),
        Outcome::Unreachable => "no connection".to_owned(),
        Outcome::Tls => "no TLS".to_owned(),
        Outcome::Broken => "the answer broke off".to_owned(),
        Outcome::Lost => "unknown: whoever tried did not say".to_owned(),
        Outcome::Closed => "the receiver is closed".to_owned(),
    }
}
