//! One attempt at a delivery: begun in the table, made, and ended in the table with what it met. Whoever dies in between
//! leaves an attempt that was begun, which is seen as lost when the delivery is due again.

use std::time::Duration;

use domain::{
    causes,
    ids::UserId,
    webhook::{
        DeliveryId, Receiver, Secrets,
        schedule::{ATTEMPT_MAX, Next, Outcome, next},
    },
};
use runtime::{By, Metric, Trace, notices::Notice};
use store::{Attempt, Begun, Closed, Delivery, Fenced};

use crate::{App, sender::Answer};

/// The longest pause after which the queue is asked to ring; after longer ones the sweep rings.
const RING_MAX: Duration = Duration::from_mins(10);
/// Whoever is rung a moment early goes again, and nobody rings a second time.
const MARGIN: Duration = Duration::from_secs(1);

/// Tries a delivery, if it is due and nobody else does.
pub(crate) async fn attempt(
    app: &App,
    user: &UserId,
    id: &DeliveryId,
    trace: Option<&Trace>,
) -> anyhow::Result<()> {
    // First, so that what cannot be read costs no attempt.
    let secrets = secrets(app, user, &id.receiver).await?;
    let begun_at = app.clock.now();
    let begun = app.store.begin_attempt(user, id, begun_at, ATTEMPT_MAX).await?;
    let Begun::Now(delivery) = begun else { return Ok(()) };
    let answer = match secrets {
        None => Answer { outcome: Outcome::Closed, put_off: None },
        Some(secrets) => {
            let signature = secrets.sign(&id.event, begun_at, &delivery.body);
            app.sender.send(&delivery, begun_at, &signature).await
        }
    };
    end(app, user, &delivery, (begun_at, answer), trace).await
}

/// What deliveries to a receiver are signed with. `None` if it is closed or was removed: nothing is sent.
async fn secrets(app: &App, user: &UserId, receiver: &Receiver) -> anyhow::Result<Option<Secrets>> {
    Ok(match receiver {
        Receiver::Order => app.store.order_secrets(user).await?,
        Receiver::Endpoint(id) => {
            let found = app.store.endpoint(user, id).await?;
            found.filter(|endpoint| endpoint.disabled.is_none()).map(|endpoint| endpoint.secrets)
        }
    })
}

async fn end(
    app: &App,
    user: &UserId,
    delivery: &Delivery,
    (begun_at, answer): (domain::time::Timestamp, Answer),
    trace: Option<&Trace>,
) -> anyhow::Result<()> {
    let (now, id) = (app.clock.now(), &delivery.id);
    let luck = app.entropy.bytes::<8>().map(u64::from_le_bytes)?;
    let next = next(delivery.made(), answer.outcome, answer.put_off, now, luck);
    if let (Next::Gone, Receiver::Endpoint(endpoint)) = (next, &id.receiver) {
        app.store.close_endpoint(user, endpoint, Closed::Gone, now).await?;
    }
    let took_ms = u64::try_from(now.since(begun_at).as_millis()).unwrap_or(u64::MAX);
    let attempt =
        Attempt { number: delivery.tries, at_ms: begun_at, outcome: answer.outcome, took_ms };
    if app.store.end_attempt(user, delivery, attempt, next).await? == Fenced::Superseded {
        tracing::warn!("an attempt took so long that it was taken for lost");
        return Ok(());
    }
    app.metrics.count(Metric::Deliveries, 1, &[By::Outcome(word(next))]);
    tracing::info!(
        event = %id.event.kind,
        receiver = %id.receiver,
        attempt = delivery.tries,
        outcome = ?answer.outcome,
        next = word(next),
        "a webhook was tried"
    );
    if let Next::Again(at) = next {
        let pause = at.since(now);
        if pause <= RING_MAX {
            ring(app, user, id, pause.saturating_add(MARGIN), trace).await;
        }
    }
    Ok(())
}

/// Asks for the next attempt. If that fails, the sweep asks for it.
async fn ring(app: &App, user: &UserId, id: &DeliveryId, after: Duration, trace: Option<&Trace>) {
    let notice = Notice::delivery(user.clone(), id.clone()).in_trace(trace.cloned());
    if let Err(error) = app.notices.send(&notice, after).await {
        app.metrics.count(Metric::RingsFailed, 1, &[]);
        tracing::warn!(cause = causes::chain(&error), "nobody could be rung for a delivery");
    }
}

/// What came of an attempt, in one word.
const fn word(next: Next) -> &'static str {
    match next {
        Next::Delivered => "delivered",
        Next::Again(_) => "failed",
        Next::GivenUp => "given_up",
        Next::Gone => "gone",
    }
}
