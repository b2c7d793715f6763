//! T1: accepting a job. The idempotency key, the job, its hold and the balance, in one step.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    fingerprint::Fingerprint,
    ids::{JobId, UserId},
    job::Job,
    ledger::Balance,
    money::MicroUsd,
    pocket::{Met, Next, Pocket},
    time::Timestamp,
};

use tokio::time::{timeout, timeout_at};

use crate::{
    Store,
    conditions::Condition,
    error::StoreError,
    item::{EntryItem, HoldItem, JobItem, KeyItem, VERSION},
    keys,
    pockets::{BalanceItem, is_suspended},
    tx::{Effort, Item, Tx, TxError, Write},
};

/// Longest wait for the look that tells what became of a transaction without an answer.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// How many pockets are asked for an order at most, each as often as that takes.
const ASKED_MAX: u8 = 64;

/// An idempotency key that is to name the job.
#[derive(Clone, Debug)]
pub struct KeyClaim {
    /// The key's digest.
    pub digest: String,
    /// What was asked for under it.
    pub fingerprint: Fingerprint,
    /// From when on the key may name another job.
    pub expires_at: Timestamp,
}

/// A job to accept. It must be pending.
#[derive(Clone, Debug)]
pub struct Acceptance<'a> {
    /// The job.
    pub job: &'a Job,
    /// The key, if the caller gave one.
    pub key: Option<KeyClaim>,
}

/// What became of it. Both are success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The job is accepted and its price is held.
    Now,
    /// The key already names this job, which was asked for in the same words.
    Before(JobId),
}

/// Why a job was not accepted. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The key names a job that was asked for in other words.
    #[error("the idempotency key names another request")]
    KeyReused,
    /// There is less than the hold.
    #[error("the balance is below the price")]
    InsufficientBalance {
        /// What there is.
        available: MicroUsd,
    },
    /// The user has as many unfinished jobs as their tier allows.
    #[error("too many unfinished jobs")]
    QueueFull {
        /// How many are allowed.
        cap: u32,
    },
    /// The account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// There is no such user.
    #[error("there is no such account")]
    NoAccount,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The writes, the most telling first: a replay is a replay even when the balance is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Key,
    Job,
    Hold,
    Balance,
}

/// How a job comes by its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It takes one now, which is free and for which nobody waits.
    Taken,
    /// It waits for one.
    Awaited,
}

impl Store {
    /// Accepts a job and holds its price, or says why not. The first pocket of the balance is asked, and
    /// others when it is busy or has too little. Without a free turn it is accepted all the same, and waits.
    ///
    /// # Errors
    /// [`AcceptError`]; after [`StoreError::Unknown`] it may have been accepted, and asking again
    /// under the same key tells.
    pub async fn accept(&self, acceptance: &Acceptance<'_>) -> Result<Accepted, AcceptError> {
        let job = acceptance.job;
        let [.., a, b, c, d] = *job.id.as_bytes();
        let salt = u64::from(u32::from_be_bytes([a, b, c, d]));
        let mut effort = Effort::new(salt);
        match self.accept_anywhere(acceptance, salt, &mut effort).await {
            Err(AcceptError::Store(error @ StoreError::Unknown(_))) => {
                self.accepted_after_all(job, error).await
            }
            // There may be more money, or more room, by the time that the missing attempt arrives. Whoever
            // is told that it was refused would take the key to be free.
            Err(
                AcceptError::InsufficientBalance { .. }
                | AcceptError::QueueFull { .. }
                | AcceptError::Suspended
                | AcceptError::Store(StoreError::Busy),
            ) if effort.is_unheard() => {
                let error = StoreError::Unknown("not accepted, and an answer is missing".into());
                self.accepted_after_all(job, error).await
            }
            decided => decided,
        }
    }

