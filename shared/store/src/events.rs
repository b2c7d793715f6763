//! Events: what became of a job, kept until it is told. Its row is written with the job's ending and is due until the
//! table of webhooks has a note that it was told. Whoever tells it cannot write to the tables of jobs and money.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{ids::UserId, time::Timestamp, webhook::EventId};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    claim::{time, values},
    conditions::Condition,
    error::StoreError,
    item::{EventItem, VERSION, known},
    keys,
    tx::Item,
};

/// An event, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened to which job.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Until when whatever is known of it is kept, in seconds since the epoch.
    pub forget_at_s: u64,
}

/// The note that an event was told.
#[derive(Debug, Serialize, Deserialize)]
struct ToldItem {
    #[serde(deserialize_with = "known")]
    v: u32,
    told_at_ms: Timestamp,
    forget_at_s: u64,
}

impl Store {
    /// A user's event.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn event(&self, user: &UserId, id: &EventId) -> Result<Option<Event>, StoreError> {
        let key = keys::event(user, &id.job, id.kind.status());
        let Some(item) = self.get(&self.tables.jobs, key).await? else { return Ok(None) };
        let row: EventItem = serde_dynamo::from_item::<Item, _>(item)?;
        Ok(Some(Event { id: *id, at: row.occurred_at_ms, forget_at_s: row.forget_at_s }))
    }

    /// Whether an event was told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn is_told(&self, user: &UserId, id: &EventId) -> Result<bool, StoreError> {
        Ok(self.get(&self.tables.webhooks, keys::told(user, id)).await?.is_some())
    }

    /// Notes that an event was told: published, and noted for all its receivers.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn note_told(
        &self,
        user: &UserId,
        event: &Event,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = ToldItem { v: VERSION, told_at_ms: now, forget_at_s: event.forget_at_s };
        let key = keys::told(user, &event.id);
        self.put_new(&self.tables.webhooks, key, &row, Condition::NoteTold).await.map(drop)
    }

    /// Looks no longer after an event that was told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn leave_event(&self, user: &UserId, id: &EventId) -> Result<(), StoreError> {
        // Left by somebody else meanwhile: nothing is to be done.
        let write = self.tend_event(user, id).update_expression("REMOVE due_shard, due_at_ms");
        self.fenced(write).await.map(drop)
    }

    /// Has an event that was not told looked after again at `next`.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn postpone_event(
        &self,
        user: &UserId,
        id: &EventId,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self
            .tend_event(user, id)
            .update_expression("SET due_at_ms = :due")
            .set_expression_attribute_values(values([(":due", time(next))]));
        self.fenced(write).await.map(drop)
    }

    fn tend_event(&self, user: &UserId, id: &EventId) -> UpdateItemFluentBuilder {
        let key = keys::event(user, &id.job, id.kind.status());
        self.client
            .update_item()
            .table_name(&self.tables.jobs)
            .set_key(Some(key.attributes()))
            .condition_expression(Condition::TendEvent.text())
    }
}
