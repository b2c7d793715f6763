//! `?dry_run=true`: what an order would cost. It is checked like any other, and nothing is stored.

use domain::{hold::Hold, order::Order, scope::Scope};
use lambda_http::{Body, Request, Response, http::StatusCode};
use web::{Freshness, Refusal, request};

use crate::{App, agree::agree, unavailable};

/// Quotes the price of what a request asks for.
pub(crate) async fn quote(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let caller = request::caller(request, Scope::JobsWrite)?;
    let (draft, _) = request::order(request)?;
    let order = agree(app, &caller.user, draft).await?;
    order.check_offer(app.catalogue.offer(order.model))?;
    let hold = price(app, &order)?;
    let found = app.store.balance(&caller.user).await.map_err(unavailable)?;
    let balance = found.ok_or(Refusal::NoAccount)?;
    let body = web::quote(&order, &hold, &balance);
    let mut response = web::answer(StatusCode::OK, &body, Freshness::Private)?;
    web::tell_queue(&mut response, (&balance).into());
    Ok(response)
}

/// What is set aside for an order.
pub(crate) fn price(app: &App, order: &Order) -> Result<Hold, Refusal> {
    let hold = Hold::new(app.catalogue.price(order.model), order.n);
    hold.ok_or_else(|| Refusal::Internal("a price is out of bounds".into()))
}
