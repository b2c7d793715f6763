//! The index of rows that somebody must still look at: sparse, sharded, in order of time.

use domain::{
    ids::{JobId, UserId},
    job::Job,
    schedule,
    time::Timestamp,
    webhook::EventId,
};

use crate::{
    Fenced, Store,
    accept::number,
    claim::{time, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::read_key,
    keys,
    tx::Item,
};

/// The name of the index.
pub(crate) const INDEX: &str = "due";

/// Of how many shards the index consists: enough that no partition is hot, few enough to ask all.
pub const SHARDS: u8 = keys::SHARDS;

/// A row that is due. The index may be behind: what counts is the row itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// Whose job.
    pub user: UserId,
    /// The job.
    pub job: JobId,
}

/// An event that nobody has told yet, as far as the index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEvent {
    /// Whose job.
    pub user: UserId,
    /// What became of it.
    pub event: EventId,
}

/// Some of the rows that are due in a shard, the longest due first.
#[derive(Clone, Debug)]
pub struct DuePage {
    /// The jobs.
    pub rows: Vec<DueRow>,
    /// The events.
    pub events: Vec<DueEvent>,
    /// How many rows in it are none of ours.
    pub unreadable: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

/// A place in a shard.
#[derive(Clone, Debug)]
pub struct Position(Item);

impl Store {
    /// At most `limit` of the rows of a shard that are due at `now`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due(
        &self,
        shard: u8,
        now: Timestamp,
        limit: u16,
        from: Option<Position>,
    ) -> Result<DuePage, StoreError> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.jobs)
            .index_name(INDEX)
            .key_condition_expression("due_shard = :shard AND due_at_ms <= :now")
            .set_expression_attribute_values(values([
                (":shard", number(shard.into())),
                (":now", time(now)),
            ]))
            .limit(limit.into())
            .set_exclusive_start_key(from.map(|Position(key)| key))
            .send()
            .await
            .map_err(sort)?;
        let next = output.last_evaluated_key.map(Position);
        let mut page = DuePage { rows: Vec::new(), events: Vec::new(), unreadable: 0, next };
        for item in output.items.unwrap_or_default() {
            match read_row(&item) {
                Some(Due::Job(row)) => page.rows.push(row),
                Some(Due::Event(event)) => page.events.push(event),
                None => page.unreadable = page.unreadable.saturating_add(1),
            }
        }
        Ok(page)
    }

    /// Has an open job looked at again at `next` instead. It bears the state that was seen, so that
    /// a job that was claimed or ended meanwhile is left alone.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn postpone(
        &self,
        job: &Job,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<Fenced, StoreError> {
        let fence = match &job.state {
            domain::job::State::Processing(run) => run.fence.0,
            domain::job::State::Pending
            | domain::job::State::Succeeded { .. }
            | domain::job::State::Failed { .. }
            | domain::job::State::Expired { .. }
            | domain::job::State::Refunded { .. } => 0,
        };
        let write = self
            .update_job(&job.user, &job.id, Condition::Postpone)
            .update_expression("SET due_at_ms = :due")
            .set_expression_attribute_values(values([
                (":due", time(schedule::due_at(next, job.expires_at, now))),
                (":now", time(now)),
                (":fence", number(fence.into())),
                (":none", number(0)),
            ]));
        self.fenced(write).await
    }
}

/// What is due.
enum Due {
    Job(DueRow),
    Event(DueEvent),
}

fn read_row(item: &Item) -> Option<Due> {
    let (user, sk) = read_key(item).ok()?;
    if let Some(event) = keys::event_in(&sk) {
        return Some(Due::Event(DueEvent { user, event }));
    }
    let job = sk.strip_prefix(keys::JOB)?.parse().ok()?;
    Some(Due::Job(DueRow { user, job }))
}
