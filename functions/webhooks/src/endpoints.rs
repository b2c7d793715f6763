//! Endpoints: who is told of all jobs of a user. One that is unknown, malformed or somebody else's is the same answer.

use domain::{
    ids::UserId,
    scope::Scope,
    time::Timestamp,
    webhook::{EndpointId, Secret},
};
use lambda_http::{Body, Request, Response, http::StatusCode};
use store::{Endpoint, RegisterError, Registered};
use url::Url;
use web::{Freshness, Refusal, request};

use crate::{App, asks_nothing_more, unavailable};

/// Registers an endpoint. One that is registered already is answered as it is.
pub(crate) async fn register(
    app: &App,
    request: &Request,
    request_id: &str,
) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::WebhooksWrite)?.user;
    let (url, events) = request::endpoint(request)?;
    let parsed = Url::parse(url.as_str()).map_err(|_| Refusal::BadEndpointUrl)?;
    app.guard.check(&parsed).map_err(|_| Refusal::BadEndpointUrl)?;
    let (secret, now) = (app.fresh_secret()?, app.clock.now());
    let registered = app.store.register(&user, url, events, secret.clone(), now).await;
    match registered.map_err(refuse)? {
        Registered::Now(endpoint) => {
            let endpoint_id = &endpoint.id;
            tracing::info!(request_id, user_id = %user, %endpoint_id, "registered");
            answer(StatusCode::CREATED, &endpoint, Some(&secret), now)
        }
        Registered::Before(endpoint) => answer(StatusCode::OK, &endpoint, None, now),
    }
}

/// The caller's endpoints.
pub(crate) async fn list(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::WebhooksWrite)?.user;
    request::query(request, &[])?;
    let endpoints = app.store.endpoints(&user).await.map_err(unavailable)?;
    let now = app.clock.now();
    let shown: Vec<_> = endpoints.iter().map(|endpoint| show_as(endpoint, now)).collect();
    web::answer(StatusCode::OK, &web::endpoints(&shown), Freshness::Private)
}

/// One endpoint.
pub(crate) async fn show(
    app: &App,
    request: &Request,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::WebhooksWrite)?.user;
    request::query(request, &[])?;
    let found = app.store.endpoint(&user, &read(id)?).await.map_err(unavailable)?;
    let endpoint = found.ok_or(Refusal::EndpointNotFound)?;
    answer(StatusCode::OK, &endpoint, None, app.clock.now())
}

/// Removes an endpoint: nothing is delivered to it any more.
pub(crate) async fn remove(
    app: &App,
    request: &Request,
    request_id: &str,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let (user, id) = named(request, id)?;
    let removed = app.store.remove_endpoint(&user, &id).await.map_err(unavailable)?;
    removed.then_some(()).ok_or(Refusal::EndpointNotFound)?;
    tracing::info!(request_id, user_id = %user, endpoint_id = %id, "removed");
    Ok(web::nothing())
}

/// Signs what is delivered to an endpoint with a new secret. For a day the old one signs as well.
pub(crate) async fn rotate(
    app: &App,
    request: &Request,
    request_id: &str,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let (user, id) = named(request, id)?;
    let (secret, now) = (app.fresh_secret()?, app.clock.now());
    let rotated = app.store.rotate_endpoint(&user, &id, &secret, now).await.map_err(unavailable)?;
    let endpoint = rotated.ok_or(Refusal::EndpointNotFound)?;
    tracing::info!(request_id, user_id = %user, endpoint_id = %id, "rotated");
    answer(StatusCode::OK, &endpoint, Some(&secret), now)
}

/// Delivers to an endpoint again that was disabled.
pub(crate) async fn enable(
    app: &App,
    request: &Request,
    request_id: &str,
    id: &str,
) -> Result<Response<Body>, Refusal> {
    let (user, id) = named(request, id)?;
    let opened = app.store.open_endpoint(&user, &id).await.map_err(unavailable)?;
    let endpoint = opened.ok_or(Refusal::EndpointNotFound)?;
    tracing::info!(request_id, user_id = %user, endpoint_id = %id, "enabled");
    answer(StatusCode::OK, &endpoint, None, app.clock.now())
}

/// Who asks, and which endpoint the path names.
fn named(request: &Request, id: &str) -> Result<(UserId, EndpointId), Refusal> {
    Ok((asks_nothing_more(request)?, read(id)?))
}

fn read(id: &str) -> Result<EndpointId, Refusal> {
    id.parse().map_err(|_| Refusal::EndpointNotFound)
}

fn answer(
    status: StatusCode,
    endpoint: &Endpoint,
    secret: Option<&Secret>,
    now: Timestamp,
) -> Result<Response<Body>, Refusal> {
    web::answer(status, &web::endpoint(show_as(endpoint, now), secret), Freshness::Private)
}

fn show_as(endpoint: &Endpoint, now: Timestamp) -> web::Endpoint<'_> {
    let old_secret = endpoint.secrets.previous.as_ref();
    web::Endpoint {
        id: &endpoint.id,
        url: &endpoint.url,
        events: &endpoint.events,
        created_at: endpoint.created_at,
        disabled: endpoint.disabled.map(|(at, why)| (at, why.as_str())),
        old_secret_until: old_secret.map(|(_, until)| *until).filter(|until| now < *until),
    }
}

fn refuse(error: RegisterError) -> Refusal {
    match error {
        RegisterError::TooMany => Refusal::TooManyEndpoints,
        RegisterError::Store(error) => unavailable(error),
    }
}
