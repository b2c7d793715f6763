//! The event source mapping, over the real SDK and the stand-in.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use lambda_runtime::LambdaEvent;
use runtime::{Clock, Environment, aws::Aws};
use serde_json::{Value, json};
use standins::{Standins, Storage};
use tokio::task::JoinSet;

use super::{
    verdict::{Malformed, done},
    *,
};
use crate::{
    invoke::handlers::event,
    provision::provision,
    testing::{SMALL, template},
};

/// A function's doing: from the records to the answer.
type Doing = dyn Fn(&[Value]) -> anyhow::Result<Value> + Send + Sync;

struct World {
    standins: Standins,
    sqs: Client,
    stop: CancellationToken,
    tasks: TaskTracker,
    calls: Arc<Mutex<Vec<Vec<Value>>>>,
    _poller: JoinSet<()>,
}

impl World {
    /// A queue that calls a function that does this.
    async fn start(
        text: &str,
        doing: impl Fn(&[Value]) -> anyhow::Result<Value> + Send + Sync + 'static,
    ) -> World {
        let standins = Standins::start(Storage::Memory).unwrap();
        let endpoints = standins.endpoints();
        let environment: Environment = [
            ("AWS_REGION", standins::REGION),
            ("AWS_ACCESS_KEY_ID", standins::ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", standins::SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        let aws = Aws::new(&environment, &runtime::Host::system()).unwrap();
        let template = template(text, &endpoints.sqs);
        provision(&template, &aws, &endpoints.s3).await.unwrap();

        let calls = Arc::new(Mutex::new(Vec::new()));
        let doing: Arc<Doing> = Arc::new(doing);
        let handler = {
            let calls = Arc::clone(&calls);
            event(move |event: LambdaEvent<Value>| {
                let records = event.payload["Records"].as_array().unwrap().clone();
                let answer = doing(&records);
                calls.lock().unwrap().push(records);
                async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    answer
                }
            })
        };
        let function = template.functions["Work"].clone();
        let source = function.sources[0].clone();
        let invoker = Invoker::new([("Work".to_owned(), function, handler)], Clock::system());
        let queue = template.queues["Jobs"].clone();
        let poller = EventSource::new(aws.sqs(), queue, source, "Work".into(), invoker);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut polling = JoinSet::new();
        polling.spawn(poller.run(stop.clone(), tasks.clone()));
        World { sqs: aws.sqs(), standins, stop, tasks, calls, _poller: polling }
    }

    async fn send(&self, body: &str) {
        let url = self.standins.endpoints().queue_url("test-Jobs");
        self.sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
    }

    /// The bodies of each call so far, in the order of the calls.
    fn calls(&self) -> Vec<Vec<String>> {
        let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
        let calls = self.calls.lock().unwrap();
        calls.iter().map(|records| records.iter().map(body).collect()).collect()
    }

    fn count(&self, body: &str) -> usize {
        self.calls().concat().iter().filter(|seen| *seen == body).count()
    }

    /// Waits until something is so, for some seconds.
    async fn until(&self, what: impl Fn(&World) -> bool) {
        for _ in 0..400 {
            if what(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never was: {:?}", self.calls());
    }

    async fn dead(&self) -> Vec<Message> {
        let url = self.standins.endpoints().queue_url("test-Dead");
        let received = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        received.send().await.unwrap().messages.unwrap_or_default()
    }

    /// What the queue still has, hidden or not.
    async fn left(&self) -> String {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let url = self.standins.endpoints().queue_url("test-Jobs");
        let attributes = self.sqs.get_queue_attributes().queue_url(url);
        let attributes = attributes.attribute_names(Name::All).send().await.unwrap();
        let attributes = attributes.attributes.unwrap();
        let count = |name| attributes[&name].clone();
        format!(
            "{} + {}",
            count(Name::ApproximateNumberOfMessages),
            count(Name::ApproximateNumberOfMessagesNotVisible)
        )
    }
}

fn all_done() -> impl Fn(&[Value]) -> anyhow::Result<Value> + Send + Sync {
    |_| Ok(json!({"batchItemFailures": []}))
}

#[tokio::test]
async fn a_message_arrives_as_lambda_hands_it_over_and_is_deleted() {
    let world = World::start(SMALL, all_done()).await;
    let url = world.standins.endpoints().queue_url("test-Jobs");
    let attribute = aws_sdk_sqs::types::MessageAttributeValue::builder()
        .data_type("String")
        .string_value("red")
        .build()
        .unwrap();
    let message = world.sqs.send_message().queue_url(url).message_body("ring");
    let sent = message.message_attributes("colour", attribute).send().await.unwrap();
    world.until(|world| world.count("ring") == 1).await;

    let mut record = world.calls.lock().unwrap()[0][0].clone();
    assert!(!record["receiptHandle"].take().as_str().unwrap().is_empty());
    let attributes = record["attributes"].take();
    assert_eq!(attributes["ApproximateReceiveCount"], "1");
    assert!(attributes["SentTimestamp"].is_string());
    record.as_object_mut().unwrap().remove("md5OfMessageAttributes");
    assert_eq!(
        record,
        json!({
            "messageId": sent.message_id(),
            "receiptHandle": null,
            "body": "ring",
            "attributes": null,
            "messageAttributes": {"colour": {
                "stringValue": "red",
                "binaryValue": null,
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": "String",
            }},
            "md5OfBody": sent.md5_of_message_body(),
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:test-Jobs",
            "awsRegion": "us-east-1",
        })
    );
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!((world.count("ring"), world.left().await.as_str()), (1, "0 + 0"));
}

#[tokio::test]
async fn only_what_is_reported_comes_back_and_ends_in_the_dead_letter_queue() {
    let world = World::start(SMALL, |records| {
        let bad = records.iter().filter(|record| record["body"] == "bad");
        let failed: Vec<Value> =
            bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
        Ok(json!({"batchItemFailures": failed}))
    })
    .await;
    for body in ["good", "bad", "better"] {
        world.send(body).await;
    }
    world.until(|world| world.count("bad") == 2).await;
    let mut dead = Vec::new();
    for _ in 0..200 {
        dead = world.dead().await;
        if !dead.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(dead[0].body(), Some("bad"));
    assert_eq!((world.count("good"), world.count("bad"), world.count("better")), (1, 2, 1));
}

#[tokio::test]
async fn a_failure_or_a_malformed_report_deletes_nothing() {
    for answer in [None, Some(json!({"batchItemFailures": [{"itemIdentifier": ""}]}))] {
        let world = World::start(SMALL, move |_| {
            answer.clone().ok_or_else(|| anyhow::anyhow!("on purpose"))
        })
        .await;
        world.send("again").await;
        world.until(|world| world.count("again") == 2).await;
    }
}

#[tokio::test]
async fn without_reports_every_answer_means_done() {
    let text = SMALL.replace("FunctionResponseTypes: [ReportBatchItemFailures]", "BatchSize: 5");
    let text = text.replacen("BatchSize: 10", "MaximumBatchingWindowInSeconds: 0", 1);
    let world = World::start(&text, |_| Ok(json!("whatever"))).await;
    world.send("once").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(world.count("once"), 1);
}

#[tokio::test]
async fn a_window_gathers_messages_into_one_batch() {
    let text = SMALL
        .replace("BatchSize: 10", "BatchSize: 3\n            MaximumBatchingWindowInSeconds: 5");
    let world = World::start(&text, all_done()).await;
    for body in ["1", "2", "3"] {
        world.send(body).await;
    }
    world.until(|world| world.calls().concat().len() == 3).await;
    assert_eq!(world.calls().len(), 1);
}

#[tokio::test]
async fn no_more_invocations_run_at_once_than_the_template_allows() {
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let doing = {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        move |_: &[Value]| {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({}))
        }
    };
    let world = World::start(&SMALL.replace("BatchSize: 10", "BatchSize: 1"), doing).await;
    for body in ["1", "2", "3", "4", "5", "6"] {
        world.send(body).await;
    }
    world.until(|world| world.calls().len() == 6).await;
    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert!(world.calls().iter().all(|call| call.len() == 1));
}

#[tokio::test]
async fn the_queue_may_go_away_and_come_back() {
    let world = World::start(SMALL, all_done()).await;
    world.send("before").await;
    world.until(|world| world.count("before") == 1).await;
    world.standins.pause_sqs();
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.standins.resume_sqs();
    world.send("after").await;
    world.until(|world| world.count("after") == 1).await;
}

#[tokio::test]
async fn what_was_received_before_the_stop_is_still_handed_over() {
    let world = World::start(SMALL, all_done()).await;
    world.send("last").await;
    world.until(|world| world.count("last") == 1).await;
    world.stop.cancel();
    world.tasks.close();
    world.tasks.wait().await;
    assert_eq!(world.left().await, "0 + 0");
    world.send("too late").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.count("too late"), 0);
}

#[test]
fn pauses_grow_to_a_limit_and_an_outage_is_over_at_once() {
    let mut outage = Outage::default();
    let mut pause = || outage.pause("Work", &anyhow::anyhow!("down"));
    assert_eq!(pause(), BACKOFF_FIRST);
    assert_eq!(pause(), BACKOFF_FIRST * 2);
    for _ in 0..100 {
        pause();
    }
    assert_eq!(pause(), BACKOFF_MAX);
    outage.over("Work");
    assert_eq!(outage.pause("Work", &anyhow::anyhow!("down")), BACKOFF_FIRST);
}

#[test]
fn a_report_says_which_messages_are_done() {
    let ids = ["a", "b"];
    for (answer, expected) in [
        (r#"{"batchItemFailures":[]}"#, vec!["a", "b"]),
        (r#"{"batchItemFailures":null}"#, vec!["a", "b"]),
        ("{}", vec!["a", "b"]),
        ("null", vec!["a", "b"]),
        (r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#, vec!["b"]),
        (r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}"#, vec![]),
    ] {
        assert_eq!(done(answer.as_bytes(), &ids), Ok(expected), "{answer}");
    }
    for answer in [
        "",
        "[]",
        r#""done""#,
        r#"{"batchItemFailure":[]}"#,
        r#"{"batchItemFailures":{}}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"id":"a"}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
    ] {
        assert!(matches!(done(answer.as_bytes(), &ids), Err(Malformed(_))), "{answer}");
    }
}
