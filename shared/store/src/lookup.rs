//! Reads. Each is strongly consistent: who was told `202` finds the job at once.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, query::builders::QueryFluentBuilder},
    types::AttributeValue,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    causes,
    ids::{JobId, UserId},
    job::{Job, Status},
    ledger::{Balance, Entry},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Store,
    claim::{text, values},
    conditions::Condition,
    error::{StoreError, sort},
    item::{read_entry, read_job, read_key},
    keys,
    tx::Item,
};

/// How many of a user's jobs are looked at for one page of those in some status.
const LOOKED_AT_MAX: u8 = 200;

/// A part of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next part begins, if there may be one.
    pub next: Option<Cursor>,
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// A user's jobs.
    Jobs,
    /// A user's entries.
    Entries,
    /// A user's deliveries of webhooks.
    Deliveries,
}

impl List {
    /// What the sort keys of its rows begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Jobs => keys::JOB,
            Self::Entries => keys::ENTRY,
            Self::Deliveries => keys::DELIVERY,
        }
    }
}

/// A place in a list of a user. Callers see it as opaque text that is of use to that user alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

/// The text is not a cursor of this user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct BadCursor;

impl Cursor {
    /// Reads what [`Cursor::write`] wrote for the same user and the same list.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn read(text: &str, user: &UserId, list: List) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let text = String::from_utf8(bytes).map_err(|_| BadCursor)?;
        let (owner, place) = text.split_once(' ').ok_or(BadCursor)?;
        let good = owner == mark(user) && place.starts_with(list.prefix()) && place.len() < 128;
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

    /// Reads a row of the webhooks table that is not there, so that the connection is.
    pub async fn warm_up_webhooks(&self) {
        let nowhere = keys::Key { pk: "-".to_owned(), sk: "-".to_owned() };
        if let Err(error) = self.get(&self.tables.webhooks, nowhere).await {
            tracing::warn!(
                cause = causes::chain(&error),
                "the webhooks table cannot be reached yet"
            );
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

    /// A user's jobs, the newest first; at most `limit` of them. Of those in one status there may be fewer,
    /// even none, and more on the next page: for one page no more than two hundred are looked at.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn jobs(
        &self,
        user: &UserId,
        status: Option<Status>,
        limit: u8,
        from: Option<&Cursor>,
    ) -> Result<Page<Job>, StoreError> {
        let query = self.list(&self.tables.jobs, user, List::Jobs, from);
        // One more than asked for tells whether there is a next page.
        let query = match status {
            None => query.limit(i32::from(limit).saturating_add(1)),
            Some(status) => query
                .limit(LOOKED_AT_MAX.into())
                .filter_expression("job_status = :status")
                .expression_attribute_values(":status", text(status.as_str())),
        };
        let (items, next) = page(query, limit).await?;
        let rows = items.into_iter().map(read_job).collect::<Result<_, _>>()?;
        Ok(Page { rows, next })
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
        let query = self.list(&self.tables.ledger, user, List::Entries, from);
        let query = query.limit(i32::from(limit).saturating_add(1));
        let (items, next) = page(query, limit).await?;
        let rows = items.into_iter().map(read_entry).collect::<Result<_, _>>()?;
        Ok(Page { rows, next })
    }

    /// A query for the rows of a list, the newest first.
    pub(crate) fn list(
        &self,
        table: &str,
        user: &UserId,
        list: List,
        from: Option<&Cursor>,
    ) -> QueryFluentBuilder {
        let start =
            from.map(|Cursor(sk)| keys::Key { pk: user.to_string(), sk: sk.clone() }.attributes());
        self.client
            .query()
            .table_name(table)
            .key_condition_expression("pk = :user AND begins_with(sk, :list)")
            .set_expression_attribute_values(values([
                (":user", text(user.as_str())),
                (":list", text(list.prefix())),
            ]))
            .scan_index_forward(false)
            .consistent_read(true)
            .set_exclusive_start_key(start)
    }

    pub(crate) async fn get(
        &self,
        table: &str,
        key: keys::Key,
    ) -> Result<Option<Item>, StoreError> {
        self.get_attributes(table, key.attributes()).await
    }

    /// Writes a row that is not there yet. `false` if it is.
    pub(crate) async fn put_new(
        &self,
        table: &str,
        key: keys::Key,
        row: &impl Serialize,
        condition: Condition,
    ) -> Result<bool, StoreError> {
        let mut item: Item = serde_dynamo::to_item(row)?;
        item.extend(key.attributes());
        let put = self.client.put_item().table_name(table).set_item(Some(item));
        match put.condition_expression(condition.text()).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let refused = error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception);
                if refused { Ok(false) } else { Err(sort(error)) }
            }
        }
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

