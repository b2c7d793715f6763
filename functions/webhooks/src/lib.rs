//! `/v1/webhooks`: who is told what becomes of a user's jobs, what that is signed with, and how it went.
//!
//! Nothing is delivered from here: a receiver's URL is judged by what it says, and followed by whoever delivers.

mod deliveries;
mod endpoints;

use domain::webhook::Secret;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, StatusCode},
};
use outbound::Guard;
use runtime::{Clock, Entropy, Environment, Host, Trace, aws::Aws, notices::Notices, telemetry};
use store::{Store, StoreError};
use web::{Freshness, Refusal, request};

/// What the function needs, made once and lent to every request.
///
/// Reads `WEBHOOKS_TABLE`, `EVENTS_QUEUE_URL` and `FAIR_QUEUE`.
#[derive(Debug)]
pub struct App {
    store: Store,
    notices: Notices,
    guard: Guard,
    clock: Clock,
    entropy: Entropy,
}

impl App {
    /// Reads the environment and builds the clients. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(environment: &Environment, host: Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, &host)?;
        let webhooks = environment.text("WEBHOOKS_TABLE")?;
        let tables = store::Tables { webhooks, ..store::Tables::default() };
        Ok(Self {
            store: Store::new(aws.dynamodb(), tables),
            notices: Notices::new(&aws, environment)?,
            guard: Guard::public(),
            clock: host.clock,
            entropy: host.entropy,
        })
    }

    /// The same function, where other URLs may be told of jobs.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Makes the first connection, so that the first request need not.
    pub async fn warm_up(&self) {
        self.store.warm_up_webhooks().await;
    }

    /// A secret that nobody has yet.
    fn fresh_secret(&self) -> Result<Secret, Refusal> {
        let random = self.entropy.bytes().map_err(|error| Refusal::Unavailable(error.into()))?;
        Ok(Secret::new(random))
    }
}

/// Answers a request. Every failure is an answer too.
pub async fn respond(app: &App, request: Request) -> Response<Body> {
    let id = request::id(&request);
    let trace = request::trace(&request).and_then(Trace::read);
    let answer = Box::pin(async { web::respond(route(app, &request, &id).await, &id) });
    telemetry::invocation("webhooks", &id, trace.as_ref(), answer).await
}

/// The routes.
async fn route(app: &App, request: &Request, id: &str) -> Result<Response<Body>, Refusal> {
    let path = request.raw_http_path();
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let ["v1", "webhooks", rest @ ..] = segments.as_slice() else {
        return Err(Refusal::RouteNotFound);
    };
    let method = request.method();
    let (get, post) = (method == Method::GET, method == Method::POST);
    match rest {
        ["secret"] if post => secret(app, request, id).await,
        ["endpoints"] if get => endpoints::list(app, request).await,
        ["endpoints"] if post => endpoints::register(app, request, id).await,
        ["endpoints", endpoint] if get => endpoints::show(app, request, endpoint).await,
        ["endpoints", endpoint] if method == Method::DELETE => {
            endpoints::remove(app, request, id, endpoint).await
        }
        ["endpoints", endpoint, "rotate"] if post => {
            endpoints::rotate(app, request, id, endpoint).await
        }
        ["endpoints", endpoint, "enable"] if post => {
            endpoints::enable(app, request, id, endpoint).await
        }
        ["deliveries"] if get => deliveries::list(app, request).await,
        ["deliveries", delivery] if get => deliveries::show(app, request, delivery).await,
        ["deliveries", delivery, "redeliver"] if post => {
            deliveries::redeliver(app, request, id, delivery).await
        }
        _ => Err(Refusal::RouteNotFound),
    }
}

/// Makes what the webhooks of the caller's orders are signed with, in the place of what they were signed with before.
async fn secret(app: &App, request: &Request, id: &str) -> Result<Response<Body>, Refusal> {
    let user = asks_nothing_more(request)?;
    let secret = app.fresh_secret()?;
    let rotated = app.store.rotate_order_secret(&user, &secret, app.clock.now()).await;
    let old_until = rotated.map_err(unavailable)?.previous.map(|(_, until)| until);
    tracing::info!(request_id = id, user_id = %user, "the secret of orders is new");
    let status = if old_until.is_none() { StatusCode::CREATED } else { StatusCode::OK };
    web::answer(status, &web::webhook_secret(&secret, old_until), Freshness::Private)
}

/// Who asks, if that is all there is to be said: no query, and no body.
fn asks_nothing_more(request: &Request) -> Result<domain::ids::UserId, Refusal> {
    let user = request::caller(request, domain::scope::Scope::WebhooksWrite)?.user;
    request::query(request, &[])?;
    request::nothing(request)?;
    Ok(user)
}

fn unavailable(error: StoreError) -> Refusal {
    match error {
        StoreError::Busy | StoreError::Unknown(_) => Refusal::Unavailable(error.into()),
        StoreError::Malformed(_) | StoreError::Unreadable(_) => Refusal::Internal(error.into()),
    }
}

#[cfg(test)]
mod tests;
