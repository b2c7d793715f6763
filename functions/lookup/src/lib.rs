//! Every `GET`: what became of a job, what a user has, what is sold. It reads and nothing else.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    catalogue::Catalogue,
    ids::UserId,
    job::{Job, Status},
    ledger::Balance,
    scope::Scope,
    time::Timestamp,
};
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, StatusCode},
};
use runtime::{Clock, Environment, Host, Trace, aws::Aws, images::Signer, telemetry};
use store::{Cursor, List, Store, StoreError};
use web::{Freshness, Links, Refusal, request};

/// What the function needs, made once and lent to every request.
///
/// Reads `JOBS_TABLE`, `LEDGER_TABLE`, `IMAGES_BUCKET`, `MARKUP`, `UPSTREAMS` and
/// `OUTPUT_URL_SECONDS`.
#[derive(Debug)]
pub struct App {
    catalogue: Catalogue,
    store: Store,
    signer: Signer,
    url_lifetime: Duration,
    clock: Clock,
}

impl App {
    /// Reads the environment and builds the clients. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(environment: &Environment, host: Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, &host)?;
        Ok(Self {
            catalogue: Catalogue::new(
                environment.parse("MARKUP")?,
                environment.parse_or_default("UPSTREAMS")?,
            ),
            store: Store::new(
                aws.dynamodb(),
                store::Tables {
                    jobs: environment.text("JOBS_TABLE")?,
                    ledger: environment.text("LEDGER_TABLE")?,
                    keys: String::new(),
                    webhooks: String::new(),
                },
            ),
            signer: Signer::new(environment)?,
            url_lifetime: environment.seconds("OUTPUT_URL_SECONDS")?,
            clock: host.clock,
        })
    }

    /// Makes the first connection, so that the first request need not.
    pub async fn warm_up(&self) {
        self.store.warm_up().await;
    }
}

/// Answers a request. Every failure is an answer too.
pub async fn respond(app: &App, request: Request) -> Response<Body> {
    let id = request::id(&request);
    let trace = request::trace(&request).and_then(Trace::read);
    let answer = Box::pin(async { web::respond(look_up(app, &request).await, &id) });
    telemetry::invocation("lookup", &id, trace.as_ref(), answer).await
}

/// All routes. The gateway sends here what no other route takes, so the last row is everything
/// else.
async fn look_up(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    // As the gateway read it. The request's URL has been tidied up since: it has no `..` any more, and
    // no blanks at its end.
    let path = request.raw_http_path();
    if request.method() != Method::GET {
        return Err(no_such(path));
    }
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    match segments.as_slice() {
        [""] => public(request, &web::index()),
        ["v1", "models"] => public(request, &web::models(&app.catalogue)),
        ["v1", "pricing"] => public(request, &web::pricing(&app.catalogue)),
        ["v1", "openapi.json"] => {
            request::query(request, &[])?;
            Ok(web::written(web::OPENAPI))
        }
        ["v1", "limits", "tiers"] => public(request, &web::tiers()),
        ["v1", "jobs"] => jobs(app, request).await,
        ["v1", "jobs", id] if !id.is_empty() => job(app, request, id).await,
        ["v1", "credits", "balance"] => balance(app, request).await,
        ["v1", "credits", "transactions"] => transactions(app, request).await,
        ["v1", "auth", "limits"] => limits(app, request).await,
        _ => Err(no_such(path)),
    }
}

/// A path that is no route, or one that takes other methods.
fn no_such(path: &str) -> Refusal {
    web::allowed(path).map_or(Refusal::RouteNotFound, |allow| Refusal::MethodNotAllowed { allow })
}

fn public(request: &Request, body: &impl serde::Serialize) -> Result<Response<Body>, Refusal> {
    request::query(request, &[])?;
    web::answer(StatusCode::OK, body, Freshness::Public)
}

/// One job. An id that is unknown, malformed or somebody else's is the same answer.
async fn job(app: &App, request: &Request, id: &str) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::JobsRead)?.user;
    request::query(request, &[])?;
    let id = request::job_id(id)?;
    let found = app.store.job(&user, &id).await.map_err(unavailable)?;
    let job = found.ok_or(Refusal::JobNotFound)?;
    let links = links(app, &job, app.clock.now())?;
    let (body, freshness) = web::job(&job, &links);
    web::answer(StatusCode::OK, &body, freshness)
}

/// The caller's jobs, page by page.
async fn jobs(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::JobsRead)?.user;
    let parameters = request::query(request, &["limit", "cursor", "status"])?;
    let (limit, cursor) = place(&parameters, &user, List::Jobs)?;
    let status = parameters.get("status").map(|text| status(text)).transpose()?;
    let page = app.store.jobs(&user, status, limit, cursor.as_ref()).await.map_err(unavailable)?;
    let now = app.clock.now();
    let mut jobs = Vec::with_capacity(page.rows.len());
    for job in page.rows {
        let links = links(app, &job, now)?;
        jobs.push((job, links));
    }
    let next = page.next.map(|next| next.write(&user));
    web::answer(StatusCode::OK, &web::jobs(&jobs, next), Freshness::Private)
}

fn links(app: &App, job: &Job, now: Timestamp) -> Result<Links, Refusal> {
    let signed = app.signer.sign_all(job.state.images(), now, app.url_lifetime);
    let urls = signed.map_err(|error| Refusal::Unavailable(error.into()))?;
    Ok(Links { urls, expires_at: now.plus(app.url_lifetime) })
}

async fn limits(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let balance = account(app, request).await?;
    web::answer(StatusCode::OK, &web::limits(&balance), Freshness::Private)
}

async fn balance(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let balance = account(app, request).await?;
    web::answer(StatusCode::OK, &web::balance(&balance), Freshness::Private)
}

/// The caller's balance, for a request that says nothing more.
async fn account(app: &App, request: &Request) -> Result<Balance, Refusal> {
    let user = request::caller(request, Scope::AccountRead)?.user;
    request::query(request, &[])?;
    let found = app.store.balance(&user).await.map_err(unavailable)?;
    found.ok_or(Refusal::NoAccount)
}

async fn transactions(app: &App, request: &Request) -> Result<Response<Body>, Refusal> {
    let user = request::caller(request, Scope::AccountRead)?.user;
    let parameters = request::query(request, &["limit", "cursor"])?;
    let (limit, cursor) = place(&parameters, &user, List::Entries)?;
    let page = app.store.entries(&user, limit, cursor.as_ref()).await.map_err(unavailable)?;
    let next = page.next.map(|next| next.write(&user));
    web::answer(StatusCode::OK, &web::transactions(&page.rows, next), Freshness::Private)
}

/// How much of a list is wanted, and from where on.
fn place(
    parameters: &BTreeMap<String, String>,
    user: &UserId,
    list: List,
) -> Result<(u8, Option<Cursor>), Refusal> {
    let limit = request::limit(parameters)?;
    Ok((limit, request::cursor(parameters, |text| Cursor::read(text, user, list))?))
}

fn status(text: &str) -> Result<Status, Refusal> {
    let expected = "one of pending, processing, succeeded, failed, expired and refunded";
    let status = Status::ALL.into_iter().find(|status| status.as_str() == text);
    status.ok_or(Refusal::InvalidParameter { param: "status", expected })
}

fn unavailable(error: StoreError) -> Refusal {
    match error {
        StoreError::Busy | StoreError::Unknown(_) => Refusal::Unavailable(error.into()),
        StoreError::Malformed(_) | StoreError::Unreadable(_) => Refusal::Internal(error.into()),
    }
}

#[cfg(test)]
mod tests;
