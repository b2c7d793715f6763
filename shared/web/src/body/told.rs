//! What is told of a job that has ended: the body of a webhook, and the detail of an event. Small, without pictures and
//! without links: who is told asks for the job.

use std::collections::BTreeMap;

use domain::{
    job::{Job, Refund, State},
    money::MicroUsd,
    time::Timestamp,
    webhook::{EventId, EventKind},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    date_time,
    job::{ErrorOut, error_of},
    usd,
};

/// The version of the detail of events. A field may be added within a version.
const VERSION: &str = "1";
/// The most that metadata may have, in bytes of JSON, to be told: the body of a webhook stays below 20 kB.
const METADATA_BYTES_MAX: usize = 8_192;

/// The body of a webhook.
#[derive(Serialize)]
struct WebhookOut<'a> {
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

/// The detail of an event.
#[derive(Serialize)]
struct DetailOut<'a> {
    version: &'static str,
    id: String,
    r#type: &'static str,
    timestamp: String,
    user_id: &'a str,
    data: Data<'a>,
}

/// The job, as it stood when it ended. All fields are always there.
#[derive(Serialize)]
struct Data<'a> {
    id: String,
    object: &'static str,
    status: &'static str,
    model: &'static str,
    n: u8,
    /// How many pictures were delivered.
    images: usize,
    created_at: String,
    completed_at: String,
    estimated_cost: Box<RawValue>,
    charged_amount: Box<RawValue>,
    error: Option<ErrorOut>,
    /// As it was given; null if it is too long to be told.
    metadata: Option<&'a BTreeMap<String, String>>,
}

/// What is told of a job, if that ever became of it.
fn data(job: &Job, EventId { kind, .. }: EventId, at: Timestamp) -> Option<Data<'_>> {
    let state = &job.state;
    let (images, charged, error) = match (kind, state) {
        (EventKind::Succeeded, State::Succeeded { images, charged, .. }) => {
            (images.len(), *charged, None)
        }
        // It succeeded before the operator gave the charge back.
        (EventKind::Succeeded, State::Refunded { why: Refund::Reversed { images, .. }, .. }) => {
            let count = u32::try_from(images.len()).ok()?;
            (images.len(), job.hold.price().checked_mul(count)?, None)
        }
        (EventKind::Failed, State::Failed { .. })
        | (EventKind::Expired, State::Expired { .. })
        | (EventKind::Refunded, State::Refunded { .. }) => (0, MicroUsd::ZERO, error_of(state)),
        (
            EventKind::Succeeded | EventKind::Failed | EventKind::Expired | EventKind::Refunded,
            State::Pending
            | State::Processing(_)
            | State::Succeeded { .. }
            | State::Failed { .. }
            | State::Expired { .. }
            | State::Refunded { .. },
        ) => return None,
    };
    let metadata = Some(&job.order.metadata);
    let fits = |metadata: &&BTreeMap<String, String>| {
        serde_json::to_string(metadata).is_ok_and(|json| json.len() <= METADATA_BYTES_MAX)
    };
    Some(Data {
        id: job.id.to_string(),
        object: "image.job",
        status: kind.status().as_str(),
        model: job.order.model.model().slug,
        n: job.order.n.get(),
        images,
        created_at: date_time(job.created_at),
        completed_at: date_time(at),
        estimated_cost: usd(job.hold.amount()),
        charged_amount: usd(charged),
        error,
        metadata: metadata.filter(fits),
    })
}

/// The body of a webhook that tells what became of a job at `at`. `None` if that never became of it.
#[must_use]
pub fn webhook(job: &Job, event: EventId, at: Timestamp) -> Option<String> {
    let data = data(job, event, at)?;
    let body = WebhookOut { r#type: event.kind.as_str(), timestamp: date_time(at), data };
    serde_json::to_string(&body).ok()
}

/// The detail of an event that tells what became of a job at `at`. `None` if that never became of it.
#[must_use]
pub fn detail(job: &Job, event: EventId, at: Timestamp) -> Option<String> {
    let detail = DetailOut {
        version: VERSION,
        id: event.to_string(),
        r#type: event.kind.as_str(),
        timestamp: date_time(at),
        user_id: job.user.as_str(),
        data: data(job, event, at)?,
    };
    serde_json::to_string(&detail).ok()
}

#[cfg(test)]
mod tests;
