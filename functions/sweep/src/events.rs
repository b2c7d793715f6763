//! What is to be told: events until they were told, and deliveries until they were made or given up.
//!
//! Rung for again, and looked after again later, in this order: a message too many does no harm. Whoever tells cannot
//! write to the table of events, so it is left here once there is a note that it was told.

use std::time::Duration;

use domain::{causes, time::Timestamp};
use futures_util::future::join_all;
use runtime::{Metric, notices::Notice};
use store::{DueDelivery, DueEvent, StoreError};

use crate::{AT_ONCE, App, Outcome, PAGE, Report, shards};

/// The most pages of due deliveries of one shard in a run: what is more is still due at the next.
const PAGES_MAX: u32 = 10;
/// The longest pause before an event that could not be told is asked for again.
const PAUSE_MAX: Duration = Duration::from_hours(1);

/// Looks after the events that are due, until the time is up.
pub(crate) async fn sweep(
    app: &App,
    events: &[DueEvent],
    end: Timestamp,
    mut report: Report,
) -> Report {
    for some in events.chunks(AT_ONCE) {
        if app.clock.now() >= end {
            report.unfinished = true;
            return report;
        }
        for outcome in join_all(some.iter().map(|due| tend(app, due))).await {
            report = report.count(&outcome);
        }
    }
    report
}

/// Asks for the deliveries that are due, until the time is up.
pub(crate) async fn sweep_deliveries(
    app: &App,
    end: Timestamp,
    mut report: Report,
) -> Result<Report, StoreError> {
    for shard in shards(app.clock.now()) {
        for page in 1..=PAGES_MAX {
            let now = app.clock.now();
            if now >= end {
                report.unfinished = true;
                return Ok(report);
            }
            let due = app.store.due_deliveries(shard, now, PAGE).await?;
            if due.unreadable > 0 {
                let rows = due.unreadable;
                tracing::error!(shard, rows, "rows in the index of deliveries are none of ours");
            }
            for some in due.rows.chunks(AT_ONCE) {
                for outcome in join_all(some.iter().map(|due| remind(app, due))).await {
                    report = report.count(&outcome);
                }
            }
            if !due.is_full {
                break;
            }
            // Those that were asked for are due later now, so the next page begins with the others.
            report.unfinished |= page == PAGES_MAX;
        }
    }
    Ok(report)
}

/// Looks after an event that is due.
async fn tend(app: &App, due: &DueEvent) -> Outcome {
    or_failed(look_after(app, due).await)
}

/// Asks for a delivery that is due.
async fn remind(app: &App, due: &DueDelivery) -> Outcome {
    or_failed(ask_for(app, due).await)
}

async fn look_after(app: &App, DueEvent { user, event }: &DueEvent) -> anyhow::Result<Outcome> {
    if app.store.is_told(user, event).await? {
        app.store.leave_event(user, event).await?;
        return Ok(Outcome::LeftAlone);
    }
    ring(app, &Notice::event(user.clone(), *event)).await?;
    let now = app.clock.now();
    // The longer nobody could tell it, the more seldom it is asked for.
    let age = now.since(event.job.made_at()).checked_div(4).unwrap_or_default();
    let pause = age.min(PAUSE_MAX).max(app.reannounce);
    app.store.postpone_event(user, event, now.plus(pause)).await?;
    tracing::info!(job_id = %event.job, event = %event.kind, "asked again for an event to be told");
    Ok(Outcome::Reminded)
}

async fn ask_for(app: &App, due: &DueDelivery) -> anyhow::Result<Outcome> {
    ring(app, &Notice::delivery(due.user.clone(), due.delivery.clone())).await?;
    let now = app.clock.now();
    app.store.postpone_delivery(due, now, now.plus(app.reannounce)).await?;
    Ok(Outcome::Reminded)
}

async fn ring(app: &App, notice: &Notice) -> anyhow::Result<()> {
    let rung = app.notices.send(notice, Duration::ZERO).await;
    if rung.is_err() {
        app.metrics.count(Metric::RingsFailed, 1, &[]);
    }
    Ok(rung?)
}

fn or_failed(outcome: anyhow::Result<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|error| {
        let cause = causes::chain(error.as_ref());
        tracing::error!(cause, "what is to be told could not be looked after");
        Outcome::Failed
    })
}
