//! What users do about their receivers of webhooks: register endpoints and remove them, open one again that was closed,
//! and change what is signed with. An old secret signs beside the new one for a day, so that nothing that is on its
//! way is refused.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use domain::{
    ids::UserId,
    time::Timestamp,
    webhook::{ENDPOINTS_MAX, EndpointId, Events, Secret, Secrets, WebhookUrl},
};
use serde::Serialize;

use crate::{
    Endpoint, Store,
    claim::{Answer, text, time, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::VERSION,
    keys,
    receivers::{EndpointItem, SecretsItem, read_endpoint, read_secrets},
    tx::Item,
};

/// For how long what was signed with before signs as well.
pub const OLD_SECRET: Duration = Duration::from_hours(24);

/// An endpoint that was to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    Now(Endpoint),
    /// It was registered before, and is as it was.
    Before(Endpoint),
}

/// Why an endpoint was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The user has as many as there may be.
    #[error("there are {ENDPOINTS_MAX} endpoints already")]
    TooMany,
    /// The table's own trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The row of what the webhooks of a user's orders are signed with.
#[derive(Serialize)]
struct OrderSecretItem {
    v: u32,
    #[serde(flatten)]
    secrets: SecretsItem,
    created_at_ms: Timestamp,
}

impl Store {
    /// Registers an endpoint, unless the user has one at this URL.
    ///
    /// The endpoints of a user are counted before one is added, and again after that: of several that are registered at
    /// the same moment, those with which there would be too many are taken back.
    ///
    /// # Errors
    /// [`RegisterError`]
    pub async fn register(
        &self,
        user: &UserId,
        url: WebhookUrl,
        events: Events,
        secret: Secret,
        now: Timestamp,
    ) -> Result<Registered, RegisterError> {
        let id = EndpointId::of(user, &url);
        let all = self.endpoints(user).await?;
        let count = all.len();
        if let Some(found) = all.into_iter().find(|endpoint| endpoint.id == id) {
            return Ok(Registered::Before(found));
        }
        if count >= ENDPOINTS_MAX {
            return Err(RegisterError::TooMany);
        }
        let row = EndpointItem {
            v: VERSION,
            url: url.clone(),
            events: events.clone(),
            secrets: fresh(secret.clone()),
            created_at_ms: now,
            disabled_at_ms: None,
            disabled_why: None,
        };
        let key = keys::endpoint(user, &id);
        if self.put_new(&self.tables.webhooks, key, &row, Condition::RegisterEndpoint).await? {
            if self.endpoints(user).await?.len() > ENDPOINTS_MAX {
                self.remove_endpoint(user, &id).await?;
                return Err(RegisterError::TooMany);
            }
            let secrets = Secrets { current: secret, previous: None };
            let endpoint = Endpoint { id, url, events, secrets, created_at: now, disabled: None };
            return Ok(Registered::Now(endpoint));
        }
        // Somebody was quicker; or it was us, and the answer to it was lost.
        let found = self.endpoint(user, &id).await?.ok_or(StoreError::Busy)?;
        let is_ours = found.secrets.current == secret;
        Ok(if is_ours { Registered::Now(found) } else { Registered::Before(found) })
    }

