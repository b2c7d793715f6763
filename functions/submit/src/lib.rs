//! `POST /v1/images/generations`: accept a job, hold its price, answer `202 Accepted`.
//! `POST /v1/jobs/{id}/cancel`: end a job that has not begun, and give its price back.
//!
//! The job is safe once it is stored. Ringing for it comes after and may fail without the caller
//! knowing: the sweep rings again for whatever was stored and never ran.

mod agree;
mod cancel;
mod config;
mod quote;
mod room;
mod wait;

use domain::{
    catalogue::Catalogue,
    causes,
    fingerprint::Fingerprint,
    idempotency::IdempotencyKey,
    ids::{JobId, UserId},
    job::{Job, State},
    order::Order,
    scope::Scope,
    time::Timestamp,
};
use lambda_http::{Body, Request, RequestExt, Response, http::Method};
use outbound::Guard;
use runtime::{
    By, Clock, Entropy, Environment, Host, Metric, Metrics, Trace,
    aws::Aws,
    images::Signer,
    notices::Notices,
    queue::{Bell, Queue},
    telemetry,
};
use store::{AcceptError, Acceptance, Accepted, KeyClaim, Store, StoreError};
use web::{Links, Refusal, request};

use crate::{config::Config, room::Rooms, wait::Patience};

/// What the function needs, made once and lent to every request.
#[derive(Debug)]
pub struct App {
    config: Config,
    catalogue: Catalogue,
    store: Store,
    queue: Queue,
    signer: Signer,
    notices: Notices,
    metrics: Metrics,
    clock: Clock,
    entropy: Entropy,
    guard: Guard,
    rooms: Rooms,
}

impl App {
    /// Reads the environment and builds the clients. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong, or variables contradict each other.
    pub fn new(environment: &Environment, host: Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, &host)?;
        let config = Config::new(environment)?;
        Ok(Self {
            catalogue: Catalogue::new(config.markup, config.upstreams.clone()),
            config,
            store: Store::new(
                aws.dynamodb(),
                store::Tables {
                    jobs: environment.text("JOBS_TABLE")?,
                    ledger: environment.text("LEDGER_TABLE")?,
                    webhooks: environment.text("WEBHOOKS_TABLE")?,
                    ..store::Tables::default()
                },
            ),
            queue: Queue::new(&aws, environment)?,
            signer: Signer::new(environment)?,
            notices: Notices::new(&aws, environment)?,
            metrics: Metrics::of(environment, "submit", &host),
            clock: host.clock,
            entropy: host.entropy,
            guard: Guard::public(),
            rooms: Rooms::default(),
        })
    }

    /// The same function, where other URLs may be told of jobs.
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        Self { guard, ..self }
    }

    /// Makes the first connections, so that the first request need not.
    pub async fn warm_up(&self) {
        tokio::join!(self.store.warm_up(), self.queue.warm_up());
    }
}

/// Answers a request. Every failure is an answer too: an `Err` out of a Lambda would reach the
/// caller as a bare 500 from the gateway.
pub async fn respond(app: &App, request: Request) -> Response<Body> {
    let id = request::id(&request);
    let trace = request::trace(&request).and_then(Trace::read);
    // On the heap, here as in the other functions: it is large.
    let answer = Box::pin(async { web::respond(post(app, &request, &id).await, &id) });
    telemetry::invocation("submit", &id, trace.as_ref(), answer).await
}

/// The routes.
async fn post(app: &App, request: &Request, id: &str) -> Result<Response<Body>, Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::RouteNotFound);
    }
    let path = request.raw_http_path();
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    match segments.as_slice() {
        ["v1", "images", "generations"] => submit(app, request, id).await,
        ["v1", "jobs", job, "cancel"] => cancel::cancel(app, request, id, job).await,
        _ => Err(Refusal::RouteNotFound),
    }
}

