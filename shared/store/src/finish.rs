//! T2 and T3: ending a job. Its resolution, its row, the balance and the event, in one step.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    failure::Verdict,
    hold::Resolution,
    ids::{JobId, UserId},
    job::{Ending, Fence, Job, Status},
    ledger::EntryKind,
    pocket::Pocket,
    time::Timestamp,
};

use crate::{
    Store,
    conditions::Condition,
    error::StoreError,
    item::{EntryItem, EventItem, read_entry},
    keys::{self, Key},
    tx::{Tx, TxError, Write},
};

/// By what right a job is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Guard {
    /// It is claimed, under this fence.
    Fence(Fence),
    /// It was never begun.
    Pending,
    /// It is past its hard expiry, whoever has it.
    Open,
}

impl Guard {
    /// The right that counts for `ending`: what has begun may cost money upstream, so it is not
    /// canceled by any.
    const fn of(self, ending: &Ending) -> Self {
        match ending {
            Ending::Canceled => Self::Pending,
            Ending::Succeeded(_) | Ending::Failed(_) | Ending::Expired => self,
        }
    }

    /// What must be true of the job's row for `ending`.
    #[must_use]
    pub const fn condition(self, ending: &Ending) -> Condition {
        match self.of(ending) {
            Self::Fence(_) if matches!(ending, Ending::Succeeded(_)) => Condition::FinishSucceeded,
            Self::Fence(_) => Condition::FinishClaimed,
            Self::Pending => Condition::FinishPending,
            Self::Open => Condition::FinishOpen,
        }
    }
}

/// What became of an attempt to end a job. All of these are normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It has ended, by this attempt.
    Now,
    /// It had ended before, with the same figures: a second delivery.
    Before,
    /// It had ended before with other figures, and stays so.
    Otherwise,
    /// The guard does not hold any more: somebody else has the job and will end it.
    Superseded,
}

/// Why a job was not ended. None of these is normal.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// The account holds less than the job's hold. A person must look.
    #[error("the books do not balance")]
    Unbalanced,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The writes, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Resolution,
    Job,
    Balance,
    Turn,
    Event,
}

/// The job to end, the pocket that holds its price, and the one that its turn is of, if it has one.
#[derive(Clone, Copy)]
struct Target<'a> {
    user: &'a UserId,
    job: &'a JobId,
    pocket: Pocket,
    turn: Option<Pocket>,
}

