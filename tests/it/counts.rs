//! What is counted over a whole run: each order once, under its outcome; each job once, under its end.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::webhook::{EndpointId, Secret};
use reqwest::{Method, header::AUTHORIZATION};
use runtime::{Host, metrics::Sink};
use serde_json::{Value, json};
use testkit::proxy::{Call, Deed, Fault, Proxy, Service};

use crate::{
    answers::outage,
    webhooks::{
        receiver::{Receiver, Reply},
        register,
    },
    world::{Answer, Caller, World, answer, eventually},
};

fn order(prompt: &str) -> Value {
    json!({ "model": "recraft-v3", "prompt": prompt })
}

#[tokio::test]
async fn every_order_is_counted_once_under_its_outcome() {
    let world = World::start().await;
    world.stack().pause_queue();
    let anna = world.user("anna", "0.1").await;
    anna.submit_as("one", &order("a cat")).await.expect(202);
    anna.submit_as("one", &order("a cat")).await.expect(200);
    anna.submit_as("one", &order("a cat")).await.expect(200);
    anna.submit_as("one", &order("a dog")).await.refused(422, "idempotency_key_reused");
    anna.submit_as("two", &order("a dog")).await.refused(402, "insufficient_balance");
    anna.submit(&order(" ")).await.refused(400, "prompt_empty");
    let stranger = world.api().request(Method::POST, "/v1/images/generations");
    let stranger = stranger.header(AUTHORIZATION, "Bearer nobody").json(&order("a cat"));
    answer(stranger).await.refused(401, "invalid_api_key");
    let ben = world.user("ben", "1").await;
    for _ in 0..6 {
        ben.accepted(&order("a cat")).await;
    }
    ben.submit(&order("a cat")).await.refused(429, "queue_full");

    let counts = world.counts();
    for (outcome, times) in [
        ("accepted", 7),
        ("replayed", 2),
        ("idempotency_key_reused", 1),
        ("insufficient_balance", 1),
        ("prompt_empty", 1),
        ("invalid_api_key", 1),
        ("queue_full", 1),
    ] {
        assert_eq!(counts.sum_of("Orders", outcome), times, "{outcome}");
    }
    assert_eq!(counts.sum("Orders"), 14);
    world.finish().await;
}

/// The function, behind a gateway and with tables that do as they are told here: the stack's own are always there, and
/// never busy.
struct Submit {
    app: submit::App,
    proxy: Proxy,
}

impl Submit {
    fn start(world: &World) -> Submit {
        let proxy = Proxy::start(&[(Service::DynamoDb, &world.stack().endpoints().dynamodb)]);
        let environment = world.stack().environment("SubmitFunction").unwrap().clone();
        let environment =
            environment.with("AWS_ENDPOINT_URL_DYNAMODB", proxy.url(Service::DynamoDb));
        let counts = Some(Sink::new(world.counts().taker()));
        let host = Host::system().with_clock(world.clock()).with_counts(counts);
        Submit { app: submit::App::new(&environment, host).unwrap(), proxy }
    }

    async fn order(&self, caller: &Caller, body: &Value) -> Answer {
        let (method, path) = ("POST", "/v1/images/generations");
        let request = outage::request(caller, method, path, Some(body));
        outage::read(method, path, submit::respond(&self.app, request).await)
    }

    /// The tables refuse every acceptance with this: the answer to an order.
    async fn refused_by_tables(&self, fault: Fault, caller: &Caller, body: &Value) -> Answer {
        let is_acceptance = |call: &Call| call.is(Service::DynamoDb, "TransactWriteItems");
        let strike = self.proxy.always(is_acceptance, Deed::refuse(fault));
        let told = self.order(caller, body).await;
        assert!(strike.count() > 0);
        strike.lift();
        told
    }
}

#[tokio::test]
async fn an_order_that_the_tables_do_not_take_is_counted_once_under_what_was_told_of_it() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    let submit = Submit::start(&world);
    let mut body = order("a cat");
    body["idempotency_key"] = json!("one");

    // However often the acceptance is tried before that is given up.
    let busy = Fault::canceled(0, "TransactionConflict");
    submit.refused_by_tables(busy, &anna, &body).await.refused(503, "account_busy");
    assert_eq!((counts.sum("Orders"), counts.sum_of("Orders", "account_busy")), (1, 1));
    let undecided = Fault::in_progress();
    submit.refused_by_tables(undecided, &anna, &body).await.refused(503, "unavailable");
    assert_eq!((counts.sum("Orders"), counts.sum_of("Orders", "unavailable")), (2, 1));

    // Neither of them was an order.
    let job = submit.order(&anna, &body).await.expect(202).id();
    assert_eq!((counts.sum("Orders"), counts.sum_of("Orders", "accepted")), (3, 1));
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    world.finish().await;
}

