//! Waiting for a job to end, where its caller prefers to be answered then.

use std::time::Duration;

use domain::job::Job;
use tokio::time::{Instant, sleep_until, timeout_at};
use web::request::Wait;

use crate::App;

/// The pause before the first look. Each is half as long again as the one before.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How long the last looks may take, at the job and at the queue, after the time is up.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// A caller who prefers to wait, and until when that lasts: counted from when the request came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    wait: Wait,
    until: Instant,
}

impl Patience {
    /// Begins to wait.
    pub(crate) fn begin(wait: Wait) -> Self {
        let now = Instant::now();
        Self { wait, until: now.checked_add(wait.duration()).unwrap_or(now) }
    }

    /// What was asked for.
    pub(crate) const fn wait(self) -> Wait {
        self.wait
    }

    /// Until when everything must be read that the answer tells.
    fn last(self) -> Instant {
        self.until.checked_add(LAST_LOOK).unwrap_or(self.until)
    }

    /// What can be had before the answer must be given.
    pub(crate) async fn last_look<T>(self, look: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.last(), look).await.ok()
    }
}

/// The job as it is when it has ended, or when its caller does not wait any longer.
pub(crate) async fn for_end(app: &App, job: Job, patience: Patience) -> Job {
    let (user, id) = (&job.user.clone(), job.id);
    let look = move || async move { app.store.job(user, &id).await.ok().flatten() };
    until_ended(job, patience, look).await
}

/// The job as it was when it had ended, or as it was last seen when the time was up. What `look` cannot tell now it
/// is asked again.
async fn until_ended<F>(mut job: Job, patience: Patience, look: impl Fn() -> F) -> Job
where
    F: Future<Output = Option<Job>>,
{
    let until = patience.until;
    let mut pause = PAUSE;
    while !job.state.status().is_terminal() && Instant::now() < until {
        let next = Instant::now().checked_add(pause).unwrap_or(until);
        sleep_until(next.min(until)).await;
        if let Some(Some(seen)) = patience.last_look(look()).await {
            job = seen;
        }
        pause = pause.saturating_add(pause.checked_div(2).unwrap_or_default()).min(PAUSE_MAX);
    }
    job
}

#[cfg(test)]
mod tests;
