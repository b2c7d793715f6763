//! Claiming a job, and what a worker notes while it has it. Each is one conditional write of the
//! job's row; each but the first bears the claim's fence, so that a worker whose lease ended while
//! it slept changes nothing. Any of them may be sent again after its answer got lost: a claim knows
//! itself again by its holder, the others set values instead of counting up.
//!
//! A claim leaves alone when the job is due: the lease says that somebody has it, and a write that does not move the
//! row in the index costs a third.
//!
//! A job is begun only with a turn. One that was accepted without takes it with its first claim, in one transaction
//! with the pocket that the turn is of.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use domain::{
    ids::{JobId, UserId},
    job::{Fence, Job, Run, State, Task},
    schedule,
    time::Timestamp,
};

use crate::{
    Store,
    accept::number,
    conditions::Condition,
    error::{StoreError, sort},
    item::read_job,
    keys,
    tx::Item,
};

/// Until when a job is claimed, and by whom.
#[derive(Clone, Debug)]
pub struct Lease {
    /// When the job is free again.
    pub until: Timestamp,
    /// A fresh name for this attempt. If the answer to a claim gets lost, the SDK sends it again,
    /// and finds the job claimed: by whom tells whether it was this attempt.
    pub holder: String,
}

/// What became of an attempt to claim a job. All of these are normal.
#[derive(Clone, Debug)]
pub enum Claimed {
    /// It was pending. The intent to submit is written already: send the order now.
    Begun(Job, Run),
    /// It was put down, or its lease had ended: go on where it stands.
    Resumed(Job, Run),
    /// It is pending but overdue, and was left as it is.
    Overdue(Job),
    /// It is pending, and none of the turns of its user is its own yet.
    Waits {
        /// The job.
        job: Job,
        /// When the sweep rings for it, if nobody is heard of.
        due_at: Option<Timestamp>,
    },
    /// Somebody else has it.
    Leased,
    /// It has ended.
    Ended,
    /// There is no such job.
    Missing,
}

/// Whether a write that bears a fence was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Fenced {
    /// It was.
    Taken,
    /// Somebody else has the job, or it has ended. Stop.
    Superseded,
}

/// What a refused condition met, or that it held.
pub(crate) enum Answer {
    Done(Option<Item>),
    Refused(Option<Item>),
}

impl Store {
    /// Claims a job for the time of a lease: for whoever writes with its fence from now on, and
    /// nobody else. A job that begins may run at its upstream for `run_limit`.
    ///
    /// # Errors
    /// [`StoreError`]; after [`StoreError::Unknown`] the job may be claimed, and is free again when
    /// the lease ends.
    pub async fn claim(
        &self,
        (user, job): (&UserId, &JobId),
        now: Timestamp,
        lease: &Lease,
        run_limit: Duration,
        grace: Duration,
    ) -> Result<Claimed, StoreError> {
        let begin = self
            .update_job(user, job, Condition::ClaimBegin)
            .update_expression(
                "SET job_status = :processing, fence = :one, lease_until_ms = :lease, \
                 run_deadline_at_ms = :run, submits = :one, dispatch = :intended, \
                 lease_holder = :holder",
            )
            .set_expression_attribute_values(values([
                (":processing", text("processing")),
                (":pending", text("pending")),
                (":intended", text("intended")),
                (":one", number(1)),
                (":lease", time(lease.until)),
                (":holder", text(&lease.holder)),
                (":run", time(now.plus(run_limit))),
                (":overdue", time(now.minus(grace))),
            ]));
        match self.update(begin).await? {
            Answer::Done(item) => claimed(item),
            Answer::Refused(None) => Ok(Claimed::Missing),
            Answer::Refused(Some(item)) if is_held_by(&item, lease) => claimed(Some(item)),
            Answer::Refused(Some(item)) => {
                let due_at = item.get("due_at_ms").and_then(|at| at.as_n().ok()?.parse().ok());
                let due_at = due_at.map(Timestamp::from_millis);
                let found = read_job(item)?;
                let waits = found.state == State::Pending
                    && found.turn.is_none()
                    && now.minus(grace) < found.deadline;
                if waits {
                    return self.take_turn(found, due_at, now, lease, run_limit, grace).await;
                }
                self.claim_again(found, now, lease).await
            }
        }
    }

