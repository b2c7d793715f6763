//! Reads. Each is strongly consistent: who was told `202` finds the job at once.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    causes,
    ids::{JobId, UserId},
    job::Job,
    ledger::{Balance, Entry},
};
use sha2::{Digest, Sha256};

use crate::{
    Store,
    claim::{text, values},
    error::{StoreError, sort},
    item::{read_entry, read_job, read_key},
    keys,
    tx::Item,
};

/// A part of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next part begins, if there is one.
    pub next: Option<Cursor>,
}

/// A place in a user's list of entries. Callers see it as opaque text that is of use to that user
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// The text is not a cursor of this user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct BadCursor;

impl Cursor {
    /// Reads what [`Cursor::write`] wrote for the same user.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn read(text: &str, user: &UserId) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| BadCursor)?;
        let (owner, place) = text.split_once(' ').ok_or(BadCursor)?;
        let good = owner == mark(user) && place.starts_with(keys::ENTRY) && place.len() < 128;
        if good { Ok(Self(place.to_owned())) } else { Err(BadCursor) }
    }

    /// The cursor as opaque text.
    #[must_use]
    pub fn write(&self, user: &UserId) -> String {
        URL_SAFE_NO_PAD.encode(format!("{} {}", mark(user), self.0))
    }
}

/// A short mark of whose cursor it is. It protects nothing: a cursor only ever names a place among
/// the rows of whoever asks.
fn mark(user: &UserId) -> String {
    let digest = format!("{:x}", Sha256::digest(user.as_str().as_bytes()));
    digest.chars().take(12).collect()
}

impl Store {
    /// Reads a row of the jobs table that is not there, so that the connection is.
    pub async fn warm_up(&self) {
        let nowhere = keys::Key { pk: "-".to_owned(), sk: "-".to_owned() };
        if let Err(error) = self.get(&self.tables.jobs, nowhere).await {
            tracing::warn!(cause = causes::chain(&error), "the jobs table cannot be reached yet");
        }
    }

    /// Reads a row of the keys table that is not there, so that the connection is.
    pub async fn warm_up_keys(&self) {
        let nowhere = std::collections::HashMap::from([("pk".to_owned(), text("-"))]);
        if let Err(error) = self.get_attributes(&self.tables.keys, nowhere).await {
            tracing::warn!(cause = causes::chain(&error), "the keys table cannot be reached yet");
        }
    }

    /// A user's job.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn job(&self, user: &UserId, job: &JobId) -> Result<Option<Job>, StoreError> {
        let found = self.get(&self.tables.jobs, keys::job(user, job)).await?;
        found.map(read_job).transpose()
    }

    /// A user's balance.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn balance(&self, user: &UserId) -> Result<Option<Balance>, StoreError> {
        Ok(self.pockets(user).await?.map(|pockets| pockets.total()))
    }

    /// A user's entries, those of the newest job or credit first, and of one job its resolution
    /// before its hold; at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn entries(
        &self,
        user: &UserId,
        limit: u8,
        from: Option<&Cursor>,
    ) -> Result<Page<Entry>, StoreError> {
        let start =
            from.map(|Cursor(sk)| keys::Key { pk: user.to_string(), sk: sk.clone() }.attributes());
        // One more than asked for tells whether there is a next page.
        let output = self
            .client
            .query()
            .table_name(&self.tables.ledger)
            .key_condition_expression("pk = :user AND begins_with(sk, :entry)")
            .set_expression_attribute_values(values([
                (":user", text(user.as_str())),
                (":entry", text(keys::ENTRY)),
            ]))
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::from(limit).saturating_add(1))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(sort)?;
        let mut items = output.items.unwrap_or_default();
        let more = items.len() > usize::from(limit);
        items.truncate(limit.into());
        let last = if more { items.last().map(read_key).transpose()? } else { None };
        let rows = items.into_iter().map(read_entry).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: last.map(|(_, sk)| Cursor(sk)) })
    }

    pub(crate) async fn get(
        &self,
        table: &str,
        key: keys::Key,
    ) -> Result<Option<Item>, StoreError> {
        self.get_attributes(table, key.attributes()).await
    }

    pub(crate) async fn get_attributes(
        &self,
        table: &str,
        key: std::collections::HashMap<String, AttributeValue>,
    ) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(table).set_key(Some(key));
        Ok(request.consistent_read(true).send().await.map_err(sort)?.item)
    }
}

#[cfg(test)]
mod tests {
    use domain::{fingerprint::Fingerprint, time::Timestamp};
    use serde_json::json;

    use super::*;
    use crate::{KeyClaim, script::Script};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    /// Whoever was told `202` finds the job, and what is revoked opens nothing.
    #[tokio::test]
    async fn whatever_is_read_is_what_was_written_last() {
        let script = Script::new(|_| (200, json!({})));
        let (store, user) = (script.store(), "demo".parse().unwrap());
        let fingerprint: Fingerprint = serde_json::from_value(json!("f")).unwrap();
        let key = KeyClaim { digest: "d".to_owned(), fingerprint, expires_at: NOW };
        assert_eq!(store.job(&user, &JobId::new(NOW, &[1; 10])).await.unwrap(), None);
        assert_eq!(store.balance(&user).await.unwrap(), None);
        assert_eq!(store.replayed(&user, &key, NOW).await.unwrap(), None);
        assert!(store.key(&"0123456789AB".parse().unwrap()).await.unwrap().is_none());
        assert!(store.entries(&user, 20, None).await.unwrap().rows.is_empty());
        assert_eq!(store.books(&user).await.unwrap().1, 0);
        let asked = script.asked();
        assert_eq!(asked.len(), 9);
        for asked in asked {
            assert_eq!(asked.body["ConsistentRead"], true, "{asked:#?}");
        }
    }

    #[test]
    fn a_cursor_is_of_use_to_its_user_alone() {
        let (ours, theirs) = ("a".parse().unwrap(), "b".parse().unwrap());
        let cursor = Cursor("entry#x#hold".to_owned());
        let written = cursor.write(&ours);
        assert_eq!(Cursor::read(&written, &ours), Ok(cursor));
        assert_eq!(Cursor::read(&written, &theirs), Err(BadCursor));
        for bad in ["", "!", "AAAA", &URL_SAFE_NO_PAD.encode(format!("{} balance", mark(&ours)))] {
            assert_eq!(Cursor::read(bad, &ours), Err(BadCursor), "{bad}");
        }
    }
}
