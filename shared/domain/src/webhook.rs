//! Webhooks: what is told of a job, to whom, signed with what, and how often it is tried. By Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! [`schedule`] says when an attempt is followed by another one, `secret.rs` what it is signed with.

pub mod schedule;
mod secret;

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

pub use secret::{BadSecret, SECRET_BYTES, Secret, Secrets};

use crate::{
    ids::{JobId, UserId},
    job::Status,
};

/// The longest URL of a receiver, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;
/// The most endpoints of a user.
pub const ENDPOINTS_MAX: usize = 10;

/// What became of a job, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum EventKind {
    /// There are pictures, and they are charged.
    Succeeded,
    /// There are none, and nothing is charged.
    Failed,
    /// Its time was up, and nothing is charged.
    Expired,
    /// It was canceled, or what was charged was given back.
    Refunded,
}

/// The text is no kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event; there are job.succeeded, job.failed, job.expired and job.refunded")]
pub struct BadEventKind;

impl EventKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Expired, Self::Refunded];

    /// How a job's status is told; an unfinished job is not.
    #[must_use]
    pub const fn of(status: Status) -> Option<Self> {
        match status {
            Status::Pending | Status::Processing => None,
            Status::Succeeded => Some(Self::Succeeded),
            Status::Failed => Some(Self::Failed),
            Status::Expired => Some(Self::Expired),
            Status::Refunded => Some(Self::Refunded),
        }
    }

    /// The status that it tells.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Succeeded => Status::Succeeded,
            Self::Failed => Status::Failed,
            Self::Expired => Status::Expired,
            Self::Refunded => Status::Refunded,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "job.succeeded",
            Self::Failed => "job.failed",
            Self::Expired => "job.expired",
            Self::Refunded => "job.refunded",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventKind {
    type Err = BadEventKind;

    fn from_str(text: &str) -> Result<Self, BadEventKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(BadEventKind)
    }
}

impl TryFrom<String> for EventKind {
    type Error = BadEventKind;

    fn try_from(text: String) -> Result<Self, BadEventKind> {
        text.parse()
    }
}

impl From<EventKind> for &'static str {
    fn from(kind: EventKind) -> Self {
        kind.as_str()
    }
}

/// One ending of one job. Its text is what receivers know it by, in every attempt and at every receiver:
/// `evt_<job>_<status>`, without a dot, since a dot ends it in what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The job.
    pub job: JobId,
    /// What became of it.
    pub kind: EventKind,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}_{}", self.job, self.kind.status().as_str())
    }
}

/// Which events a receiver wants. None named means all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Events(BTreeSet<EventKind>);

impl Events {
    /// Those named; all of them, if none is.
    #[must_use]
    pub const fn new(named: BTreeSet<EventKind>) -> Self {
        Self(named)
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contain(&self, kind: EventKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }

    /// Those named; none means all.
    pub fn named(&self) -> impl ExactSizeIterator<Item = EventKind> + use<'_> {
        self.0.iter().copied()
    }

    /// Whether none is named, so that it is all of them.
    #[must_use]
    pub fn are_all(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a receiver listens: an `https` URL of at most [`URL_BYTES_MAX`] bytes, without credentials. On a stack on one
/// machine `http` to this machine will do. Where it leads is judged when it is followed. Its path or query may be a
/// secret, so it is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(String);

/// The text is not where we would deliver to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an https URL of at most {URL_BYTES_MAX} bytes, without credentials and without a fragment"
)]
pub struct BadWebhookUrl;

impl WebhookUrl {
    /// The URL as the caller wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = BadWebhookUrl;

    fn try_from(text: String) -> Result<Self, BadWebhookUrl> {
        let fits = text.len() <= URL_BYTES_MAX && text.trim() == text;
        let url = fits.then(|| Url::parse(&text).ok()).flatten().ok_or(BadWebhookUrl)?;
        let anonymous = url.username().is_empty() && url.password().is_none();
        let good = ["https", "http"].contains(&url.scheme())
            && url.has_host()
            && anonymous
            && url.fragment().is_none();
        if good { Ok(Self(text)) } else { Err(BadWebhookUrl) }
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(***)")
    }
}

