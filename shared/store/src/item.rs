//! Rows as they are stored, and how a job is read from and written to one.
//!
//! Every row has a version `v`. Attributes that this version does not know are left where they
//! are: rows are changed by expressions, never written back whole.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    catalogue::ModelId,
    failure::{Failure, Reason, Verdict},
    hold::{Figures, Hold, ResolutionKind},
    ids::{JobId, UserId},
    job::{Dispatch, Fence, Image, Job, Refund, Run, State, Status, Task},
    ledger::{Entry, EntryKind},
    money::MicroUsd,
    order::{Count, ImageUrl, Order, Prompt, Webhook},
    pocket::Pocket,
    size::Ratio,
    time::Timestamp,
    upstream::Upstream,
    webhook::{Events, WebhookUrl},
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    error::{Source, StoreError},
    keys::{ENTRY, JOB, shard},
    tx::Item,
};

/// The version that is written.
pub(crate) const VERSION: u32 = 1;
/// In what time an event is told when nothing goes wrong. The sweep looks after it from then on.
const TOLD_WITHIN: Duration = Duration::from_mins(1);

/// The version of a row that this program can follow. What a row of another one means is not known here, so it
/// is not read as if it were (ADR 60).
pub(crate) fn known<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if version == VERSION {
        return Ok(version);
    }
    Err(D::Error::custom(format_args!("the row has version {version}, and {VERSION} is known")))
}

/// What is known of the upstream, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DispatchWord {
    Unsent,
    Intended,
    Accepted,
}

impl DispatchWord {
    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unsent => "unsent",
            Self::Intended => "intended",
            Self::Accepted => "accepted",
        }
    }
}

/// The row of a job.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct JobItem {
    #[serde(deserialize_with = "known")]
    v: u32,
    job_status: Status,
    model: ModelId,
    prompt: Prompt,
    n: Count,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<Ratio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<ImageUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_json: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<WebhookUrl>,
    #[serde(default, skip_serializing_if = "Events::are_all")]
    webhook_events: Events,
    upstream: Upstream,
    price_micros: MicroUsd,
    #[serde(default, skip_serializing_if = "Pocket::is_first")]
    pocket: Pocket,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<Pocket>,
    created_at_ms: Timestamp,
    deadline_at_ms: Timestamp,
    expires_at_ms: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    fence: Option<Fence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_until_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_deadline_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submits: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispatch: Option<DispatchWord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Task>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images: Option<Vec<Image>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charged_micros: Option<MicroUsd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due_shard: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due_at_ms: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) forget_at_s: Option<u64>,
}

impl JobItem {
    /// The row of a job that has just been accepted: due at once, so that a doorbell that never
    /// rang is noticed by the next sweep. Without a turn it waits for one.
    pub(crate) fn pending(
        job: &Job,
        pocket: Pocket,
        turn: Option<Pocket>,
    ) -> Result<Self, StoreError> {
        let extra = serde_json::to_string(&job.order.extra);
        let extra = extra.map_err(|error| StoreError::Malformed(error.into()))?;
        let webhook = job.order.webhook.as_ref();
        Ok(Self {
            v: VERSION,
            job_status: Status::Pending,
            model: job.order.model,
            prompt: job.order.prompt.clone(),
            n: job.order.n,
            ratio: job.order.ratio,
            image_url: job.order.image_url.clone(),
            extra_json: (!job.order.extra.is_empty()).then_some(extra),
            metadata: job.order.metadata.clone(),
            webhook_url: webhook.map(|webhook| webhook.url.clone()),
            webhook_events: webhook.map(|webhook| webhook.events.clone()).unwrap_or_default(),
            upstream: job.upstream,
            price_micros: job.hold.price(),
            pocket,
            turn,
            created_at_ms: job.created_at,
            deadline_at_ms: job.deadline,
            expires_at_ms: job.expires_at,
            fence: None,
            lease_until_ms: None,
            run_deadline_at_ms: None,
            submits: None,
            dispatch: None,
            task: None,
            completed_at_ms: None,
            reversed_at_ms: None,
            images: None,
            charged_micros: None,
            failure: None,
            failure_reason: None,
            due_shard: Some(shard(&job.id)),
            due_at_ms: Some(job.created_at),
            forget_at_s: None,
        })
    }

