//! One visit to one job: claim it, take it as far as the time allows, and end it or put it down.
//!
//! ```text
//!   claim ──▶ submit ──▶ note the task ──▶ poll … ──▶ keep the pictures ──▶ settle
//!                │                           │                 │
//!                └──── busy, no answer ──────┴─ out of time ───┴─▶ put down, ring for later
//! ```
//!
//! Between any two steps this may be the last thing the process does. Whoever comes next goes on
//! from what is in the row: a noted task is asked for again, never sent again.

mod counts;
mod wait;

use std::{sync::OnceLock, time::Duration};

use anyhow::Context;
use domain::{
    causes,
    failure::Failure,
    job::{Ending, Fence, Job, Run, Task},
    schedule::{self, Visit},
    time::Timestamp,
};
use providers::{Admission, Call, Picture, PollError, Progress, Provider, Receipt, SubmitError};
use runtime::{By, Metric, queue::Bell, telemetry};
use store::{Claimed, Fenced, FinishError, Finished, Guard, Lease};
use tokio::time::{sleep, timeout};

use crate::{App, Shift, delivery};

/// The shortest pause between two questions to an upstream.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause after a question that was not answered.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The longest pause after pictures could not be had: each try may cost megabytes, and a job that waits so
/// long is put down, so that another has the worker meanwhile.
const FETCH_PAUSE_MAX: Duration = Duration::from_mins(1);
/// The shortest time that a job must have left for its order to be sent; a quarter of all that it has,
/// where that is less.
const RUN_MIN: Duration = Duration::from_mins(1);
/// How much earlier than us an upstream's adapter gives up, so that it can still say what it has.
const MARGIN: Duration = Duration::from_millis(500);
/// The longest wait for an answer to one question, with the pictures that it may lead to.
const ANSWER: Duration = Duration::from_secs(35);

/// Visits the job that a bell rang for.
///
/// # Errors
/// If something that it needs did not answer, and the job could not be put down either.
pub(crate) async fn visit(app: &App, shift: Shift, bell: &Bell) -> anyhow::Result<()> {
    let now = app.clock.now();
    let name = (&bell.user_id, &bell.job_id);
    let config = &app.config;
    let holder: [u8; 8] = app.entropy.bytes()?;
    let holder = format!("{:016x}", u64::from_be_bytes(holder));
    let lease = Lease { until: shift.lease_until, holder };
    let claimed = app.store.claim(name, now, &lease, config.run_limit, config.grace).await;
    let claimed = claimed.context("the job cannot be claimed")?;
    app.metrics.count(Metric::Claims, 1, &[By::Outcome(counts::outcome(&claimed))]);
    match claimed {
        Claimed::Begun(job, run) => {
            Visitor::new(app, shift, bell, job, &run).attempt(Visit::Submit).await
        }
        Claimed::Resumed(job, run) => {
            let what = schedule::visit(&job, &run, now, config.grace);
            let mut visitor = Visitor::new(app, shift, bell, job, &run);
            if what == Visit::Submit && visitor.note_intent().await? == Fenced::Superseded {
                visitor.superseded();
                return Ok(());
            }
            visitor.attempt(what).await
        }
        Claimed::Overdue(job) => finish(app, bell, &job, Guard::Pending, &Ending::Expired).await,
        Claimed::Missing => {
            tracing::warn!(job_id = %bell.job_id, "rung for a job that is not there");
            Ok(())
        }
        Claimed::Waits { job, due_at } => wait::wait(app, bell, &job, due_at, now).await,
        Claimed::Leased | Claimed::Ended => Ok(()),
    }
}

/// A job in the hands of this process.
struct Visitor<'a> {
    app: &'a App,
    shift: Shift,
    bell: &'a Bell,
    job: Job,
    fence: Fence,
    /// How often the order was, or may have been, sent.
    submits: u8,
    /// By when the upstream must have finished.
    run_deadline: Timestamp,
    /// The task, where the upstream told it and it could not be noted yet.
    unnoted: OnceLock<Task>,
}

/// How a visit ends.
enum Outcome {
    /// The job ends.
    End(Ending),
    /// The job is put down; it is visited again after a while.
    Later(Duration),
    /// The upstream has nothing of ours; it may be asked again after a while.
    Unsent(Duration),
    /// Somebody else has the job.
    Superseded,
}

impl<'a> Visitor<'a> {
    fn new(app: &'a App, shift: Shift, bell: &'a Bell, job: Job, run: &Run) -> Self {
        telemetry::claimed(run.fence.0.into());
        let (fence, submits, run_deadline) = (run.fence, run.submits, run.deadline);
        Self { app, shift, bell, job, fence, submits, run_deadline, unnoted: OnceLock::new() }
    }

