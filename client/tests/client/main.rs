//! The client against an API that plays a script: what it sends, how often, and what it says of the answer.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may stop at the first surprise, and read best when they are brief"
)]

mod script;

use std::time::{Duration, Instant};

use holdfast_client::{
    Cancellation, Client, DownloadError, Error, Order, Prepared, Status, SubmitError, Waited,
};
use script::{Script, Step, job, refusal};
use serde_json::{Value, json};

fn order() -> Prepared {
    Order::new("recraft-v3", "a cat").metadata("invoice", "17").prepare().unwrap()
}

/// Submits an order to a script; how it ended, and what came.
async fn submit(
    steps: Vec<Step>,
) -> (Result<holdfast_client::Placed, SubmitError>, Vec<script::Seen>) {
    let script = Script::play(steps).await;
    let placed = script.client().submit(&order()).await;
    (placed, script.end().await)
}

#[tokio::test]
async fn an_order_says_who_is_told_and_of_what() {
    let script = Script::play(vec![Step::Answer(202, "", job("pending"))]).await;
    let order = Order::new("recraft-v3", "a cat").webhook_url("https://example.com/hooks");
    let order = order.webhook_events(["job.succeeded", "job.failed"]).prepare().unwrap();
    script.client().submit(&order).await.unwrap();
    let body: Value = serde_json::from_slice(&script.end().await[0].body).unwrap();
    assert_eq!(body["webhook_url"], "https://example.com/hooks");
    assert_eq!(body["webhook_events"], json!(["job.succeeded", "job.failed"]));
}

#[tokio::test]
async fn every_attempt_of_an_order_has_the_same_key_and_the_same_bytes() {
    let (placed, seen) = submit(vec![
        Step::Cut,
        Step::Half,
        Step::Answer(503, "Retry-After: 0", refusal("unavailable")),
        Step::Answer(200, "Idempotent-Replayed: true", job("processing")),
    ])
    .await;
    let placed = placed.unwrap();
    assert!(placed.replayed);
    assert_eq!(placed.job.status, Status::Processing);
    assert_eq!(placed.job.estimated_cost.to_string(), "0.054");
    assert_eq!(seen.len(), 4);
    let first = &seen[0];
    assert_eq!(first.line, "POST /v1/images/generations");
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(body["idempotency_key"].as_str().unwrap().len(), 32);
    assert_eq!((&body["model"], &body["prompt"]), (&json!("recraft-v3"), &json!("a cat")));
    assert!(seen.iter().all(|again| again.body == first.body && again.line == first.line));
}

#[tokio::test]
async fn two_orders_have_two_keys_unless_they_are_given_one() {
    assert_ne!(order().key(), order().key());
    let mine = Order::new("recraft-v3", "a cat").idempotency_key("invoice-17").prepare().unwrap();
    assert_eq!(mine.key(), "invoice-17");
}