async fn submit(app: &App, request: &Request, id: &str) -> Result<Response<Body>, Refusal> {
    if request::is_dry_run(request).is_ok_and(|is_dry_run| is_dry_run) {
        return quote::quote(app, request).await;
    }
    let wait = request::wait(request).map(Patience::begin);
    let now = app.clock.now();
    let taken = take(app, request, now).await;
    app.metrics.count(Metric::Orders, 1, &[By::Outcome(outcome(&taken))]);
    let (job, key_id, accepted) = taken?;
    match accepted {
        Accepted::Now => {
            let (user, job_id) = (&job.user, job.id);
            tracing::info!(request_id = id, user_id = %user, key_id, %job_id, "accepted");
            let trace = request::trace(request).and_then(Trace::read);
            let user = job.user.clone();
            let known = app.rooms.take(&user, now);
            // How much room is left is told if that is known; nobody has to wait for it.
            let (job, room) = if let Some(patience) = wait {
                ring(app, &job, trace).await;
                let job = wait::for_end(app, job, patience).await;
                (job, patience.last_look(room(app, &user)).await.flatten())
            } else if known.is_some() {
                ring(app, &job, trace).await;
                (job, known)
            } else {
                let (room, ()) = tokio::join!(room(app, &user), ring(app, &job, trace));
                (job, room)
            };
            let links = links(app, &job, app.clock.now())?;
            let (body, freshness) = web::job(&job, &links);
            let response = web::created(&body, &location(&job.id), freshness)?;
            Ok(with_headers(response, room, wait))
        }
        Accepted::Before(first) => {
            tracing::info!(request_id = id, user_id = %job.user, job_id = %first, "replayed");
            replay(app, &job.user, &first, wait).await
        }
    }
}

/// The job that a request asks for, the key that it came with, and whether it is accepted now or was before.
async fn take(
    app: &App,
    request: &Request,
    now: Timestamp,
) -> Result<(Job, String, Accepted), Refusal> {
    let caller = request::caller(request, Scope::JobsWrite)?;
    let (draft, key) = request::order(request)?;
    let order = agree::agree(app, &caller.user, draft).await?;
    let job = pend(app, caller.user, order, now)?;
    let acceptance = Acceptance { job: &job, key: claim_key(app, key, &job)? };
    let accepted = accept(app, &acceptance).await?;
    Ok((job, caller.key_id, accepted))
}

/// What an order is counted as: each under one name.
fn outcome(taken: &Result<(Job, String, Accepted), Refusal>) -> &'static str {
    match taken {
        Ok((_, _, Accepted::Now)) => "accepted",
        Ok((_, _, Accepted::Before(_))) => "replayed",
        Err(refusal) => refusal.code(),
    }
}

/// What is told beside the job: the room in its user's queue, and whether the answer was held back.
fn with_headers(
    mut response: Response<Body>,
    room: Option<web::Queue>,
    patience: Option<Patience>,
) -> Response<Body> {
    if let Some(queue) = room {
        web::tell_queue(&mut response, queue);
    }
    if let Some(patience) = patience {
        web::tell_applied(&mut response, patience.wait());
    }
    response
}

/// Accepts a job, unless its upstream does not take all that the order asks for. Which upstream that is
/// may have changed since the key was first used; a replay is a replay all the same.
async fn accept(app: &App, acceptance: &Acceptance<'_>) -> Result<Accepted, Refusal> {
    let Acceptance { job, key } = acceptance;
    let Err(lacking) = job.order.check_offer(app.catalogue.offer(job.order.model)) else {
        return app.store.accept(acceptance).await.map_err(|error| refuse(error, job));
    };
    let Some(key) = key else { return Err(lacking.into()) };
    let first = app.store.replayed(&job.user, key, job.created_at).await;
    first.map_err(|error| refuse(error, job))?.map(Accepted::Before).ok_or(lacking.into())
}

/// The job that an order becomes: priced, with its deadlines, not begun.
fn pend(app: &App, user: UserId, order: Order, now: Timestamp) -> Result<Job, Refusal> {
    let entropy = app.entropy.bytes().map_err(|error| Refusal::Unavailable(error.into()))?;
    let hold = quote::price(app, &order)?;
    let upstream = app.catalogue.offer(order.model).upstream;
    Ok(Job {
        id: JobId::new(now, &entropy),
        user,
        hold,
        order,
        upstream,
        turn: None,
        created_at: now,
        deadline: now.plus(app.config.deadline),
        expires_at: now.plus(app.config.hard_expiry),
        state: State::Pending,
    })
}