    /// Claims a job that is not pending any more, if it is free.
    pub(crate) async fn claim_again(
        &self,
        found: Job,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Claimed, StoreError> {
        let run = match &found.state {
            State::Pending => return Ok(Claimed::Overdue(found)),
            State::Processing(run) => run,
            State::Succeeded { .. }
            | State::Failed { .. }
            | State::Expired { .. }
            | State::Refunded { .. } => return Ok(Claimed::Ended),
        };
        if run.lease_until.is_some_and(|until| now < until) {
            return Ok(Claimed::Leased);
        }
        let resume = self
            .update_job(&found.user, &found.id, Condition::ClaimAgain)
            .update_expression(
                "SET fence = fence + :one, lease_until_ms = :lease, lease_holder = :holder",
            )
            .set_expression_attribute_values(values([
                (":processing", text("processing")),
                (":fence", number(run.fence.0.into())),
                (":one", number(1)),
                (":lease", time(lease.until)),
                (":holder", text(&lease.holder)),
                (":now", time(now)),
            ]));
        match self.update(resume).await? {
            Answer::Done(item) => claimed(item),
            Answer::Refused(Some(item)) if is_held_by(&item, lease) => claimed(Some(item)),
            // Between the two writes somebody else was quicker, or the job ended.
            Answer::Refused(_) => Ok(Claimed::Leased),
        }
    }

    /// Notes that an order is about to be sent, for the `submits`th time, before it is. The
    /// upstream has until `run_deadline`. It is noted once: a copy of the request that arrives when the
    /// task is noted already, or the job was put down, must not make the order look unanswered.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note_intent(
        &self,
        job: &Job,
        fence: Fence,
        submits: u8,
        run_deadline: Timestamp,
    ) -> Result<Fenced, StoreError> {
        let write = self
            .update_job(&job.user, &job.id, Condition::NoteIntent)
            .update_expression(
                "SET dispatch = :intended, submits = :submits, run_deadline_at_ms = :run",
            )
            .set_expression_attribute_values(values([
                (":intended", text("intended")),
                (":submits", number(submits.into())),
                (":run", time(run_deadline)),
                (":processing", text("processing")),
                (":fence", number(fence.0.into())),
            ]));
        Ok(match self.update(write.return_values(ReturnValue::None)).await? {
            Answer::Done(_) => Fenced::Taken,
            // The answer to an earlier attempt of this very note got lost.
            Answer::Refused(Some(item)) if is_intended_by(&item, fence, submits) => Fenced::Taken,
            Answer::Refused(_) => Fenced::Superseded,
        })
    }