#[tokio::test]
async fn an_order_that_is_refused_is_not_sent_again() {
    let body = json!({ "error": {
        "message": "the balance is below the price", "type": "insufficient_balance",
        "code": "insufficient_balance", "request_id": "req-1", "required": 0.054, "available": 0.05,
    }});
    let (placed, seen) = submit(vec![Step::Answer(402, "", body)]).await;
    let Err(SubmitError::Refused(told)) = placed else { panic!("{placed:?}") };
    assert_eq!((told.status, told.code.as_deref()), (402, Some("insufficient_balance")));
    assert_eq!(told.request_id.as_deref(), Some("req-1"));
    assert_eq!(told.available.unwrap().to_string(), "0.05");
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn an_order_that_nobody_answers_is_unknown() {
    let (placed, seen) = submit(vec![Step::Cut, Step::Cut, Step::Cut, Step::Cut]).await;
    assert!(matches!(placed, Err(SubmitError::Unknown(_))), "{placed:?}");
    assert_eq!(seen.len(), 4);
    let busy = || Step::Answer(503, "", refusal("account_busy"));
    let (placed, _) = submit(vec![busy(), busy(), busy(), busy()]).await;
    assert!(matches!(placed, Err(SubmitError::Unknown(_))), "{placed:?}");
    let nonsense = Step::Bytes(b"<html>".to_vec());
    let (placed, _) = submit(vec![nonsense]).await;
    assert!(matches!(placed, Err(SubmitError::Unknown(_))), "{placed:?}");
}

#[tokio::test]
async fn a_full_queue_is_asked_again_and_is_a_refusal_in_the_end() {
    let full = || Step::Answer(429, "Retry-After: 0", refusal("queue_full"));
    let (placed, seen) = submit(vec![full(), full(), full(), full()]).await;
    let Err(SubmitError::Refused(told)) = placed else { panic!("{placed:?}") };
    assert_eq!(told.code.as_deref(), Some("queue_full"));
    assert_eq!(seen.len(), 4);
    let (placed, _) = submit(vec![full(), Step::Answer(202, "", job("pending"))]).await;
    assert!(!placed.unwrap().replayed);
}

#[tokio::test]
async fn a_refusal_says_nothing_of_an_attempt_that_was_not_answered() {
    // The first may have been accepted, or still be on its way.
    for (status, code) in [(402, "insufficient_balance"), (403, "account_suspended"), (401, "x")] {
        let (placed, _) = submit(vec![Step::Cut, Step::Answer(status, "", refusal(code))]).await;
        assert!(matches!(placed, Err(SubmitError::Unknown(_))), "{status}: {placed:?}");
    }
    // But no attempt of an order that is malformed is ever accepted.
    for (status, code) in [(400, "prompt_empty"), (422, "idempotency_key_reused")] {
        let (placed, _) = submit(vec![Step::Cut, Step::Answer(status, "", refusal(code))]).await;
        assert!(matches!(placed, Err(SubmitError::Refused(_))), "{status}: {placed:?}");
    }
}

#[tokio::test]
async fn nobody_is_asked_sooner_than_they_say() {
    let begun = Instant::now();
    let wait = Step::Answer(429, "Retry-After: 1", refusal("queue_full"));
    let (placed, _) = submit(vec![wait, Step::Answer(202, "", job("pending"))]).await;
    placed.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    // Who wants more than we are willing to wait is not asked again.
    let tomorrow =
        Step::Answer(429, "Retry-After: 86400", json!({ "message": "Too Many Requests" }));
    let (placed, seen) = submit(vec![tomorrow]).await;
    let Err(SubmitError::Refused(told)) = placed else { panic!("{placed:?}") };
    assert_eq!((told.message.as_str(), told.code), ("Too Many Requests", None));
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_wait_ends_with_the_job() {
    let script = Script::play(vec![
        Step::Answer(202, "", job("pending")),
        Step::Cut,
        Step::Answer(200, "Retry-After: 1", job("processing")),
        Step::Answer(200, "", job("succeeded")),
    ])
    .await;
    let client = script.client();
    let placed = client.submit(&order()).await.unwrap();
    let mut told = Vec::new();
    let waited = client
        .wait_and_tell(placed.job, Duration::from_secs(20), |job| told.push(job.status))
        .await
        .unwrap();
    assert!(matches!(waited, Waited::Ended(job) if job.status == Status::Succeeded));
    assert_eq!(told, [Status::Pending, Status::Processing, Status::Succeeded]);
    let seen = script.end().await;
    assert_eq!(seen[3].line, "GET /v1/jobs/019dc414-f17b-7101-8101-010101010101");
}

#[tokio::test]
async fn who_loses_patience_leaves_the_job_alone() {
    let script = Script::play(vec![
        Step::Answer(202, "", job("pending")),
        Step::Answer(200, "", job("processing")),
    ])
    .await;
    let client = script.client();
    let placed = client.submit(&order()).await.unwrap();
    let waited = client.wait(placed.job, Duration::from_millis(150)).await.unwrap();
    assert!(matches!(waited, Waited::Unfinished(job) if job.status == Status::Processing));
    // Nothing else was asked for: no cancel.
    assert_eq!(script.end().await.len(), 2);
}

#[tokio::test]
async fn a_job_that_may_not_be_asked_for_ends_the_wait() {
    let script = Script::play(vec![
        Step::Answer(202, "", job("pending")),
        Step::Answer(404, "", refusal("job_not_found")),
    ])
    .await;
    let client = script.client();
    let placed = client.submit(&order()).await.unwrap();
    let waited = client.wait(placed.job, Duration::from_secs(20)).await;
    assert!(matches!(waited, Err(Error::Refused(told)) if told.status == 404));
    script.end().await;
}

#[tokio::test]
async fn a_status_of_a_later_version_is_no_end() {
    let script = Script::play(vec![Step::Answer(200, "", job("dreaming"))]).await;
    let told = script.client().job("x/../y?z").await.unwrap();
    assert_eq!(told.status, Status::Other);
    assert!(!told.status.is_final());
    assert_eq!(script.end().await[0].line, "GET /v1/jobs/x%2F%2E%2E%2Fy%3Fz");
}

#[tokio::test]
async fn a_cancel_says_which_of_the_two_happened() {
    let script = Script::play(vec![
        Step::Answer(200, "", job("refunded")),
        Step::Answer(409, "", refusal("job_not_cancelable")),
        Step::Answer(404, "", refusal("job_not_found")),
    ])
    .await;
    let client = script.client();
    assert!(matches!(client.cancel("x").await.unwrap(), Cancellation::Canceled(_)));
    assert_eq!(client.cancel("x").await.unwrap(), Cancellation::TooLate);
    assert!(client.cancel("x").await.is_err());
    assert_eq!(script.end().await[0].line, "POST /v1/jobs/x/cancel");
}

#[tokio::test]
async fn a_list_is_read_to_its_end() {
    let page = |rows: Value, next: Value| json!({ "object": "list", "data": rows, "has_more": !next.is_null(), "next_cursor": next });
    let script = Script::play(vec![
        Step::Answer(200, "", page(json!([job("failed"), job("failed")]), json!("a+b="))),
        Step::Cut,
        Step::Answer(200, "", page(json!([job("failed")]), Value::Null)),
    ])
    .await;
    let client = script.client();
    let jobs = client.jobs(Some(Status::Failed)).limit(2).all().await.unwrap();
    assert_eq!(jobs.len(), 3);
    let seen = script.end().await;
    assert_eq!(seen[0].line, "GET /v1/jobs?limit=2&status=failed");
    assert_eq!(seen[2].line, "GET /v1/jobs?limit=2&status=failed&cursor=a%2Bb%3D");
}

#[tokio::test]
async fn a_picture_is_fetched_without_the_key_and_only_up_to_a_size() {
    let script = Script::play(vec![
        Step::Cut,
        Step::Bytes(vec![7; 1_000]),
        Step::Bytes(vec![7; 1_001]),
        Step::Answer(403, "", Value::Null),
    ])
    .await;
    let client = script.client();
    let image = json!({ "url": format!("{}/0?sig=x", script.url), "width": 1, "height": 1, "content_type": "image/png" });
    let image: holdfast_client::Image = serde_json::from_value(image).unwrap();
    assert_eq!(client.download(&image, 1_000).await.unwrap(), vec![7; 1_000]);
    let large = client.download(&image, 1_000).await;
    assert!(matches!(large, Err(DownloadError::TooLarge(1_000))), "{large:?}");
    let old = client.download(&image, 1_000).await;
    assert!(matches!(old, Err(DownloadError::Expired)), "{old:?}");
    assert!(!format!("{image:?}").contains("sig"));
    assert!(script.end().await.iter().all(|seen| !seen.head.contains("authorization")));
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let client = Client::new("http://127.0.0.1:9/", "hf_test_secret").unwrap();
    let order = Order::new("recraft-v3", "a private cat").idempotency_key("hush");
    let shown = format!("{client:?} {order:?} {:?}", order.clone().prepare().unwrap());
    for secret in ["hf_test", "private", "hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    // Port 9 is where nobody listens: the cause does not show the URL either.
    let failed =
        client.with_retries(holdfast_client::Retries { attempts: 1, ..Default::default() });
    let Err(error) = failed.job("a-job").await else { panic!() };
    assert!(!format!("{error:?}").contains("a-job"), "{error:?}");
}