    async fn note_intent(&mut self) -> anyhow::Result<Fenced> {
        self.submits = self.submits.saturating_add(1);
        self.run_deadline = self.app.clock.now().plus(self.app.config.run_limit);
        let store = &self.app.store;
        let noted = store.note_intent(&self.job, self.fence, self.submits, self.run_deadline).await;
        noted.context("the intent cannot be noted")
    }

    /// Does what the visit is for. If something fails on the way, the job is put down, so that the
    /// next visit need not wait for the lease to end.
    async fn attempt(&self, what: Visit) -> anyhow::Result<()> {
        let outcome = self.work(what).await;
        let ended = match outcome {
            Ok(Outcome::End(ending)) => {
                finish(self.app, self.bell, &self.job, Guard::Fence(self.fence), &ending).await
            }
            Ok(Outcome::Later(pause)) => return self.put_down(pause).await,
            Ok(Outcome::Unsent(pause)) => return self.put_down_unsent(pause).await,
            Ok(Outcome::Superseded) => {
                self.superseded();
                return Ok(());
            }
            Err(error) => Err(error),
        };
        let Err(error) = ended else { return Ok(()) };
        let cause = causes::chain(error.as_ref());
        tracing::error!(job_id = %self.job.id, cause, "the visit ends early");
        self.put_down(self.app.config.revisit).await
    }

    async fn work(&self, what: Visit) -> anyhow::Result<Outcome> {
        match what {
            Visit::Submit => self.submit().await,
            Visit::Poll(task) => self.follow(&task).await,
            Visit::AskLast(task) => self.ask_last(&task).await,
            Visit::GiveUp => Ok(Outcome::End(Ending::Failed(Failure::OutcomeUnknown.into()))),
            Visit::Expire => Ok(Outcome::End(Ending::Expired)),
        }
    }

    /// Sends the order. The intent is noted already.
    async fn submit(&self) -> anyhow::Result<Outcome> {
        let Some(provider) = self.provider() else { return Ok(self.left_without_upstream()) };
        // What is sent and cannot be waited for is paid and thrown away.
        let overdue = self.overdue_at(self.job.deadline);
        let (left, all) = (overdue.since(self.app.clock.now()), overdue.since(self.job.created_at));
        if left < RUN_MIN.min(all.checked_div(4).unwrap_or_default()) {
            return Ok(Outcome::Unsent(left));
        }
        // An order that nobody waits for long enough is one that must be sent again.
        let Some(wait) = self.rest().checked_sub(provider.patience(&self.job).max(PAUSE_MIN))
        else {
            return Ok(Outcome::Unsent(self.app.config.revisit));
        };
        let place = match self.app.providers.admit(&self.job, self.app.clock.now(), wait).await {
            Admission::Open(place) => place,
            Admission::Closed(again) => return Ok(Outcome::Unsent(again)),
            Admission::Full => return Ok(Outcome::Unsent(self.app.config.revisit)),
        };
        self.sending();
        let within = self.rest();
        let Ok(answer) = timeout(within, provider.submit(&self.job, self.call(within))).await
        else {
            tracing::warn!(job_id = %self.job.id, "the upstream did not answer in time");
            return Ok(self.unknown());
        };
        let outcome = match answer {
            Ok(Receipt { task, cost }) => {
                self.compare(cost);
                match self.note_task(&task).await {
                    Fenced::Taken => self.follow(&task).await,
                    Fenced::Superseded => Ok(Outcome::Superseded),
                }
            }
            Err(SubmitError::Verdict(verdict)) => Ok(Outcome::End(Ending::Failed(verdict))),
            Err(SubmitError::NotTaken { why, again }) => Ok(self.not_taken(why, again)),
            Err(SubmitError::Unknown(error)) => {
                let cause = causes::chain(error.as_ref());
                tracing::warn!(job_id = %self.job.id, cause, "it is unknown what the upstream did");
                Ok(self.unknown())
            }
        };
        // The pictures count as under way until they have been fetched.
        drop(place);
        outcome
    }

    fn provider(&self) -> Option<&dyn Provider> {
        self.app.providers.of(&self.job)
    }

    fn call(&self, within: Duration) -> Call {
        let margin = MARGIN.min(within.checked_div(8).unwrap_or_default());
        Call { now: self.app.clock.now(), within: within.saturating_sub(margin), is_last: false }
    }

    /// Notes the task. If that fails, this visit knows it all the same and goes on, and notes it
    /// again before it puts the job down.
    async fn note_task(&self, task: &Task) -> Fenced {
        match self.app.store.note_task(&self.job, self.fence, task).await {
            Ok(fenced) => fenced,
            Err(error) => {
                let cause = causes::chain(&error);
                tracing::error!(job_id = %self.job.id, cause, "the task could not be noted");
                self.unnoted.get_or_init(|| task.clone());
                Fenced::Taken
            }
        }
    }

