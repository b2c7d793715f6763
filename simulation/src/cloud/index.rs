//! The index of due rows, which learns of a change some time after it was made. Rows that have ended may
//! still be in it, rows that have begun may be missing.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    ids::{JobId, UserId},
    time::Timestamp,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// That a job is due at some other time, or not at all any more.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) user: UserId,
    pub(crate) job: JobId,
    pub(crate) due_at: Option<Timestamp>,
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// What it knows.
    rows: BTreeMap<JobId, (UserId, Timestamp)>,
    /// What it will know, and when. A row's changes come in their order.
    coming: Vec<(Instant, Change)>,
}

impl Index {
    /// It will learn of this then.
    pub(crate) fn note(&mut self, at: Instant, change: Change) {
        let last =
            self.coming.iter().filter(|(_, other)| other.job == change.job).map(|(at, _)| *at);
        let at = last.max().map_or(at, |last| last.max(at));
        self.coming.push((at, change));
    }

    /// Learns what it must know by now.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        let (known, coming) =
            std::mem::take(&mut self.coming).into_iter().partition(|(at, _)| *at <= now);
        self.coming = coming;
        let known: Vec<(Instant, Change)> = known;
        for (_, Change { user, job, due_at }) in known {
            match due_at {
                Some(at) => drop(self.rows.insert(job, (user, at))),
                None => drop(self.rows.remove(&job)),
            }
        }
    }

    /// Whether a row is due, or will be within the minute that clocks may differ.
    pub(crate) fn has_due(&self, now: Timestamp) -> bool {
        let soon = now.plus(Duration::from_mins(1));
        self.rows.values().any(|(_, at)| *at <= soon)
    }

    /// The answer to a query.
    pub(crate) fn page(&self, query: &Value) -> String {
        let number = |name: &str| -> u64 {
            let text = query["ExpressionAttributeValues"][name]["N"].as_str();
            text.and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        let (shard, now) = (number(":shard"), number(":now"));
        let limit =
            usize::try_from(query["Limit"].as_u64().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let mut rows: Vec<(u64, JobId, &UserId)> = self
            .rows
            .iter()
            .filter(|(job, (_, at))| shard_of(job) == shard && at.millis() <= now)
            .map(|(job, (user, at))| (at.millis(), *job, user))
            .collect();
        rows.sort_unstable();
        let start = &query["ExclusiveStartKey"];
        if let Some(sk) = start["sk"]["S"].as_str() {
            let at = start["due_at_ms"]["N"].as_str().and_then(|at| at.parse::<u64>().ok());
            rows.retain(|(due, job, _)| (Some(*due), format!("job#{job}").as_str()) > (at, sk));
        }
        let more = rows.len() > limit;
        rows.truncate(limit);
        let items: Vec<Value> = rows
            .iter()
            .map(|(at, job, user)| {
                json!({
                    "pk": { "S": user.as_str() },
                    "sk": { "S": format!("job#{job}") },
                    "due_shard": { "N": shard.to_string() },
                    "due_at_ms": { "N": at.to_string() },
                })
            })
            .collect();
        let mut answer = json!({ "Count": items.len(), "ScannedCount": items.len() });
        if more {
            answer["LastEvaluatedKey"] = items.last().cloned().unwrap_or_default();
        }
        answer["Items"] = Value::Array(items);
        answer.to_string()
    }
}

fn shard_of(job: &JobId) -> u64 {
    let [.., last] = *job.as_bytes();
    u64::from(last % store::SHARDS)
}
