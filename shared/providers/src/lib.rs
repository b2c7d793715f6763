//! The upstreams that make pictures. One file each; this one says what all of them can do.
//!
//! An answer of an upstream is sorted by what it means for the money: a *verdict* ends the job; *not
//! taken* means that it has nothing of ours; *unknown* is neither: it never ends a job, charges
//! nothing and refunds nothing.
//!
//! What an upstream says to an order is always a [`Task`], also where it answers with the pictures'
//! addresses at once: it is noted with the job before anything is fetched, so that a process that
//! dies in between has lost nothing that was paid for.

mod bfl;
mod config;
mod fal;
mod gate;
mod http;
mod ideogram;
mod meaning;
mod parts;
mod picture;
#[cfg(test)]
mod prices;
mod recraft;
mod sandbox;
pub mod source;
mod task;
#[cfg(test)]
mod testing;

use std::{collections::BTreeMap, fmt::Debug, pin::Pin, sync::Arc, time::Duration};

use domain::{
    failure::{Failure, Verdict},
    job::{Job, Task},
    money::MicroUsd,
    time::Timestamp,
    upstream::Upstream,
};
use tokio::time::Instant;

pub use config::{BadConfig, Config, KEY_VARIABLES, Limits, base_variable, key_variable};
pub use gate::{Admission, Place};
pub use picture::{BYTES_MAX, NotAPicture, Picture};

use crate::gate::Gate;

/// What lies behind a failure.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// An order that an upstream has taken.
#[derive(Debug)]
pub struct Receipt {
    /// Its name for it, or where the pictures are.
    pub task: Task,
    /// What it says that it costs, where it does.
    pub cost: Option<MicroUsd>,
}

/// Why an upstream did not say that it took an order.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It never will.
    #[error("the upstream refused the order")]
    Verdict(Verdict),
    /// It did not take it now, and has nothing of ours.
    #[error("the upstream did not take the order: {why}")]
    NotTaken {
        /// Why.
        why: Obstacle,
        /// When it may be asked again.
        again: Duration,
    },
    /// It may have taken it.
    #[error("the upstream did not answer")]
    Unknown(#[source] Source),
}

/// Why an upstream did not take an order that it may take later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// It has no room.
    #[error("it is busy")]
    Busy,
    /// There was no connection, so nothing was sent.
    #[error("it cannot be reached")]
    Unreachable,
    /// It does not take our key, or our credit there is used up. The operator must look.
    #[error("it refuses our key or our credit")]
    Trouble,
}

/// How far a task is.
#[derive(Debug)]
pub enum Progress {
    /// Not done.
    Pending {
        /// When to ask again.
        again: Duration,
    },
    /// Done. There may be fewer pictures than ordered, and none at all if all are withheld.
    Done {
        /// The pictures.
        pictures: Vec<Picture>,
        /// How many more were made, and billed to us, but withheld by moderation.
        withheld: usize,
    },
    /// Not all of it can be had just now; asked again, it may. When there is no time left to ask, these
    /// pictures are what there is.
    Incomplete {
        /// The pictures that can be had.
        pictures: Vec<Picture>,
        /// Why the job fails if there are none.
        failure: Failure,
        /// What is in the way.
        why: Source,
    },
    /// It ended without pictures.
    Failed(Verdict),
}

/// The upstream did not tell how far the task is, which says nothing about the task.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// No answer, or none that can be understood.
    #[error("the upstream did not answer")]
    Unanswered(#[source] Source),
    /// It wants to be asked later. That says nothing about the task, and less than that it is not done.
    #[error("the upstream is busy")]
    Busy {
        /// When.
        again: Duration,
    },
    /// It does not take our key. The operator must look.
    #[error("the upstream refuses our key")]
    Trouble,
}

/// The circumstances of a call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The time.
    pub now: Timestamp,
    /// How long the caller waits. Whoever answers later is not heard.
    pub within: Duration,
    /// Whether the task is asked for the last time, so that what there is of it is better than
    /// waiting for the rest.
    pub is_last: bool,
}

impl Call {
    /// The rest of the call, when some of it has passed: whoever promises to answer in time must not
    /// count what came before twice.
    pub(crate) fn since(self, begun: Instant) -> Self {
        Self { within: self.within.saturating_sub(begun.elapsed()), ..self }
    }
}

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What every upstream can do.
pub trait Provider: Debug + Send + Sync {
    /// The longest that it may take to answer the order of a job. Whoever has less time sends it later: an
    /// answer that nobody waits for is an order that must be sent again.
    fn patience(&self, job: &Job) -> Duration;

    /// Sends the order of a job.
    fn submit<'a>(&'a self, job: &'a Job, call: Call) -> Later<'a, Result<Receipt, SubmitError>>;

    /// Asks how far a task is, and fetches the pictures of one that is done.
    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        call: Call,
    ) -> Later<'a, Result<Progress, PollError>>;

    /// Tells that nobody waits for a task any more. The upstream may or may not listen.
    fn cancel<'a>(&'a self, job: &'a Job, task: &'a Task, call: Call) -> Later<'a, ()>;
}

/// All upstreams that there are. A job says which of them is its own.
#[derive(Clone, Debug)]
pub struct Providers {
    lines: BTreeMap<Upstream, (Arc<dyn Provider>, Gate)>,
}

impl Providers {
    /// The sandbox, and the upstreams that the configuration has keys for.
    ///
    /// # Errors
    /// If a key or a URL cannot be used, or an upstream's limit is too small to be shared.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.connect()
    }

    /// The upstreams, with another in the sandbox's place: for tests that play one which fails in
    /// ways that the sandbox does not.
    #[must_use]
    pub fn with_sandbox(sandbox: Arc<dyn Provider>) -> Self {
        Self { lines: BTreeMap::from([(Upstream::Sandbox, (sandbox, Gate::open()))]) }
    }

    /// The upstream of a job, unless there is no key for it any more.
    #[must_use]
    pub fn of(&self, job: &Job) -> Option<&dyn Provider> {
        self.lines.get(&job.upstream).map(|(provider, _)| provider.as_ref())
    }

    /// Asks for places at a job's upstream, one for each picture, and waits for them at most so long.
    /// The places are free again when the [`Place`] is dropped.
    pub async fn admit(&self, job: &Job, now: Timestamp, wait: Duration) -> Admission {
        match self.lines.get(&job.upstream) {
            Some((_, gate)) => gate.admit(job.order.n, now, wait).await,
            None => Admission::Closed(gate::TROUBLE),
        }
    }

    /// Keeps others from a job's upstream for a while: it said that it takes nothing now.
    pub fn close(&self, job: &Job, now: Timestamp, for_: Duration) {
        if let Some((_, gate)) = self.lines.get(&job.upstream) {
            gate.close(now.plus(for_));
        }
    }
}
