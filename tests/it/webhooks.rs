//! Webhooks and events: told at least once, the same bytes each time, by the schedule and no faster.

mod dying;
pub(crate) mod receiver;

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::webhook::{EndpointId, Secret, WebhookUrl, schedule::Outcome};
use reqwest::Method;
use serde_json::{Value, json};
use store::{Delivery, DeliveryStatus};
use tokio::net::TcpListener;

use crate::world::{Caller, World, answer, eventually};
use receiver::{Receiver, Reply, Told};

fn order(more: &Value) -> Value {
    let mut order = json!({ "model": "recraft-v3", "prompt": "a cat" });
    let fields = order.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    order
}

/// The secret of a receiver that is registered, or of a user's orders.
fn secret(n: u8) -> Secret {
    Secret::new([n; 32])
}

/// Writes a row to the table of webhooks.
async fn put(world: &World, caller: &Caller, sk: &str, fields: &[(&str, AttributeValue)]) {
    let client = world.stack().aws().unwrap().dynamodb();
    let put = client.put_item().table_name(&world.stack().tables()["WebhooksTable"]);
    let put = put
        .item("pk", AttributeValue::S(caller.user.to_string()))
        .item("sk", AttributeValue::S(sk.to_owned()))
        .item("v", AttributeValue::N("1".to_owned()))
        .item("created_at_ms", AttributeValue::N(world.now().millis().to_string()));
    let put = fields.iter().fold(put, |put, (name, value)| put.item(*name, value.clone()));
    put.send().await.unwrap();
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Registers an endpoint.
pub(crate) async fn register(
    world: &World,
    caller: &Caller,
    url: &str,
    secret: &Secret,
) -> EndpointId {
    let url: WebhookUrl = url.to_owned().try_into().unwrap();
    let id = EndpointId::of(&caller.user, &url);
    let fields = [("url", text(url.as_str())), ("secret", text(secret.reveal()))];
    put(world, caller, &format!("endpoint#{id}"), &fields).await;
    id
}

/// The deliveries of a user, those of the newest job first.
async fn deliveries(world: &World, caller: &Caller) -> Vec<Delivery> {
    world.store().deliveries(&caller.user, 50, None).await.unwrap().rows
}

/// The delivery of a user who has but one, when it has been tried so often.
async fn tried(world: &World, caller: &Caller, attempts: usize) -> Delivery {
    eventually("the delivery was tried", async || {
        let delivery = deliveries(world, caller).await.pop()?;
        (delivery.attempts.len() >= attempts).then_some(delivery)
    })
    .await
}

/// What a receiver was told, when it is so much.
async fn told(receiver: &Receiver, count: usize) -> Vec<Told> {
    eventually("the receiver was told", async || {
        let told = receiver.told();
        (told.len() >= count).then_some(told)
    })
    .await
}

#[tokio::test]
async fn a_receiver_is_told_and_the_official_verifier_takes_it() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let (endpoint, own) = (Receiver::start([]).await, Receiver::start([]).await);
    register(&world, &anna, &endpoint.url, &secret(1)).await;
    put(&world, &anna, "secret", &[("secret", text(secret(2).reveal()))]).await;
    let ordered = json!({
        "n": 2, "metadata": { "basket": "17" }, "webhook_url": own.url, "webhook_events": ["job.succeeded"],
    });
    let job = anna.accepted(&order(&ordered)).await;
    for (receiver, secret) in [(&endpoint, secret(1)), (&own, secret(2))] {
        let told = told(receiver, 1).await.remove(0);
        let verifier = standardwebhooks::Webhook::new(&secret.reveal()).unwrap();
        verifier.verify(told.body.as_bytes(), &told.headers).unwrap();
        assert!(verifier.verify(told.body.replace('2', "3").as_bytes(), &told.headers).is_err());
        assert_eq!(told.headers["webhook-id"], format!("evt_{job}_succeeded"));
        assert_eq!(told.headers["content-type"], "application/json");
        let body: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(body["type"], "job.succeeded");
        assert_eq!(body["data"]["id"], job);
        assert_eq!(body["data"]["metadata"], json!({ "basket": "17" }));
        // What is told is what the job says.
        let shown = anna.job(&job).await.json();
        for field in ["status", "model", "n", "created_at", "completed_at", "charged_amount"] {
            assert_eq!(body["data"][field], shown[field], "{field}");
        }
    }
    eventually("both are delivered", async || {
        let all = deliveries(&world, &anna).await;
        assert_eq!(all.len(), 2);
        all.iter().all(|one| one.status == DeliveryStatus::Delivered).then_some(())
    })
    .await;
    // Told once, however often it is asked for.
    world.forward(Duration::from_mins(2));
    world.sweep().await;
    world.sweep().await;
    assert_eq!((endpoint.told().len(), own.told().len()), (1, 1));
    assert_eq!(world.counts().sum_of("Deliveries", "delivered"), 2);
    world.finish().await;
}