fn claim_key(
    app: &App,
    key: Option<IdempotencyKey>,
    job: &Job,
) -> Result<Option<KeyClaim>, Refusal> {
    let Some(key) = key else { return Ok(None) };
    let fingerprint = Fingerprint::of(&job.order);
    Ok(Some(KeyClaim {
        digest: key.digest(),
        fingerprint: fingerprint.map_err(|error| Refusal::Internal(error.into()))?,
        expires_at: job.created_at.plus(app.config.idempotency),
    }))
}

/// Rings for a job that is stored. If nobody hears it, the sweep rings again.
async fn ring(app: &App, job: &Job, trace: Option<Trace>) {
    let bell = Bell::new(job.user.clone(), job.id).in_trace(trace);
    if let Err(error) = app.queue.ring(&bell, std::time::Duration::ZERO).await {
        app.metrics.count(Metric::RingsFailed, 1, &[]);
        let cause = causes::chain(&error);
        tracing::warn!(job_id = %job.id, cause, "the job is stored, but nobody was rung");
    }
}

/// The job that the same request made before, as it is now. A suspended account is not served, whatever it asked
/// for before.
async fn replay(
    app: &App,
    user: &UserId,
    first: &JobId,
    wait: Option<Patience>,
) -> Result<Response<Body>, Refusal> {
    let (balance, found) = tokio::join!(app.store.balance(user), app.store.job(user, first));
    let balance = balance.map_err(unavailable)?.ok_or(Refusal::NoAccount)?;
    if balance.suspended_at.is_some() {
        return Err(Refusal::AccountSuspended);
    }
    let job = found.map_err(unavailable)?;
    let job = job.ok_or_else(|| Refusal::Internal("a key names a job that is gone".into()))?;
    let (job, room) = if let Some(patience) = wait {
        let job = wait::for_end(app, job, patience).await;
        (job, patience.last_look(room(app, user)).await.flatten())
    } else {
        (job, Some((&balance).into()))
    };
    let links = links(app, &job, app.clock.now())?;
    let (body, freshness) = web::job(&job, &links);
    let response = web::replayed(&body, &location(first), freshness)?;
    Ok(with_headers(response, room, wait))
}

/// The room in a user's queue, if it can be read now.
async fn room(app: &App, user: &UserId) -> Option<web::Queue> {
    let balance = app.store.balance(user).await.ok()??;
    let queue = web::Queue::from(&balance);
    app.rooms.learn(user, queue, app.clock.now());
    Some(queue)
}

fn links(app: &App, job: &Job, now: Timestamp) -> Result<Links, Refusal> {
    let lifetime = app.config.url_lifetime;
    let signed = app.signer.sign_all(job.state.images(), now, lifetime);
    let urls = signed.map_err(|error| Refusal::Unavailable(error.into()))?;
    Ok(Links { urls, expires_at: now.plus(lifetime) })
}

fn location(job: &JobId) -> String {
    format!("/v1/jobs/{job}")
}

/// What a failure to accept means to the caller.
fn refuse(error: AcceptError, job: &Job) -> Refusal {
    match error {
        AcceptError::KeyReused => Refusal::KeyReused,
        AcceptError::InsufficientBalance { available } => {
            Refusal::InsufficientBalance { required: job.hold.amount(), available }
        }
        AcceptError::QueueFull { cap } => Refusal::QueueFull { cap },
        AcceptError::Suspended => Refusal::AccountSuspended,
        AcceptError::NoAccount => Refusal::NoAccount,
        AcceptError::Store(error) => unavailable(error),
    }
}

fn unavailable(error: StoreError) -> Refusal {
    match error {
        StoreError::Busy => Refusal::AccountBusy,
        StoreError::Unknown(_) => Refusal::Unavailable(error.into()),
        StoreError::Malformed(_) | StoreError::Unreadable(_) => Refusal::Internal(error.into()),
    }
}

#[cfg(test)]
mod tests;
