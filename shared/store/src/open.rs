//! What is open, for the operator: the oldest jobs first, and how long rows have waited to be looked at.
//!
//! Every unfinished job is in the index of due rows, so this asks the index and no table. A job's name tells
//! when it was made, so that no row is read either.

use std::{cmp::Ordering, collections::BinaryHeap};

use domain::{
    ids::{JobId, UserId},
    time::Timestamp,
};
use serde::Deserialize;

use crate::{
    Store,
    accept::number,
    claim::values,
    due::{INDEX, SHARDS},
    error::{StoreError, sort},
    keys,
    tx::Item,
};

/// How many rows of the index are looked at in each shard at most: seconds, and a few megabytes in all.
const LOOKED_AT_MAX: usize = 10_000;
/// How many rows of it are asked for at once.
const PAGE: u16 = 1_000;

/// An unfinished job, as the index knows it. The index may be behind: what counts is the job's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenJob {
    /// Whose.
    pub user: UserId,
    /// The job.
    pub job: JobId,
    /// When it will be looked at, or should have been.
    pub due_at: Timestamp,
}

/// By age.
impl Ord for OpenJob {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.job, &self.user).cmp(&(other.job, &other.user))
    }
}

impl PartialOrd for OpenJob {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenJobs {
    /// The oldest, at most as many as were asked for.
    pub oldest: Vec<OpenJob>,
    /// How many there are in all.
    pub count: u64,
    /// Whether the whole index was looked at. If not, there are more, and perhaps older ones.
    pub is_complete: bool,
    /// When the row that has waited longest should have been looked at.
    pub longest_due: Option<Timestamp>,
}

/// A row of the index.
#[derive(Deserialize)]
struct IndexItem {
    pk: UserId,
    sk: String,
    due_at_ms: Timestamp,
}

impl IndexItem {
    /// The unfinished job that the row is, if it is one.
    fn read(item: Item) -> Option<OpenJob> {
        let Self { pk, sk, due_at_ms } = serde_dynamo::from_item(item).ok()?;
        let job = sk.strip_prefix(keys::JOB)?.parse().ok()?;
        Some(OpenJob { user: pk, job, due_at: due_at_ms })
    }
}

impl Store {
    /// At most `limit` of the jobs that were made before `made_before` and have not ended, the oldest
    /// first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn open_jobs(
        &self,
        made_before: Timestamp,
        limit: usize,
    ) -> Result<OpenJobs, StoreError> {
        let mut open = OpenJobs { is_complete: true, ..OpenJobs::default() };
        // The youngest of those that are kept is on top, and goes when an older one comes.
        let mut oldest = BinaryHeap::new();
        for shard in 0..SHARDS {
            let (mut from, mut looked_at) = (None, 0_usize);
            loop {
                let (rows, next) = self.index(shard, from).await?;
                looked_at = looked_at.saturating_add(rows.len());
                for row in rows.into_iter().filter_map(IndexItem::read) {
                    open.longest_due = open.longest_due.into_iter().chain([row.due_at]).min();
                    if row.job.made_at() >= made_before {
                        continue;
                    }
                    open.count = open.count.saturating_add(1);
                    oldest.push(row);
                    if oldest.len() > limit {
                        oldest.pop();
                    }
                }
                from = next;
                if from.is_none() {
                    break;
                }
                if looked_at >= LOOKED_AT_MAX {
                    open.is_complete = false;
                    break;
                }
            }
        }
        open.oldest = oldest.into_sorted_vec();
        Ok(open)
    }

    /// A page of a shard, the longest due first, and where the next one begins.
    async fn index(
        &self,
        shard: u8,
        from: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), StoreError> {
        let query = self.client.query().table_name(&self.tables.jobs).index_name(INDEX);
        let query = query.key_condition_expression("due_shard = :shard");
        let query =
            query.set_expression_attribute_values(values([(":shard", number(shard.into()))]));
        let query = query.limit(PAGE.into()).set_exclusive_start_key(from);
        let output = query.send().await.map_err(sort)?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::script::{Script, job};

    /// Answers with pages of four thousand jobs each, as many as are given and all in one shard.
    async fn looked_at(pages: usize) -> (OpenJobs, usize) {
        let key = json!({ "pk": { "S": "demo" }, "sk": { "S": format!("job#{}", job(1).id) } });
        let mut row = key.clone();
        row["due_at_ms"] = json!({ "N": "1" });
        let rows = Value::from(vec![row; 4_000]);
        let script = Script::new(move |asked| {
            if asked.body["ExpressionAttributeValues"][":shard"]["N"] != "7" {
                return (200, json!({ "Items": [] }));
            }
            let page = asked.body["ExclusiveStartKey"]["page"]["N"].as_str().unwrap_or("1");
            let page: usize = page.parse().unwrap();
            let mut answer = json!({ "Items": rows });
            if page < pages {
                answer["LastEvaluatedKey"] = key.clone();
                answer["LastEvaluatedKey"]["page"] =
                    json!({ "N": page.saturating_add(1).to_string() });
            }
            (200, answer)
        });
        let open = script.store().open_jobs(Timestamp::from_millis(u64::MAX), 1).await.unwrap();
        let others = usize::from(SHARDS.saturating_sub(1));
        (open, script.asked().len().saturating_sub(others))
    }

    #[tokio::test]
    async fn of_a_shard_all_pages_are_looked_at_up_to_a_bound() {
        for (pages, seen, is_complete) in [(1, 1, true), (2, 2, true), (3, 3, true), (4, 3, false)]
        {
            let (open, asked) = looked_at(pages).await;
            assert_eq!((asked, open.is_complete), (seen, is_complete), "{pages}");
            assert_eq!(open.count, 4_000 * u64::try_from(seen).unwrap());
        }
    }
}