#[tokio::test]
async fn what_a_sweep_does_is_counted_and_each_job_ends_once() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    world.stack().pause_queue();
    let made = anna.accepted(&order("a cat")).await;
    world.stack().sweep_now().await.unwrap();
    // By whoever accepted it, and by the sweep: this one, and perhaps the one that a start begins with.
    assert!(counts.sum("RingsFailed") >= 2 && counts.sum("RowsFailed") >= 1);
    assert!(counts.sum("RungAgain") == 0 && counts.sum("Sweeps") >= 1);

    world.stack().resume_queue();
    world.sweep().await;
    assert!(counts.sum("RungAgain") >= 1);
    assert_eq!(anna.wait(&made).await.job_status(), "succeeded");

    world.stack().pause_queue();
    anna.accepted(&order("a dog")).await;
    world.forward(Duration::from_mins(18));
    // It cannot ring for the event of the first job if nobody had told of that by then.
    world.stack().sweep_now().await.unwrap();
    assert!(counts.sum("Sweeps") >= 3);
    assert_eq!(counts.sum_of("JobsEnded", "succeeded"), 1);
    assert_eq!(counts.sum_of("JobsEnded", "expired"), 1);
    assert_eq!((counts.sum("JobsEnded"), counts.sum("ChargedMicros")), (2, 54_000));
    world.finish().await;
}

#[tokio::test]
async fn what_is_open_is_told_after_each_sweep_with_the_age_of_the_oldest() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    world.stack().pause_queue();
    anna.accepted(&order("a cat")).await;
    world.forward(Duration::from_mins(10));
    anna.accepted(&order("a dog")).await;
    world.forward(Duration::from_secs(1));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(counts.last("OpenJobs"), Some(2));
    assert!((601..700).contains(&counts.last("OldestHoldAge").unwrap()));

    world.forward(Duration::from_mins(8));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(counts.last("OpenJobs"), Some(1));
    assert!((481..580).contains(&counts.last("OldestHoldAge").unwrap()));

    world.forward(Duration::from_mins(18));
    world.stack().sweep_now().await.unwrap();
    assert_eq!((counts.last("OpenJobs"), counts.last("OldestHoldAge")), (Some(0), Some(0)));
    world.finish().await;
}

/// Somebody else has written to the ledger: the sweep cannot give back what is not held.
#[tokio::test]
async fn a_hold_that_the_sweep_cannot_give_back_is_counted_until_it_can() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.accepted(&order("a cat")).await;
    let held = async |micros: u64| {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let tables = world.stack().aws().unwrap().dynamodb();
        let update = tables.update_item().table_name(&world.stack().tables()["LedgerTable"]);
        let update = update.key("pk", text(anna.user.as_str())).key("sk", text("balance"));
        let update = update.update_expression("SET held_micros = :micros");
        let micros = AttributeValue::N(micros.to_string());
        update.expression_attribute_values(":micros", micros).send().await.unwrap();
    };
    held(0).await;
    world.forward(Duration::from_mins(18));
    world.stack().sweep_now().await.unwrap();
    let counts = world.counts();
    assert!(counts.sum("RowsFailed") >= 1 && counts.sum("BooksUnbalanced") >= 1);
    assert_eq!(counts.sum("JobsEnded"), 0);

    held(54_000).await;
    world.sweep().await;
    assert_eq!(anna.job(&job).await.job_status(), "expired");
    assert_eq!((counts.sum("JobsEnded"), counts.sum_of("JobsEnded", "expired")), (1, 1));
    world.finish().await;
}

