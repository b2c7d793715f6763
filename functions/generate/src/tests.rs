//! The batch around the visits: how long a shift is, and which messages come back.

use lambda_runtime::Context;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);
const MARGIN: Duration = Duration::from_secs(30);

fn after(millis: u64) -> Timestamp {
    NOW.plus(Duration::from_millis(millis))
}

fn variables() -> Vec<(String, String)> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
        // The discard port, where nobody listens.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("JOBS_TABLE", "jobs"),
        ("LEDGER_TABLE", "ledger"),
        ("QUEUE_URL", "http://127.0.0.1:9/000000000000/jobs"),
        ("EVENTS_QUEUE_URL", "http://127.0.0.1:9/000000000000/events"),
        ("FAIR_QUEUE", "true"),
        ("IMAGES_BUCKET", "images"),
        ("RUN_LIMIT_SECONDS", "300"),
        ("GRACE_SECONDS", "120"),
        ("LEASE_MARGIN_SECONDS", "30"),
        ("REVISIT_SECONDS", "5"),
        ("REANNOUNCE_SECONDS", "120"),
        ("MAXIMUM_CONCURRENCY", "2"),
        ("RETENTION_DAYS", "90"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn app() -> App {
    App::new(&variables().into_iter().collect(), Host::system().with_clock(Clock::new(|| NOW)))
        .unwrap()
}

/// The answer to a batch of these messages, as Lambda reads it.
async fn answer(records: Value) -> Value {
    let event: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    let mut context = Context::default();
    context.deadline = after(60_000).millis();
    let response = handle(&app(), LambdaEvent::new(event, context)).await;
    serde_json::to_value(response).unwrap()
}

/// A message as SQS hands it to Lambda.
fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEB",
        "body": body,
        "attributes": { "ApproximateReceiveCount": "1", "MessageGroupId": "demo" },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs",
        "awsRegion": "us-east-1",
    })
}

#[test]
fn jobs_are_put_down_at_most_five_seconds_and_a_quarter_before_the_end() {
    for (left, wind_down) in [
        (60_000, 5_000),
        (20_001, 5_000),
        (20_000, 5_000),
        (19_996, 4_999),
        (4_000, 1_000),
        (4, 1),
        (3, 0),
        (1, 0),
    ] {
        let shift = Shift::new(NOW, after(left), MARGIN);
        assert_eq!(shift.end, after(left - wind_down), "{left}");
        assert!(shift.end > NOW, "{left}");
        assert_eq!(shift.lease_until, after(left + 30_000), "{left}");
    }
}

#[test]
fn a_deadline_that_cannot_be_is_replaced_by_half_a_minute() {
    for deadline in [Timestamp::from_millis(0), Timestamp::from_millis(NOW.seconds()), NOW] {
        let shift = Shift::new(NOW, deadline, MARGIN);
        assert_eq!(shift.end, after(25_000), "{deadline:?}");
        assert_eq!(shift.lease_until, after(60_000), "{deadline:?}");
    }
}

#[test]
fn a_deadline_that_never_comes_does_not_overflow() {
    let never = Timestamp::from_millis(u64::MAX);
    let shift = Shift::new(NOW, never, Duration::MAX);
    assert_eq!(shift.end, Timestamp::from_millis(u64::MAX - 5_000));
    assert_eq!(shift.lease_until, never);
}

#[tokio::test]
async fn an_empty_batch_is_done_with() {
    assert_eq!(answer(json!([])).await.to_string(), r#"{"batchItemFailures":[]}"#);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_comes_back_by_its_id() {
    let other_version =
        r#"{"v":2,"user_id":"demo","job_id":"019dc414-f17b-7101-8101-010101010101"}"#;
    let no_user = r#"{"v":1,"user_id":"","job_id":"019dc414-f17b-7101-8101-010101010101"}"#;
    let batch = json!([
        message("a", "nonsense"),
        message("b", ""),
        message("c", other_version),
        message("d", no_user),
        message("e", &"[".repeat(100_000)),
        { "messageId": "f" },
        { "messageId": "g", "body": null },
    ]);
    let failures: Vec<Value> =
        ["a", "b", "c", "d", "e", "f", "g"].map(|id| json!({ "itemIdentifier": id })).to_vec();
    assert_eq!(answer(batch).await, json!({ "batchItemFailures": failures }));
}

/// An answer that names nothing, or something that was not there, would bring the whole batch back
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
#[tokio::test]
async fn a_message_without_an_id_is_not_reported() {
    let batch = json!([
        message("", "nonsense"),
        { "body": "nonsense" },
        { "messageId": null, "body": "nonsense" },
        message("a", "nonsense"),
        {},
    ]);
    let failures = json!({ "batchItemFailures": [{ "itemIdentifier": "a" }] });
    assert_eq!(answer(batch).await, failures);
}

#[test]
fn credentials_are_not_shown() {
    let shown = format!("{:?}", app());
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_function_that_lacks_a_variable_does_not_start() {
    for (name, value) in variables() {
        let others = variables().into_iter().filter(|(other, _)| *other != name);
        let started = App::new(&others.collect(), Host::system().with_clock(Clock::new(|| NOW)));
        assert_eq!(started.is_err(), name != "AWS_ENDPOINT_URL", "{name}={value}");
    }
}
