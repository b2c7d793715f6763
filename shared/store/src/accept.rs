//! T1: accepting a job. The idempotency key, the job, its hold and the balance, in one step.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    fingerprint::Fingerprint,
    ids::{JobId, UserId},
    job::Job,
    money::MicroUsd,
    time::Timestamp,
};

use tokio::time::timeout;

use crate::{
    Store,
    conditions::Condition,
    error::StoreError,
    item::{BalanceItem, EntryItem, JobItem, KeyItem, VERSION},
    keys,
    tx::{Item, Tx, TxError, Write},
};

/// Longest wait for the look that tells what became of a transaction without an answer.
const SECOND_LOOK: Duration = Duration::from_secs(2);

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

impl Store {
    /// Accepts a job and holds its price, or says why not.
    ///
    /// # Errors
    /// [`AcceptError`]; after [`StoreError::Unknown`] it may have been accepted, and asking again
    /// under the same key tells.
    pub async fn accept(&self, acceptance: &Acceptance<'_>) -> Result<Accepted, AcceptError> {
        let job = acceptance.job;
        let [.., a, b, c, d] = *job.id.as_bytes();
        let salt = u64::from(u32::from_be_bytes([a, b, c, d]));
        let refused = match self.accept_tx(acceptance)?.commit(&self.client, salt).await {
            Ok(()) => return Ok(Accepted::Now),
            Err(TxError::Store(error @ StoreError::Unknown(_))) => {
                return self.accepted_after_all(job, error).await;
            }
            Err(TxError::Store(error)) => return Err(error.into()),
            // There may be more money, or more room, by the time that the missing attempt arrives. Whoever
            // is told that it was refused would take the key to be free.
            Err(TxError::Refused { step: Step::Balance, is_final: false, .. }) => {
                let error = StoreError::Unknown("refused, and an answer is missing".into());
                return self.accepted_after_all(job, error).await;
            }
            Err(TxError::Refused { step, found, .. }) => (step, found),
        };
        match refused {
            (Step::Key, Some(found)) => named_before(found, acceptance),
            // The id is fresh, so who wrote it before was this call, whose answer got lost.
            (Step::Job | Step::Hold, _) => Ok(Accepted::Now),
            (Step::Balance, Some(found)) => Err(unaffordable(found, job)?),
            (Step::Key | Step::Balance, None) => Err(AcceptError::NoAccount),
        }
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

    fn accept_tx(&self, acceptance: &Acceptance<'_>) -> Result<Tx<Step>, StoreError> {
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
        let hold = EntryItem::Hold {
            v: VERSION,
            created_at_ms: job.created_at,
            job_id: job.id,
            amount_micros: amount,
        };
        let balance = Write::update(
            keys::balance(user),
            "SET available_micros = available_micros - :hold, held_micros = held_micros + :hold, \
             open_jobs = open_jobs + :one, balance_version = balance_version + :one",
            Condition::AcceptBalance,
        )
        .with(":hold", amount)
        .with(":one", 1);
        let row = JobItem::pending(job)?;
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

/// Which of the two conditions on the balance did not hold.
fn unaffordable(found: Item, job: &Job) -> Result<AcceptError, StoreError> {
    let row: BalanceItem = serde_dynamo::from_item::<Item, _>(found)?;
    Ok(if row.available_micros < job.hold.amount() {
        AcceptError::InsufficientBalance { available: row.available_micros }
    } else {
        AcceptError::QueueFull { cap: row.queue_cap }
    })
}

/// A number attribute, for expressions that no row type covers.
pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