    /// Asks until the task is done, the invocation's time runs out, or the job's.
    async fn follow(&self, task: &Task) -> anyhow::Result<Outcome> {
        let mut unanswered = PAUSE_MIN;
        loop {
            if self.is_overdue() {
                return self.ask_last(task).await;
            }
            let pause = match self.ask(task, false).await {
                Ok(Progress::Done { pictures, withheld }) => {
                    return self.deliver(pictures, withheld).await;
                }
                Ok(Progress::Failed(verdict)) => {
                    return Ok(Outcome::End(Ending::Failed(verdict)));
                }
                Ok(Progress::Pending { again }) => {
                    unanswered = PAUSE_MIN;
                    again.max(PAUSE_MIN)
                }
                Ok(Progress::Incomplete { why, .. }) => {
                    let cause = causes::chain(why.as_ref());
                    tracing::warn!(job_id = %self.job.id, cause, "the pictures cannot be had yet");
                    unanswered = unanswered.saturating_mul(2).min(FETCH_PAUSE_MAX);
                    unanswered
                }
                Err(again) => {
                    unanswered = unanswered.saturating_mul(2).min(PAUSE_MAX);
                    again.max(unanswered)
                }
            };
            if pause >= self.rest() {
                return Ok(Outcome::Later(pause.max(self.app.config.revisit)));
            }
            sleep(pause).await;
        }
    }

    /// Keeps the pictures that there are.
    async fn deliver(&self, pictures: Vec<Picture>, withheld: usize) -> anyhow::Result<Outcome> {
        if withheld > 0 {
            self.withheld(withheld);
            if pictures.is_empty() {
                return Ok(Outcome::End(Ending::Failed(Failure::ContentModerated.into())));
            }
        }
        Ok(Outcome::End(delivery::keep(self.app, &self.job, pictures).await?))
    }

    /// Time is up: asks once more. Only an answer ends the job here; without one it waits for its
    /// hard expiry. What can be had by now of a task that is not whole is delivered.
    async fn ask_last(&self, task: &Task) -> anyhow::Result<Outcome> {
        match self.ask(task, true).await {
            Ok(Progress::Done { pictures, withheld }) => self.deliver(pictures, withheld).await,
            Ok(Progress::Incomplete { pictures, failure, why }) => {
                let cause = causes::chain(why.as_ref());
                tracing::error!(job_id = %self.job.id, cause, "not all pictures can be had");
                if pictures.is_empty() {
                    return Ok(Outcome::End(Ending::Failed(failure.into())));
                }
                self.deliver(pictures, 0).await
            }
            Ok(Progress::Failed(verdict)) => Ok(Outcome::End(Ending::Failed(verdict))),
            Ok(Progress::Pending { .. }) => {
                self.cancel(task).await;
                Ok(Outcome::End(Ending::Expired))
            }
            Err(again) => Ok(Outcome::Later(again.max(self.app.config.revisit))),
        }
    }

    async fn cancel(&self, task: &Task) {
        let Some(provider) = self.provider() else { return };
        let within = ANSWER.min(self.rest());
        let canceled = provider.cancel(&self.job, task, self.call(within));
        if timeout(within, canceled).await.is_err() {
            tracing::warn!(job_id = %self.job.id, "the upstream did not say that it stopped");
        }
    }

    /// One question. No answer says nothing about the task, only perhaps when to ask again.
    async fn ask(&self, task: &Task, is_last: bool) -> Result<Progress, Duration> {
        let Some(provider) = self.provider() else {
            drop(self.left_without_upstream());
            return Err(self.app.config.reannounce);
        };
        let within = ANSWER.min(self.rest());
        let call = Call { is_last, ..self.call(within) };
        match timeout(within, provider.poll(&self.job, task, call)).await {
            Ok(Ok(progress)) => Ok(progress),
            Ok(Err(PollError::Busy { again })) => {
                self.hindered("busy");
                Err(again)
            }
            Ok(Err(PollError::Trouble)) => {
                self.trouble();
                Err(PAUSE_MAX)
            }
            Ok(Err(error @ PollError::Unanswered(_))) => {
                self.hindered("unanswered");
                let cause = causes::chain(&error);
                tracing::warn!(job_id = %self.job.id, cause, "the upstream did not answer");
                Err(Duration::ZERO)
            }
            Err(_) => {
                self.hindered("unanswered");
                Err(Duration::ZERO)
            }
        }
    }

