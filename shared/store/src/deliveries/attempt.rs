//! Attempts at a delivery. One is begun by one conditional write and ended by another, so that two who were rung for the
//! same delivery make one attempt, and one that was cut off is seen.

use std::time::Duration;

use domain::{
    ids::UserId,
    time::Timestamp,
    webhook::{
        DeliveryId,
        schedule::{self, Next, Outcome},
    },
};
use serde::{Deserialize, Serialize};

use super::{Delivery, DeliveryStatus, read_delivery};
use crate::{
    Fenced, Store,
    accept::number,
    claim::{Answer, text, time, values},
    conditions::Condition,
    error::StoreError,
    keys,
};

/// How many attempts are remembered: those of one schedule, and of one asked for by hand.
const REMEMBERED: usize = 20;

/// One attempt at a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which one it is, from 1. It goes on where the delivery was begun anew.
    pub number: u32,
    /// When it began.
    pub at_ms: Timestamp,
    /// What it met.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What became of an attempt to begin an attempt.
#[derive(Clone, Debug)]
pub enum Begun {
    /// It is ours to make.
    Now(Delivery),
    /// There is none to make, or somebody else makes it.
    Not,
}

impl Store {
    /// Begins an attempt that is due at `now` and ends within `patience`; whoever does not end it is taken to be gone
    /// after that. One that was not ended is noted as lost, and followed by the next one as the schedule says.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn begin_attempt(
        &self,
        user: &UserId,
        id: &DeliveryId,
        now: Timestamp,
        patience: Duration,
    ) -> Result<Begun, StoreError> {
        let Some(found) = self.delivery(user, id).await? else { return Ok(Begun::Not) };
        if found.status != DeliveryStatus::Due || found.next_at > now {
            return Ok(Begun::Not);
        }
        if let Some(lost) = lost(&found) {
            let next = schedule::next(found.made(), Outcome::Lost, None, now, lost.at_ms.millis());
            let _taken = self.end_attempt(user, &found, lost, next).await?;
            return Ok(Begun::Not);
        }
        let until = now.plus(patience);
        let write = self
            .update_delivery(user, id, Condition::BeginAttempt)
            .update_expression(
                "SET tries = tries + :one, next_at_ms = :until, due_at_ms = :until, \
                 under_way_since_ms = :now",
            )
            .set_expression_attribute_values(values([
                (":due", text(DeliveryStatus::Due.as_str())),
                (":tries", number(found.tries.into())),
                (":one", number(1)),
                (":now", time(now)),
                (":until", time(until)),
            ]));
        match self.update(write).await? {
            Answer::Done(item) => Ok(Begun::Now(read_delivery(item.unwrap_or_default())?)),
            Answer::Refused(_) => Ok(Begun::Not),
        }
    }

    /// Ends an attempt, which is one that was begun: with what it met, and what comes next.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_attempt(
        &self,
        user: &UserId,
        begun: &Delivery,
        attempt: Attempt,
        next: Next,
    ) -> Result<Fenced, StoreError> {
        let mut attempts = begun.attempts.clone();
        attempts.push(attempt);
        let attempts = remembered(attempts);
        match next {
            Next::Again(at) => {
                let write = self
                    .update_delivery(user, &begun.id, Condition::EndAttempt)
                    .update_expression(
                        "SET next_at_ms = :next, due_at_ms = :next, attempts = :attempts \
                         REMOVE under_way_since_ms",
                    )
                    .set_expression_attribute_values(values([
                        (":due", text(DeliveryStatus::Due.as_str())),
                        (":tries", number(begun.tries.into())),
                        (":next", time(at)),
                        (":attempts", serde_dynamo::to_attribute_value(&attempts)?),
                    ]));
                self.fenced(write).await
            }
            Next::Delivered => {
                self.settle_delivery(user, begun, attempts, DeliveryStatus::Delivered).await
            }
            Next::GivenUp | Next::Gone => {
                self.settle_delivery(user, begun, attempts, DeliveryStatus::GivenUp).await
            }
        }
    }

    /// The last write of a delivery, which leaves the index with it.
    async fn settle_delivery(
        &self,
        user: &UserId,
        found: &Delivery,
        attempts: Vec<Attempt>,
        status: DeliveryStatus,
    ) -> Result<Fenced, StoreError> {
        let write = self
            .update_delivery(user, &found.id, Condition::EndAttempt)
            .update_expression(
                "SET delivery_status = :status, attempts = :attempts \
                 REMOVE due_shard, due_at_ms, under_way_since_ms",
            )
            .set_expression_attribute_values(values([
                (":due", text(DeliveryStatus::Due.as_str())),
                (":tries", number(found.tries.into())),
                (":status", text(status.as_str())),
                (":attempts", serde_dynamo::to_attribute_value(&attempts)?),
            ]));
        self.fenced(write).await
    }

    /// Begins a delivery anew, with all its attempts, at once. One that has an attempt under way, whatever the time is
    /// here, or whose next one comes within [`schedule::ATTEMPT_MAX`], goes on as it stands. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn redeliver(
        &self,
        user: &UserId,
        id: &DeliveryId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let write = self
            .update_delivery(user, id, Condition::Redeliver)
            .update_expression(
                "SET delivery_status = :due, earlier = tries, next_at_ms = :now, due_at_ms = :now, \
                 due_shard = :shard",
            )
            .set_expression_attribute_values(values([
                (":due", text(DeliveryStatus::Due.as_str())),
                (":now", time(now)),
                (":soon", time(now.plus(schedule::ATTEMPT_MAX))),
                (":shard", number(keys::shard(&id.event.job).into())),
            ]));
        Ok(match self.update(write).await? {
            Answer::Done(_) => true,
            Answer::Refused(found) => found.is_some(),
        })
    }
}

/// The attempt that was begun and not ended, if there is such a one.
fn lost(found: &Delivery) -> Option<Attempt> {
    let at_ms = found.under_way?;
    Some(Attempt { number: found.tries, at_ms, outcome: Outcome::Lost, took_ms: 0 })
}

fn remembered(mut attempts: Vec<Attempt>) -> Vec<Attempt> {
    let forgotten = attempts.len().saturating_sub(REMEMBERED);
    attempts.drain(..forgotten);
    attempts
}