    /// The job that the row tells of.
    fn into_job(self, id: JobId, user: UserId) -> Result<Job, Source> {
        let hold = Hold::new(self.price_micros, self.n).ok_or("the hold is out of bounds")?;
        let hold = hold.in_pocket(self.pocket);
        let state = StateItem {
            job_status: self.job_status,
            fence: self.fence,
            lease_until_ms: self.lease_until_ms,
            run_deadline_at_ms: self.run_deadline_at_ms,
            submits: self.submits,
            dispatch: self.dispatch,
            task: self.task,
            completed_at_ms: self.completed_at_ms,
            reversed_at_ms: self.reversed_at_ms,
            images: self.images,
            charged_micros: self.charged_micros,
            failure: self.failure,
            failure_reason: self.failure_reason,
        };
        let state = state.into_state()?;
        let extra = self.extra_json.as_deref().map(serde_json::from_str).transpose()?;
        let events = self.webhook_events;
        Ok(Job {
            id,
            user,
            order: Order {
                model: self.model,
                prompt: self.prompt,
                n: self.n,
                ratio: self.ratio,
                image_url: self.image_url,
                extra: extra.unwrap_or_default(),
                metadata: self.metadata,
                webhook: self.webhook_url.map(|url| Webhook { url, events }),
            },
            upstream: self.upstream,
            hold,
            turn: self.turn,
            created_at: self.created_at_ms,
            deadline: self.deadline_at_ms,
            expires_at: self.expires_at_ms,
            state,
        })
    }
}

/// Where a job stands, in its row.
#[derive(Debug, Deserialize)]
pub(crate) struct StateItem {
    job_status: Status,
    pub(crate) fence: Option<Fence>,
    lease_until_ms: Option<Timestamp>,
    run_deadline_at_ms: Option<Timestamp>,
    pub(crate) submits: Option<u8>,
    dispatch: Option<DispatchWord>,
    task: Option<Task>,
    completed_at_ms: Option<Timestamp>,
    reversed_at_ms: Option<Timestamp>,
    images: Option<Vec<Image>>,
    charged_micros: Option<MicroUsd>,
    failure: Option<Failure>,
    failure_reason: Option<Reason>,
}

impl StateItem {
    /// The task that the upstream gave the latest order, if it is noted.
    pub(crate) fn noted_task(&self) -> Option<&Task> {
        self.task.as_ref().filter(|_| self.dispatch == Some(DispatchWord::Accepted))
    }

    /// The state that the row tells of.
    pub(crate) fn into_state(self) -> Result<State, Source> {
        let at = self.completed_at_ms.ok_or("completed_at_ms is missing");
        Ok(match self.job_status {
            Status::Pending => State::Pending,
            Status::Processing => State::Processing(self.into_run()?),
            Status::Succeeded => State::Succeeded {
                at: at?,
                images: self.images.ok_or("images are missing")?,
                charged: self.charged_micros.ok_or("charged_micros is missing")?,
            },
            Status::Failed => State::Failed {
                at: at?,
                verdict: Verdict {
                    failure: self.failure.ok_or("failure is missing")?,
                    reason: self.failure_reason,
                },
            },
            Status::Expired => State::Expired { at: at? },
            Status::Refunded => State::Refunded {
                at: at?,
                why: match self.reversed_at_ms {
                    None => Refund::Canceled,
                    Some(at) => {
                        Refund::Reversed { at, images: self.images.ok_or("images are missing")? }
                    }
                },
            },
        })
    }

    fn into_run(self) -> Result<Run, Source> {
        let dispatch = match self.dispatch.ok_or("dispatch is missing")? {
            DispatchWord::Unsent => Dispatch::Unsent,
            DispatchWord::Intended => Dispatch::Intended,
            DispatchWord::Accepted => Dispatch::Accepted(self.task.ok_or("task is missing")?),
        };
        Ok(Run {
            fence: self.fence.ok_or("fence is missing")?,
            lease_until: self.lease_until_ms,
            deadline: self.run_deadline_at_ms.ok_or("run_deadline_at_ms is missing")?,
            submits: self.submits.ok_or("submits is missing")?,
            dispatch,
        })
    }
}

/// Reads a job from its row.
pub(crate) fn read_job(item: Item) -> Result<Job, StoreError> {
    let (user, sk) = read_key(&item)?;
    let id = sk.strip_prefix(JOB).and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| StoreError::Unreadable(format!("{sk} is no job").into()))?;
    let row: JobItem = serde_dynamo::from_item(item)?;
    row.into_job(id, user).map_err(StoreError::Unreadable)
}

/// The user and the sort key of a row.
pub(crate) fn read_key(item: &Item) -> Result<(UserId, String), StoreError> {
    #[derive(Deserialize)]
    struct KeyOf {
        pk: UserId,
        sk: String,
    }
    let KeyOf { pk, sk } = serde_dynamo::from_item(item.clone())?;
    Ok((pk, sk))
}

/// The row of an idempotency key. DynamoDB forgets it some time after `forget_at_s`; whether it
/// still counts is told by `expires_at_ms`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) job_id: JobId,
    pub(crate) fingerprint: domain::fingerprint::Fingerprint,
    pub(crate) expires_at_ms: Timestamp,
    pub(crate) forget_at_s: u64,
}