/// The example for integrators, as a program of theirs would use it.
#[tokio::test]
async fn the_example_takes_each_event_once_and_believes_nobody_else() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let router =
        ::receiver::router(&secret(1).reveal(), move |event| note.lock().unwrap().push(event));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/holdfast", listener.local_addr().unwrap());
    let _server =
        tokio::task::JoinSet::from_iter([axum::serve(listener, router.unwrap()).into_future()]);
    register(&world, &anna, &url, &secret(1)).await;
    // What it is told by us, it is told again by somebody who has heard it, and then by a liar.
    let ear = Receiver::start([]).await;
    register(&world, &anna, &ear.url, &secret(1)).await;
    let job = anna.accepted(&order(&json!({}))).await;
    let heard = told(&ear, 1).await.remove(0);
    eventually("the example was told", async || (!seen.lock().unwrap().is_empty()).then_some(()))
        .await;
    let http = reqwest::Client::new();
    let again = http.post(&url).headers(heard.headers.clone()).body(heard.body.clone());
    assert_eq!(again.send().await.unwrap().status(), 204);
    // As long as the truth: the headers say how long it is, and whoever sends less is waited for.
    let lie = heard.body.replace("succeeded", "forgotten");
    let liar = http.post(&url).headers(heard.headers).body(lie);
    assert_eq!(liar.send().await.unwrap().status(), 401);
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].r#type.as_str(), &seen[0].data.id, seen[0].data.images),
        ("job.succeeded", &job, 1)
    );
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_by_the_schedule_with_the_same_bytes() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let canary = Receiver::start([]).await;
    let replies = [
        Reply::status(500),
        Reply::status(301).with("location", &canary.url),
        Reply::status(429).with("retry-after", "3600"),
        Reply::status(404),
    ];
    let receiver = Receiver::start(replies).await;
    register(&world, &anna, &receiver.url, &secret(1)).await;
    anna.accepted(&order(&json!({}))).await;
    let first = tried(&world, &anna, 1).await;
    // As the schedule says, and by chance up to a tenth more, from the end of the attempt: nothing happens before. The
    // third was put off by the receiver.
    let pauses = [(5, 5_500), (300, 330_000), (3_600, 3_600_000), (7_200, 7_920_000)];
    let mut before = first;
    for (made, (least, most_ms)) in (1_usize..).zip(pauses) {
        let latest = before.attempts.last().unwrap();
        let ended = latest.at_ms.plus(Duration::from_millis(latest.took_ms));
        let pause = before.next_at.since(ended);
        let (least, most) = (Duration::from_secs(least), Duration::from_millis(most_ms));
        assert!((least..=most).contains(&pause), "{made}: {pause:?}");
        if made > 1 {
            assert_eq!(receiver.told().len(), made);
            // Whoever looks too early is sent away.
            world.sweep().await;
            assert_eq!(receiver.told().len(), made);
        }
        world.forward(before.next_at.since(world.now()));
        world.sweep().await;
        before = tried(&world, &anna, made + 1).await;
    }
    assert_eq!(before.status, DeliveryStatus::Delivered);
    let told = receiver.told();
    assert_eq!(told.len(), 5);
    for one in &told {
        assert_eq!(
            (&one.body, &one.headers["webhook-id"]),
            (&told[0].body, &told[0].headers["webhook-id"])
        );
    }
    assert_ne!(told[0].headers["webhook-timestamp"], told[4].headers["webhook-timestamp"]);
    assert!(canary.told().is_empty(), "a redirect was followed");
    world.finish().await;
}

