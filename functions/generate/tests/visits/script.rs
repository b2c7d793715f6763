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
};
use providers::{
    Call, Later, Obstacle, Picture, PollError, Progress, Provider, Receipt, SubmitError,
};
use tokio::sync::Notify;

/// How long a busy upstream wants to be left alone.
pub(crate) const BUSY: Duration = Duration::from_secs(3);
/// Longer than any invocation lasts.
const LONG: Duration = Duration::from_mins(10);

/// What is said to an order.
#[derive(Debug)]
pub(crate) enum Say {
    /// It is taken, under this name.
    Accepted(&'static str),
    /// No room for a while.
    Busy,
    /// No room for longer than any job lives.
    Full,
    /// Our key is refused.
    Trouble,
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
    /// So many pictures, and others that cannot be had.
    Incomplete(u32),
    /// It ends here.
    Failed(Failure),
    /// The connection breaks.
    Unknown,
    /// Our key is refused.
    Trouble,
    /// It is asked too often.
    Busy,
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
    fn patience(&self, _job: &Job) -> Duration {
        Duration::ZERO
    }

    fn submit<'a>(&'a self, job: &'a Job, _call: Call) -> Later<'a, Result<Receipt, SubmitError>> {
        let say = self.of(job, |lines| {
            lines.asked.submits = lines.asked.submits.saturating_add(1);
            lines.says.pop_front()
        });
        Box::pin(async move {
            match say {
                Some(Say::Accepted(task)) => {
                    Ok(Receipt { task: Task(task.to_owned()), cost: None })
                }
                Some(Say::Busy) => not_taken(Obstacle::Busy),
                Some(Say::Full) => {
                    let again = Duration::from_hours(1);
                    Err(SubmitError::NotTaken { why: Obstacle::Busy, again })
                }
                Some(Say::Trouble) => not_taken(Obstacle::Trouble),
                Some(Say::Unknown) => Err(SubmitError::Unknown("cut off".into())),
                Some(Say::Silence) => pending().await,
                Some(Say::Verdict(failure)) => Err(SubmitError::Verdict(failure.into())),
                Some(Say::Panic) => panic!("the upstream comes down, as it should"),
                None => panic!("nobody expected this order"),
            }
        })
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        call: Call,
    ) -> Later<'a, Result<Progress, PollError>> {
        let tell = self.of(job, |lines| {
            lines.asked.polls = lines.asked.polls.saturating_add(1);
            lines.tasks.push(task.clone());
            lines.tells.pop_front()
        });
        Box::pin(async move { tell_of(tell.unwrap(), call).await })
    }

    fn cancel<'a>(&'a self, job: &'a Job, task: &'a Task, _call: Call) -> Later<'a, ()> {
        self.of(job, |lines| {
            lines.asked.cancels = lines.asked.cancels.saturating_add(1);
            lines.tasks.push(task.clone());
        });
        Box::pin(async {})
    }
}

fn not_taken(why: Obstacle) -> Result<Receipt, SubmitError> {
    Err(SubmitError::NotTaken { why, again: BUSY })
}

async fn tell_of(mut tell: Tell, call: Call) -> Result<Progress, PollError> {
    while let Tell::After(gate, then) = tell {
        gate.reached.notify_one();
        gate.open.notified().await;
        tell = *then;
    }
    match tell {
        Tell::Pending => Ok(Progress::Pending { again: LONG }),
        Tell::Done(count) => Ok(Progress::Done { pictures: pictures(count), withheld: 0 }),
        Tell::Incomplete(count) => Ok(Progress::Incomplete {
            // Nobody fetches what may be whole the next time.
            pictures: pictures(if call.is_last { count } else { 0 }),
            failure: Failure::OutputInvalid,
            why: "one is missing".into(),
        }),
        Tell::Failed(failure) => Ok(Progress::Failed(failure.into())),
        Tell::Unknown => Err(PollError::Unanswered("cut off".into())),
        Tell::Trouble => Err(PollError::Trouble),
        Tell::Busy => Err(PollError::Busy { again: BUSY }),
        Tell::Silence => pending().await,
        Tell::After(..) => panic!("a gate behind a gate"),
    }
}

/// So many pictures, each wider than the one before.
fn pictures(count: u32) -> Vec<Picture> {
    (1..=count).map(|width| Picture::read(png(width), Some(width)).unwrap()).collect()
}

/// A PNG of that width.
pub(crate) fn png(width: u32) -> Vec<u8> {
    testkit::picture::png(width, 480)
}
