//! API keys: made, found by their public part, listed by user, revoked.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        put_item::PutItemError, query::builders::QueryFluentBuilder, update_item::UpdateItemError,
    },
    types::AttributeValue,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::{
    api_key::{ACTIVE_MAX, ApiKey, KeyHash, KeyId},
    ids::UserId,
    scope::Scopes,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    claim::{text, time, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::{VERSION, known},
    tx::Item,
};

/// The index of keys by user.
const BY_USER: &str = "user";
/// A key that was not revoked. It is a filter of a list, which guards no write.
const NOT_REVOKED: &str = "attribute_not_exists(revoked_at_ms)";
/// How many keys of a user are listed.
const LISTED_MAX: i32 = 100;

/// Whether a key was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It was not.
    Active,
    /// It was, and opens nothing since then.
    Revoked(Timestamp),
}

/// What a fresh key may be used for, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it opens.
    pub scopes: Scopes,
    /// From when on it opens nothing, if there is such a time.
    pub expires_at: Option<Timestamp>,
}

/// Everything, for ever.
impl Default for Grant {
    fn default() -> Self {
        Self { scopes: Scopes::all(), expires_at: None }
    }
}

/// Why a key was not added.
#[derive(Debug, thiserror::Error)]
pub enum AddKeyError {
    /// The user has as many keys as may open anything at a time.
    #[error("there are {ACTIVE_MAX} active keys already; revoke one, or let it expire")]
    TooMany,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is stored of a key: everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Its public part.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserId,
    /// What it is checked against.
    pub hash: KeyHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it may be used for, and until when.
    pub grant: Grant,
    /// Whether it was revoked.
    pub state: KeyState,
}

impl KeyRow {
    /// Whether it opens anything.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        let ended = self.grant.expires_at.is_some_and(|expires_at| expires_at <= now);
        self.state == KeyState::Active && !ended
    }
}

#[derive(Serialize, Deserialize)]
struct KeyItem {
    #[serde(deserialize_with = "known")]
    v: u32,
    pk: KeyId,
    user_id: UserId,
    secret_hash: KeyHash,
    created_at_ms: Timestamp,
    /// Keys that were made before there were scopes have none written, and open everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at_ms: Option<Timestamp>,
}

impl From<KeyItem> for KeyRow {
    fn from(row: KeyItem) -> Self {
        Self {
            id: row.pk,
            user: row.user_id,
            hash: row.secret_hash,
            created_at: row.created_at_ms,
            grant: Grant {
                scopes: row.scopes.as_deref().map_or_else(Scopes::all, Scopes::read),
                expires_at: row.expires_at_ms,
            },
            state: row.revoked_at_ms.map_or(KeyState::Active, KeyState::Revoked),
        }
    }
}

fn primary(id: &KeyId) -> HashMap<String, AttributeValue> {
    HashMap::from([("pk".to_owned(), text(id.as_str()))])
}

impl Store {
    /// Keeps the hash of a fresh key. `false` if a key of that id is there already.
    ///
    /// The keys of a user are counted before one is added, not in the same step: operators who make keys for one
    /// user at the same moment may make one too many, which the list then shows.
    ///
    /// # Errors
    /// [`AddKeyError`]
    pub async fn add_key(
        &self,
        user: &UserId,
        key: &ApiKey,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<bool, AddKeyError> {
        if self.key(key.id()).await?.is_some() {
            return Ok(false);
        }
        if self.count_active(user, now).await? >= ACTIVE_MAX {
            return Err(AddKeyError::TooMany);
        }
        let row = KeyItem {
            v: VERSION,
            pk: key.id().clone(),
            user_id: user.clone(),
            secret_hash: key.hash(),
            created_at_ms: now,
            scopes: Some(grant.scopes.to_string()),
            expires_at_ms: grant.expires_at,
            revoked_at_ms: None,
        };
        let item = serde_dynamo::to_item(&row).map_err(StoreError::from)?;
        let put = self.client.put_item().table_name(&self.tables.keys).set_item(Some(item));
        match put.condition_expression(Condition::AddKey.text()).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let refused = error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception);
                if refused { Ok(false) } else { Err(sort(error).into()) }
            }
        }
    }

    /// How many keys of a user open anything, counted up to [`ACTIVE_MAX`]. The index may be behind, so each
    /// key that it has is looked at itself.
    async fn count_active(&self, user: &UserId, now: Timestamp) -> Result<usize, StoreError> {
        let (mut count, mut from) = (0_usize, None);
        loop {
            let query = self.keys_by_user(user).filter_expression(NOT_REVOKED);
            let page = query.set_exclusive_start_key(from).send().await.map_err(sort)?;
            let rows: Vec<KeyItem> = serde_dynamo::from_items(page.items.unwrap_or_default())?;
            for row in rows {
                let is_active = self.key(&row.pk).await?.is_some_and(|row| row.is_active(now));
                count = count.saturating_add(is_active.into());
                if count >= ACTIVE_MAX {
                    return Ok(count);
                }
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return Ok(count);
            }
        }
    }

    /// A query for the keys of a user, the newest first.
    fn keys_by_user(&self, user: &UserId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.tables.keys)
            .index_name(BY_USER)
            .key_condition_expression("user_id = :user")
            .set_expression_attribute_values(values([(":user", text(user.as_str()))]))
            .scan_index_forward(false)
    }

    /// The key of that id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn key(&self, id: &KeyId) -> Result<Option<KeyRow>, StoreError> {
        let found = self.get_attributes(&self.tables.keys, primary(id)).await?;
        let row = found.map(serde_dynamo::from_item::<Item, KeyItem>).transpose()?;
        Ok(row.map(KeyRow::from))
    }

    /// A user's latest hundred keys, the newest first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn keys_of(&self, user: &UserId) -> Result<Vec<KeyRow>, StoreError> {
        let query = self.keys_by_user(user).limit(LISTED_MAX);
        let output = query.send().await.map_err(sort)?;
        let rows: Vec<KeyItem> = serde_dynamo::from_items(output.items.unwrap_or_default())?;
        Ok(rows.into_iter().map(KeyRow::from).collect())
    }

    /// Lets a key end at a time. `false` if there is none of that id, or it ends before that.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn end_key(&self, id: &KeyId, at: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.keys)
            .set_key(Some(primary(id)))
            .update_expression("SET expires_at_ms = :at")
            .condition_expression(Condition::EndKey.text())
            .set_expression_attribute_values(values([(":at", time(at))]));
        changed(update.send().await)
    }

    /// Revokes a key. `false` if there is none of that id; revoking twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn revoke_key(&self, id: &KeyId, now: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.keys)
            .set_key(Some(primary(id)))
            .update_expression("SET revoked_at_ms = if_not_exists(revoked_at_ms, :now)")
            .condition_expression(Condition::RevokeKey.text())
            .set_expression_attribute_values(values([(":now", time(now))]));
        changed(update.send().await)
    }
}

/// Whether a conditional update was taken.
fn changed<T>(
    sent: Result<T, SdkError<UpdateItemError, HttpResponse>>,
) -> Result<bool, StoreError> {
    match sent {
        Ok(_) => Ok(true),
        Err(error) => {
            let refused = error
                .as_service_error()
                .is_some_and(UpdateItemError::is_conditional_check_failed_exception);
            if refused { Ok(false) } else { Err(sort(error)) }
        }
    }
}
