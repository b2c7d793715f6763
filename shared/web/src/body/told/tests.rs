use domain::{
    job::Status,
    webhook::{EventId, EventKind},
};
use serde_json::{Value, json};

use super::*;
use crate::body::job::tests::{after, canceled, given_back, image, job_in, states, succeeded};

fn event(job: &Job, kind: EventKind) -> EventId {
    EventId { job: job.id, kind }
}

fn read(text: Option<String>) -> Value {
    serde_json::from_str(&text.unwrap()).unwrap()
}

#[test]
fn a_webhook_tells_what_became_of_a_job_and_nothing_that_opens_anything() {
    let job = job_in(succeeded(81_000, vec![image(0, Some(7))]));
    let told = read(webhook(&job, event(&job, EventKind::Succeeded), after(30)));
    assert_eq!(
        told,
        json!({
            "type": "job.succeeded",
            "timestamp": "2026-04-25T10:00:30.123Z",
            "data": {
                "id": job.id.to_string(),
                "object": "image.job",
                "status": "succeeded",
                "model": "flux-1.1-ultra",
                "n": 2,
                "images": 1,
                "created_at": "2026-04-25T10:00:00.123Z",
                "completed_at": "2026-04-25T10:00:30.123Z",
                "estimated_cost": 0.162,
                "charged_amount": 0.081,
                "error": null,
                "metadata": { "order": "A-17" },
            },
        })
    );
}

#[test]
fn every_ending_is_told_by_the_schema_and_no_other() {
    let schema = include_str!("../../../../../docs/events/job.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let mut told = 0;
    for (state, _) in states() {
        let job = job_in(state);
        for kind in EventKind::ALL {
            let event = event(&job, kind);
            let (body, detail) = (webhook(&job, event, after(30)), detail(&job, event, after(30)));
            assert_eq!(body.is_some(), detail.is_some());
            let Some(detail) = detail else { continue };
            assert!(body.unwrap().len() < 20_000);
            let detail: Value = serde_json::from_str(&detail).unwrap();
            assert!(schema.is_valid(&detail), "{detail}");
            assert_eq!(detail["type"], kind.as_str());
            assert_eq!(detail["id"], event.to_string());
            for secret in ["hourglass", "secret-key", "task-of", "sandbox"] {
                assert!(!detail.to_string().contains(secret), "{secret}");
            }
            told += 1;
        }
        let own = EventKind::of(job.state.status());
        assert_eq!(
            own.is_some(),
            own.is_some_and(|kind| webhook(&job, event(&job, kind), after(30)).is_some())
        );
    }
    // Five endings, and the success before a reversal.
    assert_eq!(told, 6);
}

#[test]
fn what_was_given_back_later_was_charged_when_it_succeeded() {
    let job = job_in(given_back());
    let before = read(webhook(&job, event(&job, EventKind::Succeeded), after(30)));
    assert_eq!(before["data"]["status"], Status::Succeeded.as_str());
    assert_eq!(
        (&before["data"]["charged_amount"], &before["data"]["images"]),
        (&json!(0.081), &json!(1))
    );
    let after = read(webhook(&job, event(&job, EventKind::Refunded), after(90)));
    assert_eq!(
        (&after["data"]["charged_amount"], &after["data"]["images"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(after["data"]["error"]["code"], "refunded");
}

#[test]
fn metadata_that_is_too_long_is_left_out() {
    let mut job = job_in(canceled());
    let pairs = (0..16).map(|n| (format!("key-{n}"), "é".repeat(512)));
    job.order.metadata = pairs.collect();
    let body = webhook(&job, event(&job, EventKind::Refunded), after(30)).unwrap();
    assert!(body.len() < 20_000);
    assert_eq!(read(Some(body))["data"]["metadata"], Value::Null);
}