impl Store {
    /// Ends a job once, however often it is asked to. Its row and its event may be forgotten after
    /// `retention`; its entries in the ledger never are.
    ///
    /// # Errors
    /// [`FinishError`]; after [`StoreError::Unknown`] it may have ended, and asking again tells.
    pub async fn finish(
        &self,
        job: &Job,
        guard: Guard,
        ending: &Ending,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Finished, FinishError> {
        let resolution = ending.resolve(&job.hold);
        let (pocket, turn) = (job.hold.pocket(), job.turn);
        let job = Target { user: &job.user, job: &job.id, pocket, turn };
        self.end(job, guard, ending, &resolution, now, retention).await
    }

    /// Expires a job whose row cannot be read, once it is past its hard expiry, so that no hold
    /// stands for ever. What is given back is what the ledger says was held, and the turn that the row has.
    ///
    /// # Errors
    /// [`FinishError`], and [`StoreError::Unreadable`] if there is no hold either.
    pub async fn expire_unreadable(
        &self,
        (user, job): (&UserId, &JobId),
        now: Timestamp,
        retention: Duration,
    ) -> Result<Finished, FinishError> {
        let found = self.get(&self.tables.ledger, keys::hold(user, job)).await?;
        let row: Option<EntryItem> =
            found.map(serde_dynamo::from_item).transpose().map_err(StoreError::from)?;
        let Some(EntryItem::Hold(hold)) = row else {
            return Err(StoreError::Unreadable("the job has no hold".into()).into());
        };
        let refund = Resolution::refund(hold.amount_micros);
        let found = self.get(&self.tables.jobs, keys::job(user, job)).await?;
        let turn = found.and_then(|row| row.get("turn").map(|turn| turn_of(turn, hold.pocket)));
        let job = Target { user, job, pocket: hold.pocket, turn };
        self.end(job, Guard::Open, &Ending::Expired, &refund, now, retention).await
    }

    async fn end(
        &self,
        job: Target<'_>,
        guard: Guard,
        ending: &Ending,
        resolution: &Resolution,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Finished, FinishError> {
        let guard = guard.of(ending);
        let [.., a, b, c, d] = *job.job.as_bytes();
        let salt = u64::from(u32::from_be_bytes([d, c, b, a]));
        let tx = self.finish_tx(job, guard, ending, resolution, now, retention);
        match tx.commit(&self.client, salt).await {
            Ok(()) => Ok(Finished::Now),
            Err(TxError::Store(error)) => Err(error.into()),
            Err(TxError::Refused { step: Step::Resolution, found: Some(found), .. }) => {
                let EntryKind::Resolution { figures, .. } = read_entry(found)?.kind else {
                    return Err(StoreError::Unreadable("not a resolution".into()).into());
                };
                let same = figures == *resolution.figures();
                Ok(if same { Finished::Before } else { Finished::Otherwise })
            }
            Err(TxError::Refused { step: Step::Job, .. }) => Ok(Finished::Superseded),
            Err(TxError::Refused { .. }) => Err(FinishError::Unbalanced),
        }
    }

    fn finish_tx(
        &self,
        Target { user, job, pocket, turn }: Target<'_>,
        guard: Guard,
        ending: &Ending,
        resolution: &Resolution,
        now: Timestamp,
        retention: Duration,
    ) -> Tx<Step> {
        let figures = resolution.figures();
        let forget_at_s = now.plus(retention).seconds();
        let entry = EntryItem::resolution(*job, figures, now);
        let event = EventItem::new(*job, ending.status(), now, forget_at_s);
        let balance = Write::update(
            keys::balance(user, pocket),
            "SET held_micros = held_micros - :held, \
             available_micros = available_micros + :released, \
             charged_micros = charged_micros + :charged, \
             open_jobs = open_jobs - :one, free_slots = free_slots + :one, \
             free_turns = free_turns + :turns, waiting_jobs = waiting_jobs - :waits, \
             balance_version = balance_version + :one",
            Condition::FinishBalance,
        )
        .with(":held", figures.held)
        .with(":released", figures.released)
        .with(":charged", figures.charged)
        .with(":turns", u8::from(turn == Some(pocket)))
        .with(":waits", u8::from(turn.is_none()))
        .with(":one", 1);
        let close = close_job(keys::job(user, job), (guard, turn), ending)
            .with(":ended", ending.status())
            .with(":now", now)
            .with(":charged", figures.charged)
            .with(":forget", forget_at_s);
        let resolution = keys::resolution(user, job);
        let resolution = Write::put(resolution, &entry, Condition::FinishResolution);
        let event_key = keys::event(user, job, ending.status());
        let event = Write::put(event_key, &event, Condition::FinishEvent);
        let Self { tables, .. } = self;
        let tx = Tx::new()
            .step(Step::Resolution, &tables.ledger, resolution)
            .step(Step::Job, &tables.jobs, close)
            .step(Step::Balance, &tables.ledger, balance);
        let tx = match turn.filter(|turn| *turn != pocket) {
            Some(turn) => tx.step(Step::Turn, &tables.ledger, give_back(keys::balance(user, turn))),
            None => tx,
        };
        tx.step(Step::Event, &tables.jobs, event)
    }
}

/// The write that gives a turn back to another pocket than the one that held.
fn give_back(pocket: Key) -> Write {
    Write::update(
        pocket,
        "SET free_turns = free_turns + :one, balance_version = balance_version + :one",
        Condition::FinishTurn,
    )
    .with(":one", 1)
}

/// The pocket that a turn is of, in a row that cannot be read otherwise. Which one it is matters to nobody, as
/// long as it goes back to one.
fn turn_of(attribute: &AttributeValue, otherwise: Pocket) -> Pocket {
    let number = attribute.as_n().ok().and_then(|number| number.parse::<u8>().ok());
    number.and_then(|number| Pocket::try_from(number).ok()).unwrap_or(otherwise)
}

/// The write that closes the job's row. With its last state the row leaves the index of due rows.
fn close_job(key: Key, (guard, turn): (Guard, Option<Pocket>), ending: &Ending) -> Write {
    let condition = guard.condition(ending);
    let write = match ending {
        Ending::Succeeded(delivered) => Write::update(
            key,
            "SET job_status = :ended, completed_at_ms = :now, charged_micros = :charged, \
             forget_at_s = :forget, images = :images \
             REMOVE due_shard, due_at_ms, lease_until_ms",
            condition,
        )
        .with(":images", delivered.images()),
        Ending::Failed(Verdict { failure, reason: None }) => Write::update(
            key,
            "SET job_status = :ended, completed_at_ms = :now, charged_micros = :charged, \
             forget_at_s = :forget, failure = :failure \
             REMOVE due_shard, due_at_ms, lease_until_ms",
            condition,
        )
        .with(":failure", failure),
        Ending::Failed(Verdict { failure, reason: Some(reason) }) => Write::update(
            key,
            "SET job_status = :ended, completed_at_ms = :now, charged_micros = :charged, \
             forget_at_s = :forget, failure = :failure, failure_reason = :reason \
             REMOVE due_shard, due_at_ms, lease_until_ms",
            condition,
        )
        .with(":failure", failure)
        .with(":reason", reason),
        Ending::Expired | Ending::Canceled => Write::update(
            key,
            "SET job_status = :ended, completed_at_ms = :now, charged_micros = :charged, \
             forget_at_s = :forget \
             REMOVE due_shard, due_at_ms, lease_until_ms",
            condition,
        ),
    };
    match guard {
        Guard::Fence(fence) => write.with(":processing", Status::Processing).with(":fence", fence),
        Guard::Pending => write.with(":pending", Status::Pending),
        Guard::Open => write
            .with(":pending", Status::Pending)
            .with(":processing", Status::Processing)
            .with(":waits", u8::from(turn.is_none()))
            .with(":none", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_goes_back_to_the_pocket_that_the_row_names_if_it_names_one() {
        let [second, third] = [1, 2].map(|n| Pocket::try_from(n).unwrap());
        let number = |text: &str| AttributeValue::N(text.to_owned());
        assert_eq!(turn_of(&number("2"), second), third);
        for other in [number("200"), number("1.5"), AttributeValue::S("2".to_owned())] {
            assert_eq!(turn_of(&other, second), second, "{other:?}");
        }
    }
}