    fn is_overdue(&self) -> bool {
        self.app.clock.now() >= self.overdue_at(self.run_deadline)
    }

    /// From when on nothing new is begun on a job that its upstream has until `run_deadline`.
    fn overdue_at(&self, run_deadline: Timestamp) -> Timestamp {
        run_deadline.min(self.job.deadline).plus(self.app.config.grace)
    }

    /// How much of the shift is left.
    fn rest(&self) -> Duration {
        self.shift.end.since(self.app.clock.now())
    }

    async fn put_down(&self, pause: Duration) -> anyhow::Result<()> {
        if let Some(task) = self.unnoted.get() {
            let noted = self.app.store.note_task(&self.job, self.fence, task).await;
            // Without it the next visit would take the order for lost and send it again.
            let _fenced = noted.context("the task cannot be noted")?;
        }
        let now = self.app.clock.now();
        let pause = self.cut(pause, now, self.overdue_at(self.run_deadline));
        let next = self.next(now, pause);
        let put = self.app.store.put_down(&self.job, self.fence, now, next).await;
        self.come_back(put.context("the job cannot be put down")?, pause).await
    }

    async fn put_down_unsent(&self, pause: Duration) -> anyhow::Result<()> {
        let now = self.app.clock.now();
        let pause = self.cut(pause, now, self.overdue_at(self.job.deadline));
        let (next, claim) = (self.next(now, pause), (self.fence, self.submits.saturating_sub(1)));
        let put = self.app.store.put_down_unsent(&self.job, claim, now, next).await;
        self.come_back(put.context("the job cannot be put down")?, pause).await
    }

    /// When the sweep rings, should the bell for the next visit be lost.
    fn next(&self, now: Timestamp, pause: Duration) -> Timestamp {
        let bell = if self.is_overdue() { Duration::ZERO } else { self.app.config.reannounce };
        now.plus(pause).plus(bell)
    }

    /// A pause that does not outlast the time of the job: when that is up, it is looked at.
    fn cut(&self, pause: Duration, now: Timestamp, overdue: Timestamp) -> Duration {
        let left = overdue.since(now);
        if left.is_zero() { pause } else { pause.min(left.max(self.app.config.revisit)) }
    }

    /// Rings for the next visit. If nobody hears it, the sweep rings again; for a job that is overdue
    /// only the sweep rings, so that a job which cannot be ended does not ring for itself for ever.
    async fn come_back(&self, put: Fenced, pause: Duration) -> anyhow::Result<()> {
        if put == Fenced::Superseded {
            self.superseded();
        } else if !self.is_overdue() {
            // In the same trace, however many visits it takes.
            if let Err(error) = self.app.queue.ring(self.bell, pause).await {
                self.app.metrics.count(Metric::RingsFailed, 1, &[]);
                let cause = causes::chain(&error);
                tracing::warn!(job_id = %self.job.id, cause, "nobody was rung for the next visit");
            }
        }
        Ok(())
    }
}

/// Ends a job, with its hold. Past its hard expiry it ends without pictures, however near they were.
async fn finish(
    app: &App,
    bell: &Bell,
    job: &Job,
    guard: Guard,
    ending: &Ending,
) -> anyhow::Result<()> {
    let (now, retention) = (app.clock.now(), app.config.retention);
    let success = matches!(ending, Ending::Succeeded(_));
    let late = success && now >= job.expires_at;
    let ending = if late { &Ending::Expired } else { ending };
    let status = ending.status().as_str();
    let finished = app.store.finish(job, guard, ending, now, retention).await;
    if matches!(finished, Err(FinishError::Unbalanced)) {
        app.metrics.count(Metric::BooksUnbalanced, 1, &[]);
    }
    let finished = finished?;
    if late || (success && finished == Finished::Otherwise) {
        counts::late(app, job);
    }
    match finished {
        Finished::Now => {
            let charged_micros = ending.resolve(&job.hold).figures().charged.micros();
            counts::ended(app, job, ending, now);
            tracing::info!(job_id = %job.id, user_id = %job.user, status, charged_micros, "ended");
            let (name, trace) = ((&job.user, &job.id), bell.trace.as_ref());
            // On the heap: it is large, and a visit has long been under way.
            Box::pin(app.notices.tell(name, ending.status(), trace, &app.metrics)).await;
        }
        Finished::Before => tracing::info!(job_id = %job.id, status, "had ended before"),
        // Final news for nobody: no charge, no resurrection.
        Finished::Otherwise | Finished::Superseded => {
            if finished == Finished::Superseded {
                app.metrics.count(Metric::FencesRefused, 1, &[]);
            }
            tracing::warn!(job_id = %job.id, status, "came too late");
        }
    }
    Ok(())
}