/// At most `limit` of the rows that a query finds, and where those after them begin: after the last that is
/// shown, or after the last that was looked at.
pub(crate) async fn page(
    query: QueryFluentBuilder,
    limit: u8,
) -> Result<(Vec<Item>, Option<Cursor>), StoreError> {
    let output = query.send().await.map_err(sort)?;
    let mut items = output.items.unwrap_or_default();
    let more = items.len() > usize::from(limit);
    items.truncate(limit.into());
    let last = if more { items.last().cloned() } else { output.last_evaluated_key };
    let last = last.as_ref().map(read_key).transpose()?;
    Ok((items, last.map(|(_, sk)| Cursor(sk))))
}

#[cfg(test)]
mod tests {
    use domain::{fingerprint::Fingerprint, pocket::Pocket, time::Timestamp};
    use serde_json::json;

    use super::*;
    use crate::{
        KeyClaim,
        item::JobItem,
        script::{Script, job},
    };

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
        for status in [None, Some(Status::Failed)] {
            assert!(store.jobs(&user, status, 20, None).await.unwrap().rows.is_empty());
        }
        assert_eq!(store.books(&user).await.unwrap().1, 0);
        let asked = script.asked();
        assert_eq!(asked.len(), 11);
        for asked in asked {
            assert_eq!(asked.body["ConsistentRead"], true, "{asked:#?}");
        }
    }

    #[test]
    fn a_cursor_is_of_use_to_its_user_and_its_list_alone() {
        let (ours, theirs) = ("a".parse().unwrap(), "b".parse().unwrap());
        for (place, list, other) in
            [("entry#x#hold", List::Entries, List::Jobs), ("job#x", List::Jobs, List::Entries)]
        {
            let cursor = Cursor(place.to_owned());
            let written = cursor.write(&ours);
            assert_eq!(Cursor::read(&written, &ours, list), Ok(cursor));
            assert_eq!(Cursor::read(&written, &theirs, list), Err(BadCursor));
            assert_eq!(Cursor::read(&written, &ours, other), Err(BadCursor));
        }
        for bad in ["", "!", "AAAA", &URL_SAFE_NO_PAD.encode(format!("{} balance", mark(&ours)))] {
            assert_eq!(Cursor::read(bad, &ours, List::Entries), Err(BadCursor), "{bad}");
        }
    }

    fn row(n: u8) -> Item {
        let key = keys::job(&"demo".parse().unwrap(), &JobId::new(NOW, &[n; 10]));
        let row = JobItem::pending(&job(n), Pocket::FIRST, Some(Pocket::FIRST)).unwrap();
        let item: Item = serde_dynamo::to_item(row).unwrap();
        item.into_iter().chain(key.attributes()).collect()
    }

    /// DynamoDB ends a page early where it has read enough: a megabyte, or as many rows as we allowed.
    #[tokio::test]
    async fn a_page_that_the_table_ends_early_goes_on_after_what_was_looked_at() {
        let last = key_of(&row(7));
        let told = json!({
            "Items": [json_of(&row(9)), json_of(&row(8))],
            "LastEvaluatedKey": json_of(&last),
        });
        let script = Script::new(move |_| (200, told.clone()));
        let (store, user) = (script.store(), "demo".parse().unwrap());
        let page = store.jobs(&user, Some(Status::Pending), 5, None).await.unwrap();
        assert_eq!(page.rows.len(), 2);
        let next = page.next.unwrap();
        store.jobs(&user, Some(Status::Pending), 5, Some(&next)).await.unwrap();
        let asked = script.asked();
        assert_eq!(asked[1].body["ExclusiveStartKey"], json_of(&last));
        assert_eq!(asked[1].body["Limit"], LOOKED_AT_MAX);
        // More than is shown: those that were left off begin after the last that is shown.
        let page = store.jobs(&user, Some(Status::Pending), 1, None).await.unwrap();
        store.jobs(&user, None, 1, page.next.as_ref()).await.unwrap();
        let asked = script.asked();
        assert_eq!(asked[3].body["ExclusiveStartKey"], json_of(&key_of(&row(9))));
        assert_eq!(asked[3].body["Limit"], 2);
    }

    fn key_of(row: &Item) -> Item {
        ["pk", "sk"].map(|name| (name.to_owned(), row[name].clone())).into()
    }

    /// A row as DynamoDB sends it.
    fn json_of(row: &Item) -> serde_json::Value {
        let value = |value: &AttributeValue| {
            let text = value.as_s().map(|text| json!({ "S": text }));
            let number = || value.as_n().map(|number| json!({ "N": number }));
            let members = || value.as_m().map(|members| json!({ "M": json_of(members) }));
            text.or_else(|_| number()).or_else(|_| members()).unwrap()
        };
        row.iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect()
    }

    #[test]
    fn a_place_that_no_row_can_have_is_no_cursor() {
        let user = "demo".parse().unwrap();
        let read = |length: usize| {
            let place = format!("{:x<length$}", keys::JOB);
            Cursor::read(&Cursor(place).write(&user), &user, List::Jobs)
        };
        assert_eq!(read(127).map(|cursor| cursor.0.len()), Ok(127));
        assert_eq!(read(128), Err(BadCursor));
    }
}
