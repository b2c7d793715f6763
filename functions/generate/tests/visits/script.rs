//! An upstream that says what it is told to, and counts what it was asked.

use std::{
    collections::{BTreeMap, VecDeque},
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    failure::Failure,
    ids::JobId,
    job::{Job, Task},
    time::Timestamp,
};
use providers::{Later, Picture, PollError, Progress, Provider, SubmitError, Submitted};
use tokio::sync::Notify;

/// Longer than any invocation lasts.
const LONG: Duration = Duration::from_mins(10);

/// What is said to an order.
#[derive(Debug)]
pub(crate) enum Say {
    /// It is taken, under this name.
    Accepted(&'static str),
    /// So many pictures.
    Done(u32),
    /// No room.
    Busy,
    /// The connection breaks.
    Unknown,
    /// Nothing, for ever.
    Silence,
    /// It ends here.
    Verdict(Failure),
    /// The program comes down.
    Panic,
}

/// What is said to a question.
#[derive(Debug)]
pub(crate) enum Tell {
    /// Not done, and not soon.
    Pending,
    /// So many pictures.
    Done(u32),
    /// It ends here.
    Failed(Failure),
    /// The connection breaks.
    Unknown,
    /// Nothing, for ever.
    Silence,
    /// This, once the gate is open.
    After(Arc<Gate>, Box<Tell>),
}

/// Where an answer waits for the test.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Somebody asks.
    pub(crate) reached: Notify,
    /// The answer may go.
    pub(crate) open: Notify,
}

/// How often an upstream was asked for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) submits: u32,
    pub(crate) polls: u32,
    pub(crate) cancels: u32,
}

/// What is to be said about one job.
#[derive(Debug, Default)]
struct Lines {
    says: VecDeque<Say>,
    tells: VecDeque<Tell>,
    tasks: Vec<Task>,
    asked: Asked,
}

/// The upstream.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<BTreeMap<JobId, Lines>>);

impl Script {
    /// What to say about a job, in this order.
    pub(crate) fn add(
        &self,
        job: &Job,
        says: impl IntoIterator<Item = Say>,
        tells: impl IntoIterator<Item = Tell>,
    ) {
        self.of(job, |lines| {
            lines.says.extend(says);
            lines.tells.extend(tells);
        });
    }

    /// How often it was asked for a job.
    pub(crate) fn asked(&self, job: &Job) -> Asked {
        self.of(job, |lines| lines.asked)
    }

    /// Which tasks of a job it was asked about, or told to stop.
    pub(crate) fn tasks(&self, job: &Job) -> Vec<String> {
        self.of(job, |lines| lines.tasks.iter().map(|task| task.0.clone()).collect())
    }

    /// Whether all was said that there was to say about a job.
    pub(crate) fn is_said(&self, job: &Job) -> bool {
        self.of(job, |lines| lines.says.is_empty() && lines.tells.is_empty())
    }

    fn of<T>(&self, job: &Job, then: impl FnOnce(&mut Lines) -> T) -> T {
        then(self.0.lock().unwrap().entry(job.id).or_default())
    }
}

impl Provider for Script {
    fn submit<'a>(
        &'a self,
        job: &'a Job,
        _now: Timestamp,
    ) -> Later<'a, Result<Submitted, SubmitError>> {
        let say = self.of(job, |lines| {
            lines.asked.submits = lines.asked.submits.saturating_add(1);
            lines.says.pop_front()
        });
        Box::pin(async move {
            match say {
                Some(Say::Accepted(task)) => Ok(Submitted::Accepted(Task(task.to_owned()))),
                Some(Say::Done(count)) => Ok(Submitted::Done(pictures(count))),
                Some(Say::Busy) => Err(SubmitError::Busy { again: Duration::from_secs(3) }),
                Some(Say::Unknown) => Err(SubmitError::Unknown("cut off".into())),
                Some(Say::Silence) => pending().await,
                Some(Say::Verdict(failure)) => Err(SubmitError::Verdict(failure)),
                Some(Say::Panic) => panic!("the upstream comes down, as it should"),
                None => panic!("nobody expected this order"),
            }
        })
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        _now: Timestamp,
    ) -> Later<'a, Result<Progress, PollError>> {
        let tell = self.of(job, |lines| {
            lines.asked.polls = lines.asked.polls.saturating_add(1);
            lines.tasks.push(task.clone());
            lines.tells.pop_front()
        });
        Box::pin(async move { tell_of(tell.unwrap()).await })
    }

    fn cancel<'a>(&'a self, job: &'a Job, task: &'a Task) -> Later<'a, ()> {
        self.of(job, |lines| {
            lines.asked.cancels = lines.asked.cancels.saturating_add(1);
            lines.tasks.push(task.clone());
        });
        Box::pin(async {})
    }
}

async fn tell_of(mut tell: Tell) -> Result<Progress, PollError> {
    while let Tell::After(gate, then) = tell {
        gate.reached.notify_one();
        gate.open.notified().await;
        tell = *then;
    }
    match tell {
        Tell::Pending => Ok(Progress::Pending { again: LONG }),
        Tell::Done(count) => Ok(Progress::Done(pictures(count))),
        Tell::Failed(failure) => Ok(Progress::Failed(failure)),
        Tell::Unknown => Err(PollError("cut off".into())),
        Tell::Silence => pending().await,
        Tell::After(..) => panic!("a gate behind a gate"),
    }
}

/// So many pictures, each wider than the one before.
fn pictures(count: u32) -> Vec<Picture> {
    (1..=count).map(|width| Picture::read(png(width), Some(width)).unwrap()).collect()
}

/// The header of a PNG of that width; nobody looks at what follows it.
pub(crate) fn png(width: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(480_u32.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}