/// It takes the connection, and says nothing. So long lasts this test: the time of an answer is not the schedule's.
#[tokio::test]
async fn a_receiver_that_never_answers_is_tried_by_the_schedule() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    register(&world, &anna, &url, &secret(1)).await;
    let job = anna.accepted(&order(&json!({}))).await;
    anna.wait(&job).await;
    let limit = Duration::from_mins(1);
    let delivery = tokio::time::timeout(limit, async {
        loop {
            let delivery = deliveries(&world, &anna).await.pop();
            match delivery.filter(|delivery| !delivery.attempts.is_empty()) {
                Some(delivery) => return delivery,
                None => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    });
    let delivery = delivery.await.unwrap();
    let attempt = delivery.attempts[0];
    assert_eq!((delivery.status, attempt.outcome), (DeliveryStatus::Due, Outcome::Late));
    assert!((15_000..25_000).contains(&attempt.took_ms), "{}", attempt.took_ms);
    let ended = attempt.at_ms.plus(Duration::from_millis(attempt.took_ms));
    let pause = delivery.next_at.since(ended);
    assert!(pause >= Duration::from_secs(5) && pause.as_millis() <= 5_500, "{pause:?}");
    // Nobody was held up by it.
    let next = anna.made(&order(&json!({}))).await;
    assert_eq!(next.job_status(), "succeeded");
    world.finish().await;
}

#[tokio::test]
async fn whoever_fails_for_good_is_given_up_after_ten_attempts_and_seen() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start((0..20).map(|_| Reply::status(503))).await;
    register(&world, &anna, &receiver.url, &secret(1)).await;
    anna.accepted(&order(&json!({}))).await;
    let mut delivery = tried(&world, &anna, 1).await;
    for made in 2..=10 {
        world.forward(delivery.next_at.since(world.now()));
        world.sweep().await;
        delivery = tried(&world, &anna, made).await;
    }
    assert_eq!(delivery.status, DeliveryStatus::GivenUp);
    world.forward(Duration::from_hours(48));
    world.sweep().await;
    assert_eq!(receiver.told().len(), 10);
    assert_eq!(world.counts().sum_of("Deliveries", "given_up"), 1);
    world.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_nothing_until_it_is_enabled_and_what_it_missed_is_seen() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([Reply::status(410)]).await;
    let id = register(&world, &anna, &receiver.url, &secret(1)).await;
    anna.accepted(&order(&json!({}))).await;
    let delivery = tried(&world, &anna, 1).await;
    assert_eq!(delivery.status, DeliveryStatus::GivenUp);
    let endpoint = world.store().endpoint(&anna.user, &id).await.unwrap().unwrap();
    assert_eq!(endpoint.disabled.map(|(_, why)| why.as_str()), Some("gone"));
    let second = anna.accepted(&order(&json!({}))).await;
    anna.wait(&second).await;
    let missed = eventually("it is seen that the second was missed", async || {
        let found = deliveries(&world, &anna).await;
        let missed = found.into_iter().find(|delivery| delivery.id.event.job.to_string() == second);
        missed.filter(|missed| missed.status == DeliveryStatus::GivenUp)
    })
    .await;
    assert_eq!(missed.attempts.last().map(|attempt| attempt.outcome), Some(Outcome::Closed));
    assert_eq!(receiver.told().len(), 1);

    let post = async |path: &str| answer(anna.request(Method::POST, path)).await;
    post(&format!("/v1/webhooks/endpoints/{id}/enable")).await.expect(200);
    post(&format!("/v1/webhooks/deliveries/{}/redeliver", missed.id)).await.expect(202);
    let told = told(&receiver, 2).await;
    assert!(told[1].body.contains(&second));
    world.finish().await;
}

