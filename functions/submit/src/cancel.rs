//! Canceling: only what nobody has begun. What has begun may be paid for upstream, and ends as it ends.

use domain::{
    ids::UserId,
    job::{Ending, Job, Refund, State, Status},
    scope::Scope,
};
use lambda_http::{Body, Request, Response, http::StatusCode};
use runtime::{By, Metric, Trace};
use store::{FinishError, Finished, Guard};
use web::{Refusal, request};

use crate::{App, links, unavailable};

/// Cancels a job of the caller's. Canceled before is canceled: the answer is the same.
pub(crate) async fn cancel(
    app: &App,
    request: &Request,
    request_id: &str,
    job: &str,
) -> Result<Response<Body>, Refusal> {
    let caller = request::caller(request, Scope::JobsWrite)?;
    request::query(request, &[])?;
    request::nothing(request)?;
    let id = request::job_id(job)?;
    let now = app.clock.now();
    let look = async |user: &UserId| {
        let found = app.store.job(user, &id).await.map_err(unavailable)?;
        found.ok_or(Refusal::JobNotFound)
    };

    let mut job = look(&caller.user).await?;
    if job.state == State::Pending {
        let retention = app.config.retention;
        let ended = app.store.finish(&job, Guard::Pending, &Ending::Canceled, now, retention).await;
        job = match ended.map_err(|error| refuse(app, error))? {
            Finished::Now => {
                let by = [By::Outcome(Ending::Canceled.status().as_str())];
                app.metrics.count(Metric::JobsEnded, 1, &by);
                let (user, key_id) = (&job.user, &caller.key_id);
                tracing::info!(request_id, user_id = %user, key_id, job_id = %id, "canceled");
                let trace = request::trace(request).and_then(Trace::read);
                let name = (&job.user, &id);
                app.notices.tell(name, Status::Refunded, trace.as_ref(), &app.metrics).await;
                Job { state: State::Refunded { at: now, why: Refund::Canceled }, ..job }
            }
            // Somebody was quicker: a worker, the sweep, or the same request.
            Finished::Before | Finished::Otherwise | Finished::Superseded => {
                look(&caller.user).await?
            }
        };
    }
    if !job.state.is_canceled() {
        return Err(Refusal::JobNotCancelable);
    }
    let links = links(app, &job, now)?;
    let (body, freshness) = web::job(&job, &links);
    web::answer(StatusCode::OK, &body, freshness)
}

fn refuse(app: &App, error: FinishError) -> Refusal {
    match error {
        FinishError::Unbalanced => {
            app.metrics.count(Metric::BooksUnbalanced, 1, &[]);
            Refusal::Internal(error.into())
        }
        FinishError::Store(error) => unavailable(error),
    }
}
