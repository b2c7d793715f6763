//! The upstreams that make pictures. One file each; this one says what all of them can do.
//!
//! An answer of an upstream is sorted by what it means for the money: a *verdict* ends the job,
//! *busy* means that it has nothing of ours, and *unknown* is neither: it never ends a job, charges
//! nothing and refunds nothing.

mod picture;
mod sandbox;

use std::{fmt::Debug, pin::Pin, sync::Arc, time::Duration};

use domain::{
    failure::Failure,
    job::{Job, Task, Upstream},
    time::Timestamp,
};

pub use picture::{BYTES_MAX, NotAPicture, Picture};

/// What lies behind a failure.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

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
pub struct PollError(#[source] pub Source);

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every upstream can do.
pub trait Provider: Debug + Send + Sync {
    /// Sends the order of a job.
    fn submit<'a>(
        &'a self,
        job: &'a Job,
        now: Timestamp,
    ) -> Later<'a, Result<Submitted, SubmitError>>;

    /// Asks how far a task is.
    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        now: Timestamp,
    ) -> Later<'a, Result<Progress, PollError>>;

    /// Tells that nobody waits for a task any more. The upstream may or may not listen.
    fn cancel<'a>(&'a self, job: &'a Job, task: &'a Task) -> Later<'a, ()>;
}

/// All upstreams. A job says which of them is its own.
#[derive(Clone, Debug)]
pub struct Providers {
    sandbox: Arc<dyn Provider>,
}

impl Default for Providers {
    fn default() -> Self {
        Self { sandbox: Arc::new(sandbox::Sandbox) }
    }
}

impl Providers {
    /// The upstreams, with another in the sandbox's place: for tests that play one which fails in
    /// ways that the sandbox does not.
    #[must_use]
    pub fn with_sandbox(sandbox: Arc<dyn Provider>) -> Self {
        Self { sandbox }
    }

    /// The upstream of a job.
    #[must_use]
    pub fn of(&self, job: &Job) -> &dyn Provider {
        match job.upstream {
            Upstream::Sandbox => self.sandbox.as_ref(),
        }
    }
}
