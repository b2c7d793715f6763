//! What is to be told: events until they were told, and deliveries until they were made or given up.
//!
//! Rung for again, and looked after again later, in this order: a message too many does no harm. Whoever tells cannot
//! write to the table of events, so it is left here once there is a note that it was told.

use std::time::Duration;

use domain::causes;
use runtime::{Metric, notices::Notice};
use store::{DueDelivery, DueEvent};

use crate::{App, Outcome};

/// Looks after an event that is due.
pub(crate) async fn tend(app: &App, due: &DueEvent) -> Outcome {
    or_failed(look_after(app, due).await)
}

/// Asks for a delivery that is due.
pub(crate) async fn remind(app: &App, due: &DueDelivery) -> Outcome {
    or_failed(ask_for(app, due).await)
}

async fn look_after(app: &App, DueEvent { user, event }: &DueEvent) -> anyhow::Result<Outcome> {
    if app.store.is_told(user, event).await? {
        app.store.leave_event(user, event).await?;
        return Ok(Outcome::LeftAlone);
    }
    ring(app, &Notice::event(user.clone(), *event)).await?;
    let next = app.clock.now().plus(app.reannounce);
    app.store.postpone_event(user, event, next).await?;
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
