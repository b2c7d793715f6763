//! Deliveries: one event for one receiver, with every attempt at it. The body is written once and is the same in all
//! attempts.

mod attempt;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{
    ids::UserId,
    time::Timestamp,
    webhook::{DeliveryId, WebhookUrl},
};
use serde::{Deserialize, Serialize};

pub use self::attempt::{Attempt, Begun};
use crate::{
    Cursor, List, Page, Store,
    accept::number,
    claim::{time, values},
    conditions::Condition,
    due::INDEX,
    error::{StoreError, sort},
    item::{VERSION, known, read_key},
    keys,
    lookup::page,
    tx::Item,
};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// There is an attempt to come, or under way.
    Due,
    /// It was taken.
    Delivered,
    /// It was tried as often as it is, or its receiver is gone.
    GivenUp,
}

impl DeliveryStatus {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// A delivery, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which.
    pub id: DeliveryId,
    /// Where to.
    pub url: WebhookUrl,
    /// What is sent, to the byte.
    pub body: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How many attempts were begun.
    pub tries: u32,
    /// How many of them before it was begun anew.
    pub earlier: u32,
    /// The attempts that are remembered, the latest last.
    pub attempts: Vec<Attempt>,
    /// When the next attempt is to be made; of use while it is due.
    pub next_at: Timestamp,
    /// Since when an attempt is under way, if one is: the last of `tries`.
    pub under_way: Option<Timestamp>,
    /// When it was noted.
    pub created_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct DeliveryItem {
    #[serde(deserialize_with = "known")]
    v: u32,
    url: WebhookUrl,
    body: String,
    delivery_status: DeliveryStatus,
    tries: u32,
    #[serde(default)]
    earlier: u32,
    #[serde(default)]
    attempts: Vec<Attempt>,
    next_at_ms: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    under_way_since_ms: Option<Timestamp>,
    created_at_ms: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_shard: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at_ms: Option<Timestamp>,
    forget_at_s: u64,
}

/// What is delivered, and to whom, before the first attempt.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Which.
    pub id: DeliveryId,
    /// Where to.
    pub url: WebhookUrl,
    /// What is sent, to the byte.
    pub body: String,
    /// Until when it is kept, in seconds since the epoch.
    pub forget_at_s: u64,
}

/// A delivery that is due. The index may be behind: what counts is the row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub delivery: DeliveryId,
}

/// Some of the deliveries that are due in a shard.
#[derive(Clone, Debug)]
pub struct DueDeliveries {
    /// The longest due first.
    pub rows: Vec<DueDelivery>,
    /// How many rows beside them are none of ours.
    pub unreadable: usize,
    /// Whether there may be more.
    pub is_full: bool,
}

impl Store {
    /// Notes a delivery that is to be made at once, unless it is noted already.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn add_delivery(
        &self,
        user: &UserId,
        new: &NewDelivery,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = DeliveryItem {
            v: VERSION,
            url: new.url.clone(),
            body: new.body.clone(),
            delivery_status: DeliveryStatus::Due,
            tries: 0,
            earlier: 0,
            attempts: Vec::new(),
            next_at_ms: now,
            under_way_since_ms: None,
            created_at_ms: now,
            due_shard: Some(keys::shard(&new.id.event.job)),
            due_at_ms: Some(now),
            forget_at_s: new.forget_at_s,
        };
        let key = keys::delivery(user, &new.id);
        self.put_new(&self.tables.webhooks, key, &row, Condition::AddDelivery).await.map(drop)
    }

    /// A user's delivery.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn delivery(
        &self,
        user: &UserId,
        id: &DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let found = self.get(&self.tables.webhooks, keys::delivery(user, id)).await?;
        found.map(read_delivery).transpose()
    }

    /// A user's deliveries, those of the newest job first; at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn deliveries(
        &self,
        user: &UserId,
        limit: u8,
        from: Option<&Cursor>,
    ) -> Result<Page<Delivery>, StoreError> {
        let query = self.list(&self.tables.webhooks, user, List::Deliveries, from);
        let query = query.limit(i32::from(limit).saturating_add(1));
        let (items, next) = page(query, limit).await?;
        let rows = items.into_iter().map(read_delivery).collect::<Result<_, _>>()?;
        Ok(Page { rows, next })
    }

    /// At most `limit` of the deliveries of a shard that are due at `now`, the longest due first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn due_deliveries(
        &self,
        shard: u8,
        now: Timestamp,
        limit: u16,
    ) -> Result<DueDeliveries, StoreError> {
        let query = self.client.query().table_name(&self.tables.webhooks).index_name(INDEX);
        let query = query
            .key_condition_expression("due_shard = :shard AND due_at_ms <= :now")
            .set_expression_attribute_values(values([
                (":shard", number(shard.into())),
                (":now", time(now)),
            ]))
            .limit(limit.into());
        let items = query.send().await.map_err(sort)?.items.unwrap_or_default();
        let rows: Vec<DueDelivery> = items.iter().filter_map(read_due).collect();
        let unreadable = items.len().saturating_sub(rows.len());
        Ok(DueDeliveries { rows, unreadable, is_full: items.len() >= usize::from(limit) })
    }

    /// Has a delivery looked after again at `next`. It changes nothing about when it is tried.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn postpone_delivery(
        &self,
        due: &DueDelivery,
        now: Timestamp,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self
            .update_delivery(&due.user, &due.delivery, Condition::TendDelivery)
            .update_expression("SET due_at_ms = :next")
            .set_expression_attribute_values(values([(":now", time(now)), (":next", time(next))]));
        self.fenced(write).await.map(drop)
    }

    fn update_delivery(
        &self,
        user: &UserId,
        id: &DeliveryId,
        condition: Condition,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.webhooks)
            .set_key(Some(keys::delivery(user, id).attributes()))
            .condition_expression(condition.text())
    }
}

impl Delivery {
    /// How many attempts were begun since it was begun, or begun anew.
    #[must_use]
    pub fn made(&self) -> usize {
        usize::try_from(self.tries.saturating_sub(self.earlier)).unwrap_or(usize::MAX)
    }
}

fn read_delivery(item: Item) -> Result<Delivery, StoreError> {
    let (_, sk) = read_key(&item)?;
    let id = keys::delivery_in(&sk);
    let id = id.ok_or_else(|| StoreError::Unreadable("not a delivery".into()))?;
    let row: DeliveryItem = serde_dynamo::from_item(item)?;
    Ok(Delivery {
        id,
        url: row.url,
        body: row.body,
        status: row.delivery_status,
        tries: row.tries,
        earlier: row.earlier,
        attempts: row.attempts,
        next_at: row.next_at_ms,
        under_way: row.under_way_since_ms,
        created_at: row.created_at_ms,
    })
}

fn read_due(item: &Item) -> Option<DueDelivery> {
    let (user, sk) = read_key(item).ok()?;
    Some(DueDelivery { user, delivery: keys::delivery_in(&sk)? })
}