/// The outbox row of an ending.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) job_id: JobId,
    pub(crate) job_status: Status,
    pub(crate) occurred_at_ms: Timestamp,
    /// Only until it is told: the sweep looks after it as long as it has these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_shard: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at_ms: Option<Timestamp>,
    pub(crate) forget_at_s: u64,
}

impl EventItem {
    /// The event of an ending, due when there has been time to tell it.
    pub(crate) fn new(job: JobId, status: Status, now: Timestamp, forget_at_s: u64) -> Self {
        Self {
            v: VERSION,
            job_id: job,
            job_status: status,
            occurred_at_ms: now,
            due_shard: Some(shard(&job)),
            due_at_ms: Some(now.plus(TOLD_WITHIN)),
            forget_at_s,
        }
    }
}

/// The row of an entry, by its kind.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum EntryItem {
    Credit {
        #[serde(deserialize_with = "known")]
        v: u32,
        created_at_ms: Timestamp,
        amount_micros: MicroUsd,
        reference: String,
    },
    Hold(HoldItem),
    Usage(ResolutionItem),
    Refund(ResolutionItem),
    Reversal(ReversalItem),
}

/// What was given back of a usage, in its row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReversalItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) created_at_ms: Timestamp,
    pub(crate) job_id: JobId,
    pub(crate) amount_micros: MicroUsd,
    pub(crate) reason: String,
}

/// A hold, in its row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HoldItem {
    #[serde(deserialize_with = "known")]
    pub(crate) v: u32,
    pub(crate) created_at_ms: Timestamp,
    pub(crate) job_id: JobId,
    pub(crate) amount_micros: MicroUsd,
    #[serde(default, skip_serializing_if = "Pocket::is_first")]
    pub(crate) pocket: Pocket,
}

/// The figures of a resolution, in its row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResolutionItem {
    #[serde(deserialize_with = "known")]
    v: u32,
    created_at_ms: Timestamp,
    job_id: JobId,
    held_micros: MicroUsd,
    charged_micros: MicroUsd,
    released_micros: MicroUsd,
}

impl EntryItem {
    /// The row of a resolution.
    pub(crate) fn resolution(job: JobId, figures: &Figures, now: Timestamp) -> Self {
        let row = ResolutionItem {
            v: VERSION,
            created_at_ms: now,
            job_id: job,
            held_micros: figures.held,
            charged_micros: figures.charged,
            released_micros: figures.released,
        };
        match figures.kind {
            ResolutionKind::Usage => Self::Usage(row),
            ResolutionKind::Refund => Self::Refund(row),
        }
    }
}

impl ResolutionItem {
    fn into_entry(self, kind: ResolutionKind) -> Entry {
        let figures = Figures {
            kind,
            held: self.held_micros,
            charged: self.charged_micros,
            released: self.released_micros,
        };
        let kind = EntryKind::Resolution { job: self.job_id, figures };
        Entry { at: self.created_at_ms, kind }
    }
}

/// Reads an entry from its row.
pub(crate) fn read_entry(item: Item) -> Result<Entry, StoreError> {
    let (_, sk) = read_key(&item)?;
    Ok(match serde_dynamo::from_item(item)? {
        EntryItem::Credit { created_at_ms, amount_micros, reference, .. } => {
            let id = sk.trim_start_matches(ENTRY).split('#').next().unwrap_or_default().to_owned();
            let kind = EntryKind::Credit { id, amount: amount_micros, reference };
            Entry { at: created_at_ms, kind }
        }
        EntryItem::Hold(row) => {
            let kind = EntryKind::Hold { job: row.job_id, amount: row.amount_micros };
            Entry { at: row.created_at_ms, kind }
        }
        EntryItem::Usage(row) => row.into_entry(ResolutionKind::Usage),
        EntryItem::Refund(row) => row.into_entry(ResolutionKind::Refund),
        EntryItem::Reversal(row) => {
            let ReversalItem { created_at_ms, job_id, amount_micros, reason, .. } = row;
            let kind = EntryKind::Reversal { job: job_id, amount: amount_micros, reason };
            Entry { at: created_at_ms, kind }
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_is_noted_once_the_upstream_has_accepted_the_order() {
        let noted = |dispatch| {
            let row = json!({ "job_status": "processing", "dispatch": dispatch, "task": "t" });
            let row: StateItem = serde_json::from_value(row).unwrap();
            row.noted_task().is_some()
        };
        let words = [None, Some("unsent"), Some("intended"), Some("accepted")];
        assert_eq!(words.map(noted), [false, false, false, true]);
    }
}
