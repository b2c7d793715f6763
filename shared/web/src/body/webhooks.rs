//! Who is told what becomes of jobs, and how that went. A secret is in the one answer that makes it; what a receiver
//! said is in none.

use domain::{
    time::Timestamp,
    webhook::{DeliveryId, EndpointId, EventKind, Events, Secret, WebhookUrl, schedule::Outcome},
};
use serde::Serialize;

use super::{List, date_time};

/// A registered endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// Its id.
    pub id: &'a EndpointId,
    /// Where it listens.
    pub url: &'a WebhookUrl,
    /// What it is told.
    pub events: &'a Events,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when and why nothing is delivered to it, if that is so.
    pub disabled: Option<(Timestamp, &'static str)>,
    /// Until when the secret before signs as well, if there is one that does.
    pub old_secret_until: Option<Timestamp>,
}

/// A delivery: one event for one receiver.
#[derive(Clone, Debug)]
pub struct Delivery<'a> {
    /// Which.
    pub id: &'a DeliveryId,
    /// Where it stands.
    pub status: &'static str,
    /// The attempts that are remembered, the latest last.
    pub attempts: Vec<Attempt>,
    /// When the next one is made, if there is one to come.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was noted.
    pub created_at: Timestamp,
}

/// An attempt at a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// What it met.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Where events of all your jobs go.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Endpoint))]
pub(crate) struct EndpointOut<'a> {
    id: &'a str,
    object: &'static str,
    url: &'a str,
    /// What it is told of; null for all events.
    events: Option<Vec<&'static str>>,
    /// What deliveries to it are signed with. Only in the answer that makes it: keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    secret: Option<String>,
    /// Until when the secret before signs as well; null if there is none that does.
    #[cfg_attr(test, schema(format = DateTime))]
    old_secret_until: Option<String>,
    /// Nothing is delivered to one that is `disabled`.
    status: &'static str,
    /// Why it is: `gone`, if it answered 410. Null while it is enabled.
    disabled_why: Option<&'static str>,
    /// Since when.
    #[cfg_attr(test, schema(format = DateTime))]
    disabled_at: Option<String>,
    #[cfg_attr(test, schema(format = DateTime))]
    created_at: String,
}

/// What the webhooks of your orders are signed with.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = WebhookSecret))]
pub(crate) struct SecretOut {
    object: &'static str,
    /// It is told this once: keep it.
    secret: String,
    /// Until when the secret before signs as well; null if there was none.
    #[cfg_attr(test, schema(format = DateTime))]
    old_secret_until: Option<String>,
}

/// One event for one receiver.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Delivery))]
pub(crate) struct DeliveryOut<'a> {
    id: String,
    object: &'static str,
    event: &'static str,
    /// The header `webhook-id`: the same in every attempt, and at every receiver.
    event_id: String,
    job_id: String,
    /// The `id` of an endpoint; `order` is the `webhook_url` of the order.
    endpoint: &'a str,
    /// `due` is to be tried, `given_up` was tried as often as it is.
    status: &'static str,
    /// The latest of them, in their order.
    attempts: Vec<AttemptOut>,
    /// Null if none is to come.
    #[cfg_attr(test, schema(format = DateTime))]
    next_attempt_at: Option<String>,
    #[cfg_attr(test, schema(format = DateTime))]
    created_at: String,
}

/// An attempt at a delivery.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = DeliveryAttempt))]
pub(crate) struct AttemptOut {
    #[cfg_attr(test, schema(format = DateTime))]
    at: String,
    /// `delivered` is an answer of 2xx, `status` any other one; the rest is what went wrong before there was one.
    outcome: &'static str,
    /// The status of the answer, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    http_status: Option<u16>,
    duration_ms: u64,
}

/// An endpoint, with its secret where that was just made.
#[must_use]
pub fn endpoint(endpoint: Endpoint<'_>, secret: Option<&Secret>) -> impl Serialize {
    endpoint_out(endpoint, secret)
}

/// All endpoints of a user.
#[must_use]
pub fn endpoints(endpoints: &[Endpoint<'_>]) -> impl Serialize {
    List::new(endpoints.iter().map(|endpoint| endpoint_out(*endpoint, None)).collect(), None)
}

/// What the webhooks of a user's orders are signed with from now on.
#[must_use]
pub fn webhook_secret(secret: &Secret, old_until: Option<Timestamp>) -> impl Serialize + use<> {
    SecretOut {
        object: "webhook.secret",
        secret: secret.reveal(),
        old_secret_until: old_until.map(date_time),
    }
}

/// A delivery as its owner sees it.
#[must_use]
pub fn delivery(delivery: &Delivery<'_>) -> impl Serialize {
    delivery_out(delivery)
}

/// A part of a user's deliveries, and where the next part begins.
#[must_use]
pub fn deliveries(deliveries: &[Delivery<'_>], next: Option<String>) -> impl Serialize {
    List::new(deliveries.iter().map(delivery_out).collect(), next)
}

/// The names of some events; none where it is all of them.
pub(super) fn named(events: &Events) -> Option<Vec<&'static str>> {
    (!events.are_all()).then(|| events.named().map(EventKind::as_str).collect())
}

fn endpoint_out<'a>(of: Endpoint<'a>, secret: Option<&Secret>) -> EndpointOut<'a> {
    EndpointOut {
        id: of.id.as_str(),
        object: "webhook.endpoint",
        url: of.url.as_str(),
        events: named(of.events),
        secret: secret.map(Secret::reveal),
        old_secret_until: of.old_secret_until.map(date_time),
        status: if of.disabled.is_none() { "enabled" } else { "disabled" },
        disabled_why: of.disabled.map(|(_, why)| why),
        disabled_at: of.disabled.map(|(at, _)| date_time(at)),
        created_at: date_time(of.created_at),
    }
}

fn delivery_out<'a>(of: &Delivery<'a>) -> DeliveryOut<'a> {
    let DeliveryId { event, receiver } = of.id;
    DeliveryOut {
        id: of.id.to_string(),
        object: "webhook.delivery",
        event: event.kind.as_str(),
        event_id: event.to_string(),
        job_id: event.job.to_string(),
        endpoint: receiver.as_str(),
        status: of.status,
        attempts: of.attempts.iter().map(attempt_out).collect(),
        next_attempt_at: of.next_attempt_at.map(date_time),
        created_at: date_time(of.created_at),
    }
}

fn attempt_out(of: &Attempt) -> AttemptOut {
    let (outcome, http_status) = match of.outcome {
        Outcome::Status(status @ 200..=299) => ("delivered", Some(status)),
        Outcome::Status(status) => ("status", Some(status)),
        Outcome::Late => ("timeout", None),
        Outcome::Refused => ("refused_address", None),
        Outcome::Unreachable => ("connection", None),
        Outcome::Tls => ("tls", None),
        Outcome::Broken => ("broken_off", None),
        Outcome::Lost => ("unknown", None),
        Outcome::Closed => ("endpoint_closed", None),
    };
    AttemptOut { at: date_time(of.at), outcome, http_status, duration_ms: of.duration_ms }
}

#[cfg(test)]
pub(crate) mod tests;