/// What the id of an endpoint begins with.
const ENDPOINT: &str = "ep_";
/// How many bytes of a digest make the rest of it.
const ENDPOINT_BYTES: usize = 12;

/// The name of a registered endpoint. It follows from the user and the URL, so that one that is registered twice is
/// one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointId(String);

/// The text is not the id of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an endpoint")]
pub struct BadEndpointId;

impl EndpointId {
    /// The id of a user's endpoint at this URL.
    #[must_use]
    pub fn of(user: &UserId, url: &WebhookUrl) -> Self {
        let mut digest = Sha256::new();
        digest.update(user.as_str());
        digest.update([0]);
        digest.update(url.as_str());
        let digest = digest.finalize();
        Self(format!("{ENDPOINT}{}", hex::encode(digest.get(..ENDPOINT_BYTES).unwrap_or(&digest))))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EndpointId {
    type Error = BadEndpointId;

    fn try_from(text: String) -> Result<Self, BadEndpointId> {
        let digits = text.strip_prefix(ENDPOINT).ok_or(BadEndpointId)?;
        let good = digits.len() == ENDPOINT_BYTES.saturating_mul(2)
            && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if good { Ok(Self(text)) } else { Err(BadEndpointId) }
    }
}

impl FromStr for EndpointId {
    type Err = BadEndpointId;

    fn from_str(text: &str) -> Result<Self, BadEndpointId> {
        text.to_owned().try_into()
    }
}

impl From<EndpointId> for String {
    fn from(id: EndpointId) -> Self {
        id.0
    }
}

/// What an order's own receiver is called where an endpoint has its id.
const ORDER: &str = "order";

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Receiver {
    /// The one that the order named.
    Order,
    /// A registered endpoint.
    Endpoint(EndpointId),
}

impl Receiver {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Order => ORDER,
            Self::Endpoint(id) => id.as_str(),
        }
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Receiver {
    type Error = BadEndpointId;

    fn try_from(text: String) -> Result<Self, BadEndpointId> {
        if text == ORDER { Ok(Self::Order) } else { text.try_into().map(Self::Endpoint) }
    }
}

impl FromStr for Receiver {
    type Err = BadEndpointId;

    fn from_str(text: &str) -> Result<Self, BadEndpointId> {
        text.to_owned().try_into()
    }
}

impl From<Receiver> for String {
    fn from(receiver: Receiver) -> Self {
        receiver.as_str().to_owned()
    }
}

/// One event for one receiver. Its text is `<job>.<status>.<receiver>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    /// What is told.
    pub event: EventId,
    /// To whom.
    pub receiver: Receiver,
}

/// The text is not the id of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a delivery")]
pub struct BadDeliveryId;

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event: EventId { job, kind }, receiver } = self;
        write!(f, "{job}.{}.{receiver}", kind.status().as_str())
    }
}

impl FromStr for DeliveryId {
    type Err = BadDeliveryId;

    fn from_str(text: &str) -> Result<Self, BadDeliveryId> {
        let mut parts = text.split('.');
        let (Some(job), Some(status), Some(receiver), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadDeliveryId);
        };
        let kind = EventKind::ALL.into_iter().find(|kind| kind.status().as_str() == status);
        let kind = kind.ok_or(BadDeliveryId)?;
        let job: JobId = job.parse().map_err(|_| BadDeliveryId)?;
        let receiver = receiver.parse().map_err(|_| BadDeliveryId)?;
        let id = Self { event: EventId { job, kind }, receiver };
        // One text a delivery: ids can be written in several ways.
        if id.to_string() == text { Ok(id) } else { Err(BadDeliveryId) }
    }
}

#[cfg(test)]
mod tests;