#[tokio::test]
async fn an_event_is_counted_once_and_each_attempt_to_deliver_it_under_its_outcome() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    // Put off for so long that only the sweep rings: no attempt comes in between.
    let ill = Receiver::start([Reply::status(429).with("retry-after", "3600")]).await;
    let gone = Receiver::start([Reply::status(410)]).await;
    for receiver in [&ill, &gone] {
        register(&world, &anna, &receiver.url, &Secret::new([1; 32])).await;
    }
    let counted = async |what: &str, wanted: [(&str, u64); 4]| {
        let times = || wanted.map(|(outcome, _)| (outcome, counts.sum_of("Deliveries", outcome)));
        eventually(what, async || (times() == wanted).then_some(())).await;
        let all = wanted.into_iter().map(|(_, times)| times).sum::<u64>();
        assert_eq!(counts.sum("Deliveries"), all, "{what}");
    };

    anna.made(&order("a cat")).await;
    let first = [("delivered", 0), ("failed", 1), ("given_up", 0), ("gone", 1)];
    counted("both have been tried", first).await;
    assert_eq!(counts.sum("EventsTold"), 1);

    // To try again is not to tell again.
    world.forward(Duration::from_secs(3_601));
    world.sweep().await;
    let second = [("delivered", 1), ("failed", 1), ("given_up", 0), ("gone", 1)];
    counted("the one that failed is delivered", second).await;
    assert_eq!(counts.sum("EventsTold"), 1);

    // Nothing is sent to whoever is gone.
    anna.made(&order("a dog")).await;
    let third = [("delivered", 2), ("failed", 1), ("given_up", 1), ("gone", 1)];
    counted("the second event is delivered to the one who is left", third).await;
    assert_eq!((counts.sum("EventsTold"), counts.sum("NoticesFailed")), (2, 0));
    assert_eq!((ill.told().len(), gone.told().len()), (3, 1));
    world.finish().await;
}

#[tokio::test]
async fn a_message_that_is_no_notice_is_counted_by_whoever_tells() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    let url = world.stack().queue_url("EventsQueue").unwrap();
    let sqs = world.stack().aws().unwrap().sqs();
    sqs.send_message().queue_url(url).message_body("not a notice").send().await.unwrap();
    eventually("it is counted", async || (counts.sum("BadMessages") == 1).then_some(())).await;
    // Both functions with a queue count so: this one is not the worker's.
    let by_notify = ("notify".to_owned(), "BadMessages".to_owned(), Vec::new());
    assert!(counts.seen().contains(&by_notify), "{:?}", counts.seen());

    // It holds up nobody, and was never one that could have been followed.
    anna.made(&order("a cat")).await;
    eventually("the event is told", async || (counts.sum("EventsTold") == 1).then_some(())).await;
    assert_eq!((counts.sum("BadMessages"), counts.sum("NoticesFailed")), (1, 0));
    world.finish().await;
}

/// Somebody else has written to the table of webhooks: who wants to be told cannot be read.
#[tokio::test]
async fn a_notice_that_cannot_be_followed_is_counted_and_its_event_is_told_when_it_can() {
    let world = World::start().await;
    let (counts, anna) = (world.counts(), world.user("anna", "1").await);
    let receiver = Receiver::start([]).await;
    let id = register(&world, &anna, &receiver.url, &Secret::new([1; 32])).await;
    set_url(&world, &anna, &id, "nowhere").await;
    anna.made(&order("a cat")).await;
    eventually("it is counted", async || (counts.sum("NoticesFailed") >= 1).then_some(())).await;
    assert_eq!((counts.sum("EventsTold"), counts.sum("Deliveries")), (0, 0));
    assert!(receiver.told().is_empty() && world.stack().published().is_empty());

    set_url(&world, &anna, &id, &receiver.url).await;
    let failed = counts.sum("NoticesFailed");
    // The message comes back after minutes; the sweep rings before that.
    world.forward(Duration::from_secs(61));
    world.sweep().await;
    eventually("it is delivered", async || {
        (counts.sum_of("Deliveries", "delivered") == 1).then_some(())
    })
    .await;
    assert_eq!((counts.sum("EventsTold"), counts.sum("NoticesFailed")), (1, failed));
    assert_eq!((receiver.told().len(), counts.sum("BadMessages")), (1, 0));
    world.finish().await;
}

/// Changes the URL of an endpoint by hand, past all checks.
async fn set_url(world: &World, caller: &Caller, id: &EndpointId, url: &str) {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let tables = world.stack().aws().unwrap().dynamodb();
    let update = tables.update_item().table_name(&world.stack().tables()["WebhooksTable"]);
    let update = update.key("pk", text(caller.user.as_str()));
    let update = update.key("sk", text(&format!("endpoint#{id}")));
    let update =
        update.update_expression("SET #url = :url").expression_attribute_names("#url", "url");
    update.expression_attribute_values(":url", text(url)).send().await.unwrap();
}
