//! The first claim of a job that waits: one that its user has too many running for. It takes a turn in the same step,
//! so that never more jobs of a user run than may. A job that was accepted with a turn is claimed without this.

use std::time::Duration;

use domain::{
    job::{Dispatch, Fence, Job, Run, State, Status},
    pocket::Pocket,
    time::Timestamp,
};

use crate::{
    Claimed, Lease, Store,
    claim::{claimed, is_held_by},
    conditions::Condition,
    error::StoreError,
    item::{DispatchWord, read_job},
    keys,
    tx::{Tx, TxError, Write},
};

/// The writes of a first claim that takes a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Job,
    /// The pocket that holds the job's price, and counts it among those that wait.
    Own,
    /// The pocket that its turn is of, where that is another.
    Other,
}

impl Store {
    /// Claims a job that waits, if there is a turn for it. No transaction is spent where there is none.
    pub(crate) async fn take_turn(
        &self,
        job: Job,
        due_at: Option<Timestamp>,
        now: Timestamp,
        lease: &Lease,
        run_limit: Duration,
        grace: Duration,
    ) -> Result<Claimed, StoreError> {
        let pockets = self.pockets(&job.user).await?;
        let pockets = pockets.ok_or_else(|| StoreError::Unreadable("no balance".into()))?;
        let age = now.since(job.created_at);
        let Some(turn) = pockets.turn(job.hold.pocket(), age) else {
            return Ok(Claimed::Waits { job, due_at });
        };
        let run = Run {
            fence: Fence(1),
            lease_until: Some(lease.until),
            deadline: now.plus(run_limit),
            submits: 1,
            dispatch: Dispatch::Intended,
        };
        let begun = Job { turn: Some(turn), state: State::Processing(run.clone()), ..job.clone() };
        let [.., a, b, c, d] = *job.id.as_bytes();
        let salt = u64::from(u32::from_be_bytes([c, d, a, b]));
        let tx = self.turn_tx(&begun, turn, now.minus(grace), lease, run.deadline);
        match tx.commit(&self.client, salt).await {
            Ok(()) => Ok(Claimed::Begun(begun, run)),
            Err(TxError::Refused { step: Step::Job, found: Some(found) }) => {
                if is_held_by(&found, lease) {
                    return claimed(Some(found));
                }
                self.claim_again(read_job(found)?, now, lease).await
            }
            Err(TxError::Refused { step: Step::Job, found: None }) => Ok(Claimed::Missing),
            // Others were quicker, or are in the way.
            Err(
                TxError::Refused { step: Step::Own | Step::Other, .. }
                | TxError::Store(StoreError::Busy),
            ) => Ok(Claimed::Waits { job, due_at }),
            Err(TxError::Store(error)) => Err(error),
        }
    }

    /// The first claim of a job that takes this turn.
    fn turn_tx(
        &self,
        job: &Job,
        turn: Pocket,
        overdue: Timestamp,
        lease: &Lease,
        run_deadline: Timestamp,
    ) -> Tx<Step> {
        let own = job.hold.pocket();
        let begin = Write::update(
            keys::job(&job.user, &job.id),
            "SET job_status = :processing, fence = :one, lease_until_ms = :lease, \
             run_deadline_at_ms = :run, submits = :one, dispatch = :intended, \
             lease_holder = :holder, turn = :turn",
            Condition::ClaimWaiting,
        )
        .with(":processing", Status::Processing)
        .with(":pending", Status::Pending)
        .with(":intended", DispatchWord::Intended)
        .with(":one", 1)
        .with(":lease", lease.until)
        .with(":holder", &lease.holder)
        .with(":run", run_deadline)
        .with(":overdue", overdue)
        .with(":turn", turn);
        let count = |pocket, turns: u8, waits: u8| {
            Write::update(
                keys::balance(&job.user, pocket),
                "SET free_turns = free_turns - :turns, waiting_jobs = waiting_jobs - :waits, \
                 balance_version = balance_version + :one",
                Condition::ClaimTurn,
            )
            .with(":turns", turns)
            .with(":waits", waits)
            .with(":one", 1)
        };
        let ledger = &self.tables.ledger;
        let tx = Tx::new().step(Step::Job, &self.tables.jobs, begin);
        let tx = tx.step(Step::Own, ledger, count(own, u8::from(turn == own), 1));
        if turn == own { tx } else { tx.step(Step::Other, ledger, count(turn, 1, 0)) }
    }
}