    /// Removes an endpoint. `false` if there is none of that id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn remove_endpoint(
        &self,
        user: &UserId,
        id: &EndpointId,
    ) -> Result<bool, StoreError> {
        if self.endpoint(user, id).await?.is_none() {
            return Ok(false);
        }
        let key = keys::endpoint(user, id).attributes();
        let delete = self.client.delete_item().table_name(&self.tables.webhooks);
        delete.set_key(Some(key)).send().await.map_err(sort)?;
        Ok(true)
    }

    /// Delivers to a closed endpoint again: what happens from now on, not what it has missed. The endpoint, if there is
    /// one of that id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open_endpoint(
        &self,
        user: &UserId,
        id: &EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let write = self
            .receiver(keys::endpoint(user, id), Condition::OpenEndpoint)
            .update_expression("REMOVE disabled_at_ms, disabled_why");
        match self.update(write).await? {
            Answer::Done(item) => item.map(read_endpoint).transpose(),
            Answer::Refused(_) => Ok(None),
        }
    }

    /// Signs what is delivered to an endpoint with another secret. The endpoint, if there is one of that id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rotate_endpoint(
        &self,
        user: &UserId,
        id: &EndpointId,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Option<Endpoint>, StoreError> {
        let rotated = self.rotate(keys::endpoint(user, id), secret, now).await?;
        rotated.map(read_endpoint).transpose()
    }

    /// Signs the webhooks of a user's orders with this secret from now on, whether there was one before or not.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn rotate_order_secret(
        &self,
        user: &UserId,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Secrets, StoreError> {
        let key = || keys::secret(user);
        let secrets = fresh(secret.clone());
        let row = OrderSecretItem { v: VERSION, secrets, created_at_ms: now };
        if self.put_new(&self.tables.webhooks, key(), &row, Condition::FirstSecret).await? {
            return Ok(Secrets { current: secret.clone(), previous: None });
        }
        let rotated = self.rotate(key(), secret, now).await?;
        read_secrets(rotated.ok_or(StoreError::Busy)?)
    }

    /// Puts a secret in the place of the one in a row. The row, if it is there. To do so twice is to do it once: the
    /// answer to the first may have been lost, and the new secret must not take the place of the old one as well.
    async fn rotate(
        &self,
        key: keys::Key,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        let write = self
            .receiver(key, Condition::RotateSecret)
            .update_expression(
                "SET previous_secret = secret, previous_until_ms = :until, secret = :secret",
            )
            .set_expression_attribute_values(values([
                (":secret", text(&secret.reveal())),
                (":until", time(now.plus(OLD_SECRET))),
            ]));
        Ok(match self.update(write).await? {
            Answer::Done(item) | Answer::Refused(item) => item,
        })
    }

    fn receiver(&self, key: keys::Key, condition: Condition) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.webhooks)
            .set_key(Some(key.attributes()))
            .condition_expression(condition.text())
    }
}

/// A secret that takes no other's place.
fn fresh(secret: Secret) -> SecretsItem {
    SecretsItem { secret, previous_secret: None, previous_until_ms: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::{Value, json};

    use super::*;
    use crate::script::{Script, error};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn secret(n: u8) -> Secret {
        Secret::new([n; domain::webhook::SECRET_BYTES])
    }

    /// Registers an endpoint where a row was written meanwhile: that of whoever registers with this secret.
    async fn registered_after(other: Secret, ours: Secret) -> Registered {
        let row = Mutex::new(Value::Null);
        let script = Script::new(move |asked| match asked.call.as_str() {
            "PutItem" if row.lock().unwrap().is_null() => {
                *row.lock().unwrap() = asked.body["Item"].clone();
                error(400, "ConditionalCheckFailedException")
            }
            "PutItem" => error(400, "ConditionalCheckFailedException"),
            "GetItem" => (200, json!({ "Item": *row.lock().unwrap() })),
            _ => (200, json!({ "Items": [] })),
        });
        let (store, user) = (script.store(), "demo".parse().unwrap());
        let url = WebhookUrl::try_from("https://receiver.example/hook".to_owned()).unwrap();
        let register = |secret| store.register(&user, url.clone(), Events::default(), secret, NOW);
        register(other).await.unwrap();
        register(ours).await.unwrap()
    }

    /// The client of the table sends a call again whose answer got lost, and meets what it wrote itself.
    #[tokio::test]
    async fn whoever_meets_their_own_secret_has_registered_the_endpoint() {
        let met = registered_after(secret(1), secret(1)).await;
        assert!(matches!(&met, Registered::Now(found) if found.secrets.current == secret(1)));
        let met = registered_after(secret(1), secret(2)).await;
        assert!(matches!(&met, Registered::Before(found) if found.secrets.current == secret(1)));
    }
}
