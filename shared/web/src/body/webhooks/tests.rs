//! Endpoints, secrets and deliveries, field by field.

use std::time::Duration;

use domain::{
    ids::{JobId, UserId},
    webhook::{EventId, Receiver},
};
use serde_json::{Value, json};

use super::*;
use crate::event::sorted;

/// 2026-04-25T10:00:00.123Z
const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn url() -> WebhookUrl {
    "https://example.com/holdfast".to_owned().try_into().unwrap()
}

fn endpoint_id() -> EndpointId {
    let user: UserId = "demo".parse().unwrap();
    EndpointId::of(&user, &url())
}

/// An endpoint for these events, as `change` changes it.
fn shown(
    named: &[EventKind],
    secret: Option<&Secret>,
    change: impl FnOnce(&mut Endpoint<'_>),
) -> Value {
    let (id, url, events) = (endpoint_id(), url(), Events::new(named.iter().copied().collect()));
    let mut of = Endpoint {
        id: &id,
        url: &url,
        events: &events,
        created_at: NOW,
        disabled: None,
        old_secret_until: None,
    };
    change(&mut of);
    serde_json::to_value(endpoint_out(of, secret)).unwrap()
}

fn fresh() -> Secret {
    Secret::new([7; 32])
}

/// Endpoints as the API writes them.
pub(crate) mod endpoints {
    use super::*;

    pub(crate) fn new() -> Value {
        shown(&[EventKind::Succeeded, EventKind::Failed], Some(&fresh()), |_| ())
    }

    pub(crate) fn enabled() -> Value {
        shown(&[EventKind::Succeeded, EventKind::Failed], None, |_| ())
    }

    pub(crate) fn gone() -> Value {
        shown(&[], None, |of| of.disabled = Some((after(60), "gone")))
    }

    pub(crate) fn rotated() -> Value {
        shown(&[], Some(&fresh()), |of| of.old_secret_until = Some(after(86_400)))
    }

    pub(crate) fn list() -> Value {
        json!({ "object": "list", "data": [enabled(), gone()], "has_more": false, "next_cursor": null })
    }
}

fn delivery_of(receiver: Receiver, change: impl FnOnce(&mut Delivery<'_>)) -> Value {
    let event = EventId { job: JobId::new(NOW, &[1; 10]), kind: EventKind::Succeeded };
    let id = DeliveryId { event, receiver };
    let mut of = Delivery {
        id: &id,
        status: "due",
        attempts: Vec::new(),
        next_attempt_at: None,
        created_at: NOW,
    };
    change(&mut of);
    serde_json::to_value(delivery_out(&of)).unwrap()
}

fn attempt(seconds: u64, outcome: Outcome) -> Attempt {
    Attempt { at: after(seconds), outcome, duration_ms: 81 }
}

/// What is asked and answered, as the API writes it.
pub(crate) mod examples {
    use super::*;

    pub(crate) fn bodies() -> Value {
        let url = "https://example.com/holdfast";
        json!({
            "all": { "url": url },
            "some": { "url": url, "events": ["job.succeeded", "job.failed"] },
        })
    }

    fn secret(old_until: Option<Timestamp>) -> Value {
        let secret = webhook_secret(&fresh(), old_until);
        json!({ "secret": serde_json::to_value(secret).unwrap() })
    }

    pub(crate) fn first_secret() -> Value {
        secret(None)
    }

    pub(crate) fn next_secret() -> Value {
        secret(Some(after(86_400)))
    }

    pub(crate) fn delivered() -> Value {
        delivery_of(Receiver::Endpoint(endpoint_id()), |of| {
            of.status = "delivered";
            of.attempts = vec![attempt(1, Outcome::Late), attempt(30, Outcome::Status(204))];
        })
    }

    pub(crate) fn due() -> Value {
        delivery_of(Receiver::Order, |of| {
            of.attempts = vec![attempt(1, Outcome::Status(503))];
            of.next_attempt_at = Some(after(7));
        })
    }

    pub(crate) fn deliveries() -> Value {
        let data = [delivered(), due()];
        json!({ "object": "list", "data": data, "has_more": true, "next_cursor": "bmV4dA" })
    }
}

#[test]
fn a_secret_is_in_the_answer_that_makes_it_and_in_no_other() {
    insta::assert_json_snapshot!(sorted(&endpoints::new()), @r#"
    {
      "created_at": "2026-04-25T10:00:00.123Z",
      "disabled_at": null,
      "disabled_why": null,
      "events": [
        "job.succeeded",
        "job.failed"
      ],
      "id": "ep_69a5c6973b110643edca4f63",
      "object": "webhook.endpoint",
      "old_secret_until": null,
      "secret": "whsec_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
      "status": "enabled",
      "url": "https://example.com/holdfast"
    }
    "#);
    let secret = fresh().reveal();
    for other in [endpoints::enabled(), endpoints::gone(), endpoints::list()] {
        assert!(!other.to_string().contains("secret\":\""), "{other}");
        assert!(!other.to_string().contains(&secret), "{other}");
    }
}

#[test]
fn an_endpoint_says_what_it_is_told_and_why_it_is_not() {
    assert_eq!(endpoints::enabled()["events"], json!(["job.succeeded", "job.failed"]));
    let gone = endpoints::gone();
    assert_eq!((&gone["status"], &gone["disabled_why"]), (&json!("disabled"), &json!("gone")));
    assert_eq!(gone["disabled_at"], "2026-04-25T10:01:00.123Z");
    assert_eq!(gone["events"], json!(null), "all of them");
    assert_eq!(endpoints::rotated()["old_secret_until"], "2026-04-26T10:00:00.123Z");
}

#[test]
fn a_delivery_tells_each_attempt_by_what_it_met() {
    insta::assert_json_snapshot!(sorted(&examples::delivered()), @r#"
    {
      "attempts": [
        {
          "at": "2026-04-25T10:00:01.123Z",
          "duration_ms": 81,
          "outcome": "timeout"
        },
        {
          "at": "2026-04-25T10:00:30.123Z",
          "duration_ms": 81,
          "http_status": 204,
          "outcome": "delivered"
        }
      ],
      "created_at": "2026-04-25T10:00:00.123Z",
      "endpoint": "ep_69a5c6973b110643edca4f63",
      "event": "job.succeeded",
      "event_id": "evt_019dc414-f17b-7101-8101-010101010101_succeeded",
      "id": "019dc414-f17b-7101-8101-010101010101.succeeded.ep_69a5c6973b110643edca4f63",
      "job_id": "019dc414-f17b-7101-8101-010101010101",
      "next_attempt_at": null,
      "object": "webhook.delivery",
      "status": "delivered"
    }
    "#);
    for (outcome, told, status) in [
        (Outcome::Status(200), "delivered", json!(200)),
        (Outcome::Status(302), "status", json!(302)),
        (Outcome::Status(410), "status", json!(410)),
        (Outcome::Late, "timeout", json!(null)),
        (Outcome::Refused, "refused_address", json!(null)),
        (Outcome::Unreachable, "connection", json!(null)),
        (Outcome::Tls, "tls", json!(null)),
        (Outcome::Broken, "broken_off", json!(null)),
        (Outcome::Lost, "unknown", json!(null)),
        (Outcome::Closed, "endpoint_closed", json!(null)),
    ] {
        let told_of = delivery_of(Receiver::Order, |of| of.attempts = vec![attempt(0, outcome)]);
        let attempt = &told_of["attempts"][0];
        assert_eq!((&attempt["outcome"], &attempt["http_status"]), (&json!(told), &status));
    }
    assert_eq!(examples::due()["endpoint"], "order");
    assert_eq!(examples::due()["next_attempt_at"], "2026-04-25T10:00:07.123Z");
}