    /// Asks one pocket after the other.
    async fn accept_anywhere(
        &self,
        acceptance: &Acceptance<'_>,
        salt: u64,
        effort: &mut Effort,
    ) -> Result<Accepted, AcceptError> {
        let job = acceptance.job;
        let amount = job.hold.amount();
        let (mut pocket, mut seen) = (Pocket::FIRST, None);
        let mut turn = Turn::Taken;
        for asked in 0..ASKED_MAX {
            let tx = self.accept_tx(acceptance, pocket, turn)?;
            let met = match tx.attempt(&self.client, effort).await {
                Ok(()) => return Ok(Accepted::Now),
                Err(TxError::Store(StoreError::Busy)) => Met::Others,
                Err(TxError::Store(error)) => return Err(error.into()),
                Err(TxError::Refused { step, found, .. }) => match (step, found) {
                    (Step::Key, Some(found)) => return named_before(found, acceptance),
                    // The id is fresh, so who wrote it before was this call, whose answer got lost.
                    (Step::Job | Step::Hold, _) => return Ok(Accepted::Now),
                    (Step::Balance, Some(found)) if is_suspended(&found) => {
                        return Err(AcceptError::Suspended);
                    }
                    // Money and room there are, but no turn: its job waits for one.
                    (Step::Balance, Some(found)) if turn == Turn::Taken && pays(&found, job)? => {
                        turn = Turn::Awaited;
                        effort.check(Duration::ZERO)?;
                        continue;
                    }
                    (Step::Balance, Some(_)) => Met::TooLittle,
                    (Step::Key | Step::Balance, None) => return Err(AcceptError::NoAccount),
                },
            };
            let pockets = timeout_at(effort.limit(), self.pockets(&job.user)).await;
            let pockets = pockets.unwrap_or(Err(StoreError::Busy))?;
            let pockets = pockets.ok_or(AcceptError::NoAccount)?;
            let luck = salt.wrapping_add(asked.into());
            let next = pockets.next(amount, pocket, met, luck);
            // A single row is of one moment, and so are rows that were twice the same. Then there was too little.
            let is_of_one_moment = pockets.is_single() || seen.as_ref() == Some(&pockets);
            if next == Next::Refuse && is_of_one_moment {
                return Err(unaffordable(&pockets.total(), job));
            }
            seen = Some(pockets);
            // What is throttled takes long to be refused.
            effort.check(Duration::ZERO)?;
            let is_elsewhere = match next {
                Next::Ask(other) => {
                    pocket = other;
                    true
                }
                Next::Move(what) => {
                    let moved = self.move_between(&job.user, &what, &effort.aside()).await?;
                    pocket = if moved { what.to } else { pocket };
                    moved
                }
                Next::Wait | Next::Refuse => false,
            };
            // Who is told so by the pockets need not be refused first.
            let is_offered = seen.as_ref().is_some_and(|pockets| pockets.offers_turn(pocket));
            if !is_offered && !matches!(next, Next::Move(_)) {
                turn = Turn::Awaited;
            }
            // Who meets others for the first time goes elsewhere at once.
            if asked == 0 && is_elsewhere {
                effort.check(Duration::ZERO)?;
            } else {
                effort.rest().await?;
            }
        }
        Err(StoreError::Busy.into())
    }

    /// The job that a key names already, for a request that cannot be accepted as it stands: what was
    /// accepted once stays so, also when its upstream takes less now than then.
    ///
    /// # Errors
    /// [`AcceptError::KeyReused`], and the table's own trouble.
    pub async fn replayed(
        &self,
        user: &UserId,
        key: &KeyClaim,
        now: Timestamp,
    ) -> Result<Option<JobId>, AcceptError> {
        let found = self.get(&self.tables.jobs, keys::idempotency(user, &key.digest)).await?;
        let row: Option<KeyItem> =
            found.map(serde_dynamo::from_item).transpose().map_err(StoreError::from)?;
        match row.filter(|row| now < row.expires_at_ms) {
            None => Ok(None),
            Some(row) if row.fingerprint == key.fingerprint => Ok(Some(row.job_id)),
            Some(_) => Err(AcceptError::KeyReused),
        }
    }

