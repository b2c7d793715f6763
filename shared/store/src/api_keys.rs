//! API keys: made, found by their public part, listed by user, revoked.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::AttributeValue,
};
use domain::{
    api_key::{ApiKey, KeyHash, KeyId},
    ids::UserId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    claim::{text, time, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::VERSION,
    tx::Item,
};

/// The index of keys by user.
const BY_USER: &str = "user";
/// How many keys of a user are listed.
const LISTED_MAX: i32 = 100;

/// Whether a key opens anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It does.
    Active,
    /// Not any more, since then.
    Revoked(Timestamp),
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
    /// Whether it opens anything.
    pub state: KeyState,
}

#[derive(Serialize, Deserialize)]
struct KeyItem {
    v: u32,
    pk: KeyId,
    user_id: UserId,
    secret_hash: KeyHash,
    created_at_ms: Timestamp,
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
    /// # Errors
    /// [`StoreError`]
    pub async fn add_key(
        &self,
        user: &UserId,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = KeyItem {
            v: VERSION,
            pk: key.id().clone(),
            user_id: user.clone(),
            secret_hash: key.hash(),
            created_at_ms: now,
            revoked_at_ms: None,
        };
        let item = serde_dynamo::to_item(&row)?;
        let put = self.client.put_item().table_name(&self.tables.keys).set_item(Some(item));
        match put.condition_expression(Condition::AddKey.text()).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let refused = error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception);
                if refused { Ok(false) } else { Err(sort(error)) }
            }
        }
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
        let output = self
            .client
            .query()
            .table_name(&self.tables.keys)
            .index_name(BY_USER)
            .key_condition_expression("user_id = :user")
            .set_expression_attribute_values(values([(":user", text(user.as_str()))]))
            .scan_index_forward(false)
            .limit(LISTED_MAX)
            .send()
            .await
            .map_err(sort)?;
        let rows: Vec<KeyItem> = serde_dynamo::from_items(output.items.unwrap_or_default())?;
        Ok(rows.into_iter().map(KeyRow::from).collect())
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
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let refused = error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception);
                if refused { Ok(false) } else { Err(sort(error)) }
            }
        }
    }
}
