//! Waiting for a job. Whoever stops waiting cancels nothing: the job goes on, and may be charged.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Client, Error, Job, attempts::jitter};

/// The first pause between two questions.
const FIRST: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// What a wait ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The job has ended.
    Ended(Job),
    /// It has not, as far as we know. It goes on without us.
    Unfinished(Job),
}

/// What became of an attempt to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// The job is canceled and its price given back.
    Canceled(Box<Job>),
    /// It has begun, or ended otherwise; it may be charged.
    TooLate,
}

impl Client {
    /// Waits until a job has ended, for so long at the most.
    ///
    /// # Errors
    /// [`Error::Refused`] if the job may not be asked for. An API that is out of reach is asked again.
    pub async fn wait(&self, job: Job, patience: Duration) -> Result<Waited, Error> {
        self.wait_and_tell(job, patience, |_| {}).await
    }

    /// Waits, and tells after each answer what is known of the job.
    ///
    /// # Errors
    /// As [`Client::wait`].
    pub async fn wait_and_tell(
        &self,
        mut job: Job,
        patience: Duration,
        mut tell: impl FnMut(&Job),
    ) -> Result<Waited, Error> {
        let begun = Instant::now();
        let mut pause = FIRST;
        loop {
            tell(&job);
            if job.status.is_final() {
                return Ok(Waited::Ended(job));
            }
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(Waited::Unfinished(job));
            }
            // Half of it is sure, so that nobody asks without pause.
            let half = pause.checked_div(2).unwrap_or(pause);
            sleep(half.saturating_add(jitter(half)).min(left)).await;
            pause = pause.saturating_mul(3).checked_div(2).unwrap_or(LONGEST).min(LONGEST);
            let left = patience.saturating_sub(begun.elapsed());
            match tokio::time::timeout(left.max(FIRST), self.job(&job.id)).await {
                Ok(Ok(now)) => job = now,
                Ok(Err(error)) if !error.passes() => return Err(error),
                // Out of reach, or slower than we are patient.
                Ok(Err(_)) | Err(_) => {}
            }
        }
    }
}