#[tokio::test]
async fn what_no_queue_took_is_told_after_the_next_sweep() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([]).await;
    register(&world, &anna, &receiver.url, &secret(1)).await;
    world.stack().pause_queue();
    let job = anna.accepted(&order(&json!({}))).await;
    anna.cancel(&job).await.expect(200);
    world.stack().resume_queue();
    world.sweep().await;
    assert!(receiver.told().is_empty());
    world.forward(Duration::from_secs(61));
    world.sweep().await;
    let told = told(&receiver, 1).await.remove(0);
    assert!(told.body.contains("job.refunded"));
    // Then it is looked after no more.
    let report = eventually("nothing is left to be told", async || {
        world.forward(Duration::from_mins(3));
        let report = world.sweep().await;
        (report["reminded"] == 0 && report["looked_at"] == 0).then_some(report)
    });
    report.await;
    assert_eq!(receiver.told().len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn what_nobody_told_for_a_day_is_told_then() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([Reply::status(500), Reply::status(500)]).await;
    register(&world, &anna, &receiver.url, &secret(1)).await;
    world.stack().pause_queue();
    let jobs = [anna.accepted(&order(&json!({}))).await, anna.accepted(&order(&json!({}))).await];
    for job in &jobs {
        anna.cancel(job).await.expect(200);
    }
    let balance = anna.balance().await;
    world.forward(Duration::from_hours(25));
    // The sweep rings, and nobody hears it.
    world.stack().sweep_now().await.unwrap();
    assert!(receiver.told().is_empty());
    world.stack().resume_queue();
    world.forward(Duration::from_mins(3));
    world.sweep().await;
    told(&receiver, 2).await;
    let ids = eventually("both are delivered", async || {
        world.forward(Duration::from_mins(6));
        world.sweep().await;
        let all = deliveries(&world, &anna).await;
        let is_delivered = |one: &Delivery| one.status == DeliveryStatus::Delivered;
        (all.len() == 2 && all.iter().all(is_delivered)).then_some(())
    });
    ids.await;
    // Whatever receivers do, no money moves.
    assert_eq!(anna.balance().await.available, balance.available);
    world.finish().await;
}

#[tokio::test]
async fn while_a_secret_is_rotated_either_of_the_two_will_do() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([]).await;
    let url: WebhookUrl = receiver.url.clone().try_into().unwrap();
    let sk = format!("endpoint#{}", EndpointId::of(&anna.user, &url));
    let until = world.now().plus(Duration::from_hours(24)).millis().to_string();
    let fields = [
        ("url", text(receiver.url.as_str())),
        ("secret", text(secret(1).reveal())),
        ("previous_secret", text(secret(2).reveal())),
        ("previous_until_ms", AttributeValue::N(until)),
    ];
    put(&world, &anna, &sk, &fields).await;
    anna.accepted(&order(&json!({}))).await;
    let told = told(&receiver, 1).await.remove(0);
    for (n, good) in [(1, true), (2, true), (3, false)] {
        let verifier = standardwebhooks::Webhook::new(&secret(n).reveal()).unwrap();
        assert_eq!(verifier.verify(told.body.as_bytes(), &told.headers).is_ok(), good, "{n}");
    }
    world.finish().await;
}

#[tokio::test]
async fn every_ending_is_published_on_the_bus_by_its_schema() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let wish = |sandbox: Value| order(&json!({ "extra": { "sandbox": sandbox } }));
    let good = anna.accepted(&wish(json!({}))).await;
    let failed = anna.accepted(&wish(json!({ "outcome": "fail" }))).await;
    for job in [&good, &failed] {
        anna.wait(job).await;
    }
    world.give_back(&anna, &good).await;
    world.stack().pause_queue();
    let (canceled, expired) =
        (anna.accepted(&wish(json!({}))).await, anna.accepted(&wish(json!({}))).await);
    anna.cancel(&canceled).await.expect(200);
    world.stack().resume_queue();
    world.forward(Duration::from_mins(31));
    world.sweep().await;
    let schema = include_str!("../../docs/events/job.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let ids = eventually("all five are published", async || {
        world.sweep().await;
        let mut ids: Vec<String> = Vec::new();
        for entry in world.stack().published() {
            let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
            assert!(schema.is_valid(&detail), "{detail}");
            assert_eq!(
                (&entry["Source"], &entry["DetailType"]),
                (&json!("holdfast"), &detail["type"])
            );
            assert_eq!(detail["user_id"], "anna");
            ids.push(detail["id"].as_str().unwrap().to_owned());
        }
        ids.sort();
        ids.dedup();
        (ids.len() >= 5).then_some(ids)
    })
    .await;
    let mut wanted = [
        format!("evt_{good}_succeeded"),
        format!("evt_{good}_refunded"),
        format!("evt_{failed}_failed"),
        format!("evt_{canceled}_refunded"),
        format!("evt_{expired}_expired"),
    ];
    wanted.sort();
    assert_eq!(ids, wanted);
    world.finish().await;
}
