//! The sandbox: an upstream that costs nothing and needs no key. It draws a real picture from the
//! prompt, the size and the seed, here, and on request ends in any way that a real one can.
//!
//! It keeps no state: its task says from when on it is done, and the rest is in the order.

mod drawing;

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Job, Task},
    order::SEED_MAX,
    sandbox::Outcome,
    size::Ratio,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Later, Picture, PollError, Progress, Provider, SubmitError, Submitted};

/// The longest time until it may be asked again.
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// What it needs to know again when it is asked how far it is.
#[derive(Serialize, Deserialize)]
struct Began {
    done_at_ms: Timestamp,
}

/// The sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sandbox;

impl Provider for Sandbox {
    fn submit<'a>(
        &'a self,
        job: &'a Job,
        now: Timestamp,
    ) -> Later<'a, Result<Submitted, SubmitError>> {
        Box::pin(async move { submit(job, now) })
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        now: Timestamp,
    ) -> Later<'a, Result<Progress, PollError>> {
        Box::pin(poll(job, task, now))
    }

    fn cancel<'a>(&'a self, _job: &'a Job, _task: &'a Task) -> Later<'a, ()> {
        // Nothing is running between two polls.
        Box::pin(async {})
    }
}

fn submit(job: &Job, now: Timestamp) -> Result<Submitted, SubmitError> {
    let delay = Duration::from_millis(job.order.wish().delay_ms.into());
    let began = Began { done_at_ms: now.plus(delay) };
    let task = serde_json::to_string(&began).map_err(|e| SubmitError::Unknown(e.into()))?;
    Ok(Submitted::Accepted(Task(task)))
}

async fn poll(job: &Job, Task(task): &Task, now: Timestamp) -> Result<Progress, PollError> {
    let began: Began = serde_json::from_str(task).map_err(|error| PollError(error.into()))?;
    if now < began.done_at_ms {
        let again = began.done_at_ms.since(now).min(AGAIN_MAX);
        return Ok(Progress::Pending { again });
    }
    match job.order.wish().outcome {
        Outcome::Succeed => draw(job).await.map(Progress::Done),
        Outcome::Fail => Ok(Progress::Failed(Failure::ProviderFailed)),
        Outcome::Refuse => Ok(Progress::Failed(Failure::ContentModerated)),
        Outcome::Never => Ok(Progress::Pending { again: AGAIN_MAX }),
    }
}

/// Draws the pictures of a job, one seed after the other, beside the other work of this process.
async fn draw(job: &Job) -> Result<Vec<Picture>, PollError> {
    let wish = job.order.wish();
    let count = wish.deliver.unwrap_or(job.order.n.get());
    let (width, height) = pixels(job.order.shape());
    let (prompt, first) = (job.order.prompt.as_str().to_owned(), job.seed());
    let work = move || -> Result<Vec<Picture>, PollError> {
        (0..count)
            .map(|index| {
                let seed = first.wrapping_add(index.into()) & SEED_MAX;
                let bytes = drawing::draw(&prompt, width, height, seed.into())
                    .map_err(|error| PollError(error.into()))?;
                Picture::read(bytes, Some(seed)).map_err(|error| PollError(error.into()))
            })
            .collect()
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| PollError(error.into()))?
}

/// About a megapixel in each shape, exactly in its ratio.
const fn pixels(ratio: Ratio) -> (u32, u32) {
    match ratio {
        Ratio::Tall => (756, 1_344),
        Ratio::Portrait => (864, 1_152),
        Ratio::Square => (1_024, 1_024),
        Ratio::Landscape => (1_152, 864),
        Ratio::Wide => (1_344, 756),
        Ratio::Cinema => (1_512, 648),
    }
}

#[cfg(test)]
mod tests;