    /// No telling answer came. Whether the job is there tells what the answer would have been; if that
    /// cannot be learned soon either, the caller must ask again.
    async fn accepted_after_all(
        &self,
        job: &Job,
        unknown: StoreError,
    ) -> Result<Accepted, AcceptError> {
        match timeout(SECOND_LOOK, self.job(&job.user, &job.id)).await {
            Ok(Ok(Some(_))) => Ok(Accepted::Now),
            Ok(Ok(None) | Err(_)) | Err(_) => Err(unknown.into()),
        }
    }

    fn accept_tx(
        &self,
        acceptance: &Acceptance<'_>,
        pocket: Pocket,
        turn: Turn,
    ) -> Result<Tx<Step>, StoreError> {
        let Acceptance { job, key } = acceptance;
        let user = &job.user;
        let mut tx = Tx::new();
        if let Some(key) = key {
            let row = KeyItem {
                v: VERSION,
                job_id: job.id,
                fingerprint: key.fingerprint.clone(),
                expires_at_ms: key.expires_at,
                forget_at_s: key.expires_at.seconds(),
            };
            let key = keys::idempotency(user, &key.digest);
            let write = Write::put(key, &row, Condition::AcceptKey).with(":now", job.created_at);
            tx = tx.step(Step::Key, &self.tables.jobs, write);
        }
        let amount = job.hold.amount();
        let hold = EntryItem::Hold(HoldItem {
            v: VERSION,
            created_at_ms: job.created_at,
            job_id: job.id,
            amount_micros: amount,
            pocket,
        });
        let balance = Write::update(
            keys::balance(user, pocket),
            "SET available_micros = available_micros - :hold, held_micros = held_micros + :hold, \
             open_jobs = open_jobs + :one, free_slots = free_slots - :one, \
             free_turns = free_turns - :turns, waiting_jobs = waiting_jobs + :waits, \
             balance_version = balance_version + :one",
            Condition::AcceptBalance,
        )
        .with(":hold", amount)
        .with(":turns", u8::from(turn == Turn::Taken))
        .with(":waits", u8::from(turn == Turn::Awaited))
        .with(":none", 0)
        .with(":one", 1);
        let row = JobItem::pending(job, pocket, (turn == Turn::Taken).then_some(pocket))?;
        let row = Write::put(keys::job(user, &job.id), &row, Condition::AcceptJob);
        let hold = Write::put(keys::hold(user, &job.id), &hold, Condition::AcceptHold);
        Ok(tx
            .step(Step::Job, &self.tables.jobs, row)
            .step(Step::Hold, &self.tables.ledger, hold)
            .step(Step::Balance, &self.tables.ledger, balance))
    }
}

/// The key named a job already: the same request again, or another.
fn named_before(found: Item, acceptance: &Acceptance<'_>) -> Result<Accepted, AcceptError> {
    let row: KeyItem = serde_dynamo::from_item(found).map_err(StoreError::from)?;
    let same = acceptance.key.as_ref().is_some_and(|key| key.fingerprint == row.fingerprint);
    if row.job_id == acceptance.job.id {
        Ok(Accepted::Now)
    } else if same {
        Ok(Accepted::Before(row.job_id))
    } else {
        Err(AcceptError::KeyReused)
    }
}

/// Whether the pocket that refused a job has the money and the slot for it.
fn pays(found: &Item, job: &Job) -> Result<bool, StoreError> {
    let found: BalanceItem = serde_dynamo::from_item(found.clone())?;
    Ok(found.available_micros >= job.hold.amount() && found.free_slots > 0)
}

/// Which of the two it lacks.
fn unaffordable(balance: &Balance, job: &Job) -> AcceptError {
    if balance.available < job.hold.amount() {
        AcceptError::InsufficientBalance { available: balance.available }
    } else {
        AcceptError::QueueFull { cap: balance.queue_cap }
    }
}

/// A number attribute, for expressions that no row type covers.
pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
