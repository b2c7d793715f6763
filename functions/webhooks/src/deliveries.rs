//! Deliveries: what was told to whom, how that went, and telling it again. One that is unknown, malformed or somebody
//! else's is the same answer.

use std::time::Duration;

use domain::{causes, scope::Scope, webhook::DeliveryId};
use lambda_http::{Body, Request, Response, http::StatusCode};
use runtime::{Trace, notices::Notice};
use store::{Cursor, Delivery, DeliveryStatus, List};
use web::{Freshness, Refusal, request};

use crate::{App, asks_nothing_more, unavailable};

/// Whoever is rung by a clock that is a moment behind goes away again.
const MARGIN: Duration = Duration::from_secs(1);

/// The caller's deliveries, page by page.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::WebhooksWrite)?.user;
    let parameters = request::query(request, &["limit", "cursor"])?;
    let limit = request::limit(&parameters)?;
    let cursor = |text: &str| Cursor::read(text, &user, List::Deliveries);
    let cursor = request::cursor(&parameters, cursor)?;
    let page = app.store.deliveries(&user, limit, cursor.as_ref()).await.map_err(unavailable)?;
    let next = page.next.map(|next| next.write(&user));
    let shown: Vec<_> = page.rows.iter().map(show_as).collect();
    web::answer(StatusCode::OK, &web::deliveries(&shown, next), Freshness::Private)
}

/// One delivery.
pub(crate) async fn show(
    app: &App,
    request: &Request,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::WebhooksWrite)?.user;
    request::query(request, &[])?;
    let found = app.store.delivery(&user, &read(id)?).await.map_err(unavailable)?;
    let delivery = found.ok_or(Refusal::DeliveryNotFound)?;
    web::answer(StatusCode::OK, &web::delivery(&show_as(&delivery)), Freshness::Private)
}

/// Delivers again, with all attempts, whatever became of it before; one whose next attempt is under way or comes within
/// seconds goes on. It is due at once; if nobody hears that it is, the sweep asks again.
pub(crate) async fn redeliver(
    app: &App,
    request: &Request,
    request_id: &str,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let user = asks_nothing_more(request)?;
    let id = read(id)?;
    let begun = app.store.redeliver(&user, &id, app.clock.now()).await.map_err(unavailable)?;
    begun.then_some(()).ok_or(Refusal::DeliveryNotFound)?;
    tracing::info!(request_id, user_id = %user, delivery_id = %id, "to be delivered again");
    let trace = request::trace(request).and_then(Trace::read);
    let notice = Notice::delivery(user.clone(), id.clone()).in_trace(trace);
    if let Err(error) = app.notices.send(&notice, MARGIN).await {
        let cause = causes::chain(&error);
        tracing::warn!(delivery_id = %id, cause, "it is due, and nobody was asked to deliver it");
    }
    let found = app.store.delivery(&user, &id).await.map_err(unavailable)?;
    let delivery = found.ok_or(Refusal::DeliveryNotFound)?;
    web::answer(StatusCode::ACCEPTED, &web::delivery(&show_as(&delivery)), Freshness::Private)
}

fn read(id: &str) -> Result<DeliveryId, Refusal> {
    id.parse().map_err(|_| Refusal::DeliveryNotFound)
}

fn show_as(delivery: &Delivery) -> web::Delivery<'_> {
    let is_due = delivery.status == DeliveryStatus::Due;
    let attempt = |attempt: &store::Attempt| web::Attempt {
        at: attempt.at_ms,
        outcome: attempt.outcome,
        duration_ms: attempt.took_ms,
    };
    web::Delivery {
        id: &delivery.id,
        status: delivery.status.as_str(),
        attempts: delivery.attempts.iter().map(attempt).collect(),
        next_attempt_at: is_due.then_some(delivery.next_at),
        created_at: delivery.created_at,
    }
}
