//! Receivers of webhooks, as whoever delivers sees them: the endpoints of a user, and the secret of their orders.

use domain::{
    ids::UserId,
    time::Timestamp,
    webhook::{ENDPOINTS_MAX, EndpointId, Events, Secret, Secrets, WebhookUrl},
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    claim::{text, time, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::{known, read_key},
    keys,
    tx::Item,
};

/// How many endpoints are read: two who register at the same moment may make one too many.
const READ_MAX: usize = ENDPOINTS_MAX.saturating_mul(2);

/// Why nothing is delivered to an endpoint any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// It said that it is gone for good, with 410.
    Gone,
}

impl Closed {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
        }
    }
}

/// A registered endpoint, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it listens.
    pub url: WebhookUrl,
    /// What it wants to be told.
    pub events: Events,
    /// What deliveries to it are signed with.
    pub secrets: Secrets,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when and why nothing is delivered to it, if that is so.
    pub disabled: Option<(Timestamp, Closed)>,
}

/// The row of an endpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EndpointItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) url: WebhookUrl,
    #[serde(default)]
    pub(crate) events: Events,
    #[serde(flatten)]
    pub(crate) secrets: SecretsItem,
    pub(crate) created_at_ms: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_at_ms: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) disabled_why: Option<Closed>,
}

/// Secrets, in the row of whatever they are of.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SecretsItem {
    pub(crate) secret: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_secret: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_until_ms: Option<Timestamp>,
}

impl From<SecretsItem> for Secrets {
    fn from(row: SecretsItem) -> Self {
        Self { current: row.secret, previous: row.previous_secret.zip(row.previous_until_ms) }
    }
}

impl Store {
    /// The endpoints of a user.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn endpoints(&self, user: &UserId) -> Result<Vec<Endpoint>, StoreError> {
        let query = self.client.query().table_name(&self.tables.webhooks).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :user AND begins_with(sk, :endpoint)")
            .set_expression_attribute_values(values([
                (":user", text(user.as_str())),
                (":endpoint", text(keys::ENDPOINT)),
            ]))
            .limit(i32::try_from(READ_MAX).unwrap_or(i32::MAX));
        let items = query.send().await.map_err(sort)?.items.unwrap_or_default();
        items.into_iter().map(read_endpoint).collect()
    }

    /// An endpoint of a user.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn endpoint(
        &self,
        user: &UserId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let found = self.get(&self.tables.webhooks, keys::endpoint(user, id)).await?;
        found.map(read_endpoint).transpose()
    }

    /// What the webhooks of a user's orders are signed with, if there is anything.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn order_secrets(&self, user: &UserId) -> Result<Option<Secrets>, StoreError> {
        let found = self.get(&self.tables.webhooks, keys::secret(user)).await?;
        found.map(read_secrets).transpose()
    }

    /// Delivers nothing to an endpoint any more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn close_endpoint(
        &self,
        user: &UserId,
        id: &EndpointId,
        why: Closed,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self
            .client
            .update_item()
            .table_name(&self.tables.webhooks)
            .set_key(Some(keys::endpoint(user, id).attributes()))
            .condition_expression(Condition::CloseEndpoint.text())
            .update_expression("SET disabled_at_ms = :now, disabled_why = :why")
            .set_expression_attribute_values(values([
                (":now", time(now)),
                (":why", text(why.as_str())),
            ]));
        // Removed or closed by somebody else meanwhile: that will do.
        self.fenced(write).await.map(drop)
    }
}

pub(crate) fn read_secrets(item: Item) -> Result<Secrets, StoreError> {
    let row: SecretsItem = serde_dynamo::from_item(item)?;
    Ok(row.into())
}

pub(crate) fn read_endpoint(item: Item) -> Result<Endpoint, StoreError> {
    let (_, sk) = read_key(&item)?;
    let id = sk.strip_prefix(keys::ENDPOINT).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| StoreError::Unreadable("not an endpoint".into()))?;
    let row: EndpointItem = serde_dynamo::from_item(item)?;
    Ok(Endpoint {
        id,
        url: row.url,
        events: row.events,
        secrets: row.secrets.into(),
        created_at: row.created_at_ms,
        disabled: row.disabled_at_ms.zip(row.disabled_why),
    })
}
