//! T5: giving the charge of a job that succeeded back. Only the operator does; no function of the product can.
//!
//! Nothing is edited: a *reversal* is added beside the hold and the usage, under a key that follows from the
//! job, so that a charge is given back once. In the same step the job is refunded, the balance has the money
//! and an event tells of it.

use std::time::Duration;

use domain::{
    hold::Resolution,
    ids::{JobId, UserId},
    job::{Job, Refund, State, Status},
    ledger::EntryKind,
    money::MicroUsd,
    pocket::Pocket,
    time::Timestamp,
};

use crate::{
    Store,
    conditions::Condition,
    error::StoreError,
    item::{EntryItem, EventItem, ReversalItem, VERSION, read_entry},
    keys,
    tx::{Tx, TxError, Write},
};

/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 200;

/// What a user paid for a job, which may be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    pub(crate) user: UserId,
    pub(crate) job: JobId,
    pub(crate) pocket: Pocket,
    pub(crate) amount: MicroUsd,
    pub(crate) given_back_at: Option<Timestamp>,
}

impl Charge {
    /// When it was given back, if it was.
    #[must_use]
    pub const fn given_back_at(&self) -> Option<Timestamp> {
        self.given_back_at
    }

    /// How much: all of it is given back, or nothing.
    #[must_use]
    pub const fn amount(&self) -> MicroUsd {
        self.amount
    }
}

/// What became of an attempt to give a charge back. Both are success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reversed {
    /// The user has the money, by this attempt.
    Now,
    /// It was given back before, and nothing was added.
    Before,
}

/// Why nothing was given back.
#[derive(Debug, thiserror::Error)]
pub enum ReverseError {
    /// The reason is empty, too long, or has control characters.
    #[error("a reason has 1 to 200 characters and no control characters")]
    BadReason,
    /// There is no such job, and nothing was ever held for one.
    #[error("there is no such job")]
    NoJob,
    /// Nothing was charged: it has not ended, or its hold was given back.
    #[error("nothing was charged for the job: it is {}", .0.as_str())]
    NotCharged(Status),
    /// The row of the job is not there any more, so it cannot be said to be refunded.
    #[error("the job is so old that its row is forgotten; a credit gives the money all the same")]
    Forgotten,
    /// The account was charged less than this, or the event is there. A person must look.
    #[error("the books do not balance")]
    Unbalanced,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The writes, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Reversal,
    Job,
    Balance,
    Event,
}

impl Store {
    /// What a user paid for a job. One that was given back before is found, too: giving it back again does
    /// nothing.
    ///
    /// # Errors
    /// [`ReverseError`]
    pub async fn charge(&self, user: &UserId, job: &JobId) -> Result<Charge, ReverseError> {
        let found = self.job(user, job).await?;
        let entry = self.get(&self.tables.ledger, keys::resolution(user, job)).await?;
        let entry = entry.map(read_entry).transpose()?;
        let figures = match entry.map(|entry| entry.kind) {
            Some(EntryKind::Resolution { figures, .. }) => Some(figures),
            Some(
                EntryKind::Credit { .. } | EntryKind::Hold { .. } | EntryKind::Reversal { .. },
            ) => return Err(StoreError::Unreadable("not a resolution".into()).into()),
            None => None,
        };
        let unreadable = |error| StoreError::Unreadable(Box::new(error));
        let resolution = figures.map(Resolution::try_from).transpose().map_err(unreadable)?;
        match (found, resolution.and_then(|resolution| resolution.reverse())) {
            (Some(Job { hold, state, .. }), Some(reversal)) => Ok(Charge {
                user: user.clone(),
                job: *job,
                pocket: hold.pocket(),
                amount: reversal.amount(),
                given_back_at: match state {
                    State::Refunded { why: Refund::Reversed { at, .. }, .. } => Some(at),
                    State::Pending
                    | State::Processing(_)
                    | State::Succeeded { .. }
                    | State::Failed { .. }
                    | State::Expired { .. }
                    | State::Refunded { why: Refund::Canceled, .. } => None,
                },
            }),
            (Some(job), None) => Err(ReverseError::NotCharged(job.state.status())),
            (None, Some(_)) => Err(ReverseError::Forgotten),
            (None, None) => Err(ReverseError::NoJob),
        }
    }

    /// Gives a charge back once, however often it is asked to. The job's row and the event may be forgotten
    /// after `retention`; the entry in the ledger never is.
    ///
    /// # Errors
    /// [`ReverseError`]; after [`StoreError::Unknown`] it may have been given back, and asking again does no
    /// harm and tells.
    pub async fn reverse(
        &self,
        charge: &Charge,
        reason: &str,
        now: Timestamp,
        retention: Duration,
    ) -> Result<Reversed, ReverseError> {
        let length = reason.chars().take(REASON_CHARS_MAX.saturating_add(1)).count();
        let plain = !reason.chars().any(char::is_control);
        if !(1..=REASON_CHARS_MAX).contains(&length) || !plain {
            return Err(ReverseError::BadReason);
        }
        let [.., a, b, c, d] = *charge.job.as_bytes();
        let salt = u64::from(u32::from_be_bytes([a, b, c, d]));
        let tx = self.reverse_tx(charge, reason, now, retention);
        match tx.commit(&self.client, salt).await {
            Ok(()) => Ok(Reversed::Now),
            Err(TxError::Store(error)) => Err(error.into()),
            Err(TxError::Refused { step: Step::Reversal, .. }) => Ok(Reversed::Before),
            // A job that was charged has succeeded, and leaves that state by a reversal or with its row.
            Err(TxError::Refused { step: Step::Job, found: None }) => Err(ReverseError::Forgotten),
            Err(TxError::Refused { .. }) => Err(ReverseError::Unbalanced),
        }
    }

    fn reverse_tx(
        &self,
        Charge { user, job, pocket, amount, .. }: &Charge,
        reason: &str,
        now: Timestamp,
        retention: Duration,
    ) -> Tx<Step> {
        let forget_at_s = now.plus(retention).seconds();
        let entry = EntryItem::Reversal(ReversalItem {
            v: VERSION,
            created_at_ms: now,
            job_id: *job,
            amount_micros: *amount,
            reason: reason.to_owned(),
        });
        let event = EventItem::new(*job, Status::Refunded, now, forget_at_s);
        let refund = Write::update(
            keys::job(user, job),
            "SET job_status = :refunded, reversed_at_ms = :now, charged_micros = :nothing, \
             forget_at_s = :forget",
            Condition::ReverseJob,
        )
        .with(":succeeded", Status::Succeeded)
        .with(":refunded", Status::Refunded)
        .with(":now", now)
        .with(":nothing", MicroUsd::ZERO)
        .with(":forget", forget_at_s);
        let balance = Write::update(
            keys::balance(user, *pocket),
            "SET charged_micros = charged_micros - :amount, \
             available_micros = available_micros + :amount, \
             balance_version = balance_version + :one",
            Condition::ReverseBalance,
        )
        .with(":amount", amount)
        .with(":one", 1);
        let reversal = keys::reversal(user, job);
        let reversal = Write::put(reversal, &entry, Condition::ReverseEntry);
        let event_key = keys::event(user, job, Status::Refunded);
        let event = Write::put(event_key, &event, Condition::ReverseEvent);
        let Self { tables, .. } = self;
        Tx::new()
            .step(Step::Reversal, &tables.ledger, reversal)
            .step(Step::Job, &tables.jobs, refund)
            .step(Step::Balance, &tables.ledger, balance)
            .step(Step::Event, &tables.jobs, event)
    }
}