    /// Notes under which name the upstream has the order. It is written once for each time that the
    /// order is sent.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note_task(
        &self,
        job: &Job,
        fence: Fence,
        task: &Task,
    ) -> Result<Fenced, StoreError> {
        let write = self
            .update_job(&job.user, &job.id, Condition::NoteTask)
            .update_expression("SET dispatch = :accepted, task = :task")
            .set_expression_attribute_values(values([
                (":accepted", text("accepted")),
                (":task", text(&task.0)),
                (":intended", text("intended")),
                (":processing", text("processing")),
                (":fence", number(fence.0.into())),
            ]));
        self.fenced(write).await
    }

    /// Notes that the upstream did not take the order, so that it was sent only `submits` times,
    /// and puts the job down until `next`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_down_unsent(
        &self,
        job: &Job,
        (fence, submits): (Fence, u8),
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Fenced, StoreError> {
        let write = self
            .update_job(&job.user, &job.id, Condition::PutDownUnsent)
            .update_expression(
                "SET dispatch = :unsent, submits = :submits, due_at_ms = :due \
                 REMOVE lease_until_ms",
            )
            .set_expression_attribute_values(values([
                (":unsent", text("unsent")),
                (":submits", number(submits.into())),
                (":due", time(schedule::due_at(next, job.expires_at, now))),
                (":processing", text("processing")),
                (":fence", number(fence.0.into())),
            ]));
        self.fenced(write).await
    }

    /// Puts a job down as it stands, free for whoever comes; the sweep rings for it at `next`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put_down(
        &self,
        job: &Job,
        fence: Fence,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Fenced, StoreError> {
        let write = self
            .update_job(&job.user, &job.id, Condition::PutDown)
            .update_expression("SET due_at_ms = :due REMOVE lease_until_ms")
            .set_expression_attribute_values(values([
                (":due", time(schedule::due_at(next, job.expires_at, now))),
                (":processing", text("processing")),
                (":fence", number(fence.0.into())),
            ]));
        self.fenced(write).await
    }

    /// A write to the row of a job, under a condition. There is no other kind.
    pub(crate) fn update_job(
        &self,
        user: &UserId,
        job: &JobId,
        condition: Condition,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.jobs)
            .set_key(Some(keys::job(user, job).attributes()))
            .condition_expression(condition.text())
    }

    pub(crate) async fn fenced(
        &self,
        write: UpdateItemFluentBuilder,
    ) -> Result<Fenced, StoreError> {
        Ok(match self.update(write.return_values(ReturnValue::None)).await? {
            Answer::Done(_) => Fenced::Taken,
            Answer::Refused(_) => Fenced::Superseded,
        })
    }

    pub(crate) async fn update(
        &self,
        write: UpdateItemFluentBuilder,
    ) -> Result<Answer, StoreError> {
        let all_new = write.get_return_values().is_none();
        let write = if all_new { write.return_values(ReturnValue::AllNew) } else { write };
        let sent = write.return_values_on_condition_check_failure(AllOld).send().await;
        match sent {
            Ok(output) => Ok(Answer::Done(output.attributes)),
            Err(error) => {
                if let Some(UpdateItemError::ConditionalCheckFailedException(refused)) =
                    error.as_service_error()
                {
                    let found = refused.item().filter(|item| !item.is_empty());
                    return Ok(Answer::Refused(found.cloned()));
                }
                Err(sort(error))
            }
        }
    }
}

/// Whether the row bears this very claim.
pub(crate) fn is_held_by(item: &Item, lease: &Lease) -> bool {
    let holder = item.get("lease_holder").and_then(|holder| holder.as_s().ok());
    item.contains_key("lease_until_ms") && holder == Some(&lease.holder)
}

/// Whether the row says that this claim is about to send the order, for so many times.
fn is_intended_by(item: &Item, fence: Fence, submits: u8) -> bool {
    let is = |name: &str, value: AttributeValue| item.get(name) == Some(&value);
    is("job_status", text("processing"))
        && is("fence", number(fence.0.into()))
        && is("submits", number(submits.into()))
        && is("dispatch", text("intended"))
        && item.contains_key("lease_until_ms")
}

/// The job as it was written, with its run.
pub(crate) fn claimed(item: Option<Item>) -> Result<Claimed, StoreError> {
    let job = read_job(item.unwrap_or_default())?;
    match &job.state {
        State::Processing(run) => {
            let run = run.clone();
            // Only the claim that begins a job writes the first fence, and the intent with it.
            let begun = run.fence == Fence(1);
            Ok(if begun { Claimed::Begun(job, run) } else { Claimed::Resumed(job, run) })
        }
        State::Pending
        | State::Succeeded { .. }
        | State::Failed { .. }
        | State::Expired { .. }
        | State::Refunded { .. } => {
            Err(StoreError::Unreadable("a claimed job is not processing".into()))
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the SDK takes them so")]
pub(crate) fn values<const N: usize>(
    pairs: [(&str, AttributeValue); N],
) -> Option<HashMap<String, AttributeValue>> {
    Some(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn time(at: Timestamp) -> AttributeValue {
    number(at.millis())
}
