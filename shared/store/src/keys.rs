//! Every key of every table, in one place.
//!
//! A user's rows begin with the user, so reading somebody else's job is not forbidden but
//! impossible. Job ids are in time order, and so are the rows that begin with one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    ids::{CreditId, JobId, UserId},
    job::Status,
    pocket::Pocket,
    webhook::{DeliveryId, EndpointId, EventId, EventKind},
};

/// What the sort key of a job begins with.
pub(crate) const JOB: &str = "job#";
/// What the sort key of an idempotency key begins with.
pub(crate) const KEY: &str = "key#";
/// What the sort key of an event begins with.
pub(crate) const EVENT: &str = "event#";
/// What the sort key of an entry begins with.
pub(crate) const ENTRY: &str = "entry#";
/// What the sort key of a used payment reference begins with.
pub(crate) const REFERENCE: &str = "ref#";
/// The sort key of the first pocket of the balance, and what those of the others begin with.
pub(crate) const BALANCE: &str = "balance";

/// What the sort key of a registered endpoint begins with.
pub(crate) const ENDPOINT: &str = "endpoint#";
/// The sort key of what the webhooks of a user's orders are signed with.
pub(crate) const SECRET: &str = "secret";
/// What the sort key of a delivery begins with.
pub(crate) const DELIVERY: &str = "delivery#";
/// What the sort key of a note begins with which says that an event was told.
pub(crate) const TOLD: &str = "told#";

/// The primary key of a row in any table but that of the API keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    fn new(user: &UserId, sk: String) -> Self {
        Self { pk: user.to_string(), sk }
    }

    /// The key as attributes.
    pub(crate) fn attributes(self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk)),
            ("sk".to_owned(), AttributeValue::S(self.sk)),
        ])
    }
}

pub(crate) fn job(user: &UserId, job: &JobId) -> Key {
    Key::new(user, format!("{JOB}{job}"))
}

pub(crate) fn idempotency(user: &UserId, digest: &str) -> Key {
    Key::new(user, format!("{KEY}{digest}"))
}

pub(crate) fn event(user: &UserId, job: &JobId, status: Status) -> Key {
    Key::new(user, format!("{EVENT}{job}#{}", status.as_str()))
}

/// The event that the sort key of its row names.
pub(crate) fn event_in(sk: &str) -> Option<EventId> {
    let (job, status) = sk.strip_prefix(EVENT)?.split_once('#')?;
    let kind = EventKind::ALL.into_iter().find(|kind| kind.status().as_str() == status)?;
    Some(EventId { job: job.parse().ok()?, kind })
}

pub(crate) fn told(user: &UserId, EventId { job, kind }: &EventId) -> Key {
    Key::new(user, format!("{TOLD}{job}#{}", kind.status().as_str()))
}

pub(crate) fn endpoint(user: &UserId, endpoint: &EndpointId) -> Key {
    Key::new(user, format!("{ENDPOINT}{endpoint}"))
}

pub(crate) fn secret(user: &UserId) -> Key {
    Key::new(user, SECRET.to_owned())
}

pub(crate) fn delivery(user: &UserId, delivery: &DeliveryId) -> Key {
    Key::new(user, format!("{DELIVERY}{delivery}"))
}

/// The delivery that the sort key of its row names.
pub(crate) fn delivery_in(sk: &str) -> Option<DeliveryId> {
    sk.strip_prefix(DELIVERY)?.parse().ok()
}

pub(crate) fn balance(user: &UserId, pocket: Pocket) -> Key {
    let of_another = || format!("{BALANCE}#{}", pocket.number());
    Key::new(user, if pocket.is_first() { BALANCE.to_owned() } else { of_another() })
}

/// The pocket whose balance has this sort key.
pub(crate) fn pocket_in(sk: &str) -> Option<Pocket> {
    match sk.strip_prefix(BALANCE)? {
        "" => Some(Pocket::FIRST),
        number => {
            let number = number.strip_prefix('#')?;
            let pocket: Pocket = number.parse::<u8>().ok()?.try_into().ok()?;
            (!pocket.is_first() && pocket.number().to_string() == number).then_some(pocket)
        }
    }
}

pub(crate) fn hold(user: &UserId, job: &JobId) -> Key {
    Key::new(user, format!("{ENTRY}{job}#hold"))
}

/// One key a job, whatever the resolution's kind: a second one cannot be stored.
pub(crate) fn resolution(user: &UserId, job: &JobId) -> Key {
    Key::new(user, format!("{ENTRY}{job}#resolution"))
}

/// One key a job: what was charged is given back once.
pub(crate) fn reversal(user: &UserId, job: &JobId) -> Key {
    Key::new(user, format!("{ENTRY}{job}#reversal"))
}

pub(crate) fn credit(user: &UserId, id: &CreditId) -> Key {
    Key::new(user, format!("{ENTRY}{id}#credit"))
}

pub(crate) fn reference(user: &UserId, reference: &str) -> Key {
    Key::new(user, format!("{REFERENCE}{reference}"))
}

/// The job that a sort key names right after its prefix.
pub(crate) fn job_in(sk: &str, prefix: &str) -> Option<JobId> {
    sk.strip_prefix(prefix)?.split('#').next()?.parse().ok()
}

/// Of how many shards the index of due rows consists.
pub(crate) const SHARDS: u8 = 16;

/// The shard of the due index that a job's row is in: by the random end of its id.
pub(crate) fn shard(job: &JobId) -> u8 {
    let [.., last] = *job.as_bytes();
    last % SHARDS
}
