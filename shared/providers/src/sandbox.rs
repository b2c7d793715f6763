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
use tokio::sync::Semaphore;

use crate::{Call, Later, Picture, PollError, Progress, Provider, Receipt, SubmitError, task};

/// The longest time until it may be asked again.
const AGAIN_MAX: Duration = Duration::from_secs(1);

/// What it needs to know again when it is asked how far it is.
#[derive(Serialize, Deserialize)]
struct Began {
    done_at_ms: Timestamp,
}

/// The sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// One picture is drawn at a time: it takes megabytes until it is encoded, and a worker that has a hundred
    /// jobs has a seventh of a core for all of them.
    easel: Semaphore,
}

impl Sandbox {
    /// One that draws nothing yet.
    pub(crate) const fn new() -> Sandbox {
        Sandbox { easel: Semaphore::const_new(1) }
    }
}

impl Provider for Sandbox {
    fn patience(&self, _job: &Job) -> Duration {
        // It answers before it is asked.
        Duration::ZERO
    }

    fn submit<'a>(&'a self, job: &'a Job, call: Call) -> Later<'a, Result<Receipt, SubmitError>> {
        Box::pin(async move { submit(job, call.now) })
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        call: Call,
    ) -> Later<'a, Result<Progress, PollError>> {
        Box::pin(poll(&self.easel, job, task, call.now))
    }

    fn cancel<'a>(&'a self, _job: &'a Job, _task: &'a Task, _call: Call) -> Later<'a, ()> {
        // Nothing is running between two polls.
        Box::pin(async {})
    }
}

fn submit(job: &Job, now: Timestamp) -> Result<Receipt, SubmitError> {
    let delay = Duration::from_millis(job.order.wish().delay_ms.into());
    let task = task::write(&Began { done_at_ms: now.plus(delay) })?;
    Ok(Receipt { task, cost: None })
}

async fn poll(
    easel: &Semaphore,
    job: &Job,
    task: &Task,
    now: Timestamp,
) -> Result<Progress, PollError> {
    let began: Began = task::parse(task)?;
    if now < began.done_at_ms {
        let again = began.done_at_ms.since(now).min(AGAIN_MAX);
        return Ok(Progress::Pending { again });
    }
    match job.order.wish().outcome {
        Outcome::Succeed => {
            draw(easel, job).await.map(|pictures| Progress::Done { pictures, withheld: 0 })
        }
        Outcome::Fail => Ok(Progress::Failed(Failure::ProviderFailed.into())),
        Outcome::Refuse => Ok(Progress::Failed(Failure::ContentModerated.into())),
        Outcome::Never => Ok(Progress::Pending { again: AGAIN_MAX }),
    }
}

/// Draws the pictures of a job, one seed after the other, beside the other work of this process.
async fn draw(easel: &Semaphore, job: &Job) -> Result<Vec<Picture>, PollError> {
    let wish = job.order.wish();
    let count = wish.deliver.unwrap_or(job.order.n.get());
    // It draws from the prompt alone, so a picture to be changed has no shape to keep to.
    let (width, height) = pixels(job.order.shape().unwrap_or(Ratio::Square));
    let (prompt, first) = (job.order.prompt.as_str().to_owned(), job.seed());
    let work = move || -> Result<Vec<Picture>, PollError> {
        (0..count)
            .map(|index| {
                let seed = first.wrapping_add(index.into()) & SEED_MAX;
                let bytes = drawing::draw(&prompt, width, height, seed.into())
                    .map_err(|error| PollError::Unanswered(error.into()))?;
                Picture::read(bytes, Some(seed))
                    .map_err(|error| PollError::Unanswered(error.into()))
            })
            .collect()
    };
    let _turn = easel.acquire().await.map_err(|error| PollError::Unanswered(error.into()))?;
    tokio::task::spawn_blocking(work).await.map_err(|error| PollError::Unanswered(error.into()))?
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
