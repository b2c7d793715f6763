//! The upstreams that make pictures. One file each; this one says what all of them can do.
//!
//! An answer of an upstream is sorted by what it means for the money: a *verdict* ends the job,
//! *busy* means that it has nothing of ours, and *unknown* is neither: it never ends a job, charges
//! nothing and refunds nothing.

mod picture;
mod sandbox;

use std::time::Duration;

use domain::{
    failure::Failure,
    job::{Job, Task, Upstream},
    time::Timestamp,
};

pub use picture::{BYTES_MAX, NotAPicture, Picture};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// What an upstream made of an order.
#[derive(Debug)]
pub enum Submitted {
    /// It will work on it, under this name.
    Accepted(Task),
    /// It is done already.
    Done(Vec<Picture>),
}

/// Why an upstream did not say that it took an order.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It never will.
    #[error("the upstream refused the order")]
    Verdict(Failure),
    /// It did not take it now, for want of room.
    #[error("the upstream is busy")]
    Busy {
        /// When it may be asked again.
        again: Duration,
    },
    /// It may have taken it.
    #[error("the upstream did not answer")]
    Unknown(#[source] Source),
}

/// How far a task is.
#[derive(Debug)]
pub enum Progress {
    /// Not done.
    Pending {
        /// When to ask again.
        again: Duration,
    },
    /// Done. There may be fewer pictures than ordered, for instance because one was withheld.
    Done(Vec<Picture>),
    /// It ended without pictures.
    Failed(Failure),
}

/// The upstream did not tell how far the task is, which says nothing about the task.
#[derive(Debug, thiserror::Error)]
#[error("the upstream did not answer")]
pub struct PollError(#[source] Source);

/// All upstreams. A job says which of them is its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Providers;

impl Providers {
    /// Sends the order of a job to its upstream.
    ///
    /// # Errors
    /// [`SubmitError`]
    #[expect(clippy::unused_async, reason = "every upstream but the sandbox is far away")]
    pub async fn submit(&self, job: &Job, now: Timestamp) -> Result<Submitted, SubmitError> {
        match job.upstream {
            Upstream::Sandbox => sandbox::submit(job, now),
        }
    }

    /// Asks the upstream of a job how far it is.
    ///
    /// # Errors
    /// [`PollError`]
    pub async fn poll(
        &self,
        job: &Job,
        task: &Task,
        now: Timestamp,
    ) -> Result<Progress, PollError> {
        match job.upstream {
            Upstream::Sandbox => sandbox::poll(job, task, now).await,
        }
    }

    /// Tells the upstream of a job that nobody waits for the task any more. It may or may not
    /// listen.
    #[expect(clippy::unused_async, reason = "every upstream but the sandbox is far away")]
    pub async fn cancel(&self, job: &Job, _task: &Task) {
        match job.upstream {
            // Nothing is running there between two polls.
            Upstream::Sandbox => {}
        }
    }
}
