//! The queue is a doorbell: it may be silent, ring five times, or ring for nonsense.

use std::time::Duration;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::future::join;
use local::{TemplateSource, template::TEMPLATE};
use serde_json::{Value, json};

use crate::world::{BRISK, World, eventually, usd};

fn order(sandbox: Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "sandbox": sandbox } })
}

#[tokio::test]
async fn a_job_is_accepted_while_the_queue_is_out_of_reach_and_made_when_it_is_back() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let accepted = anna.submit_as("one", &order(json!({}))).await.expect(202);
    let replayed = anna.submit_as("one", &order(json!({}))).await.expect(200);
    assert_eq!((replayed.id(), replayed.job_status()), (accepted.id(), "pending".to_owned()));
    world.stack().resume_queue();
    // The message of the order is lost.
    assert_eq!(world.sweep().await["expired"], 0);
    assert_eq!(anna.wait(&accepted.id()).await.job_status(), "succeeded");
    // What was seen to is not looked at again.
    assert_eq!(world.sweep().await["looked_at"], 0);
    world.finish().await;
}

#[tokio::test]
async fn a_bell_that_rings_five_times_over_is_one_charge() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "delay_ms": 700 }))).await;
    let bell = World::bell(&anna, &job);
    for _ in 0..5 {
        world.send(&bell).await;
    }
    let done = anna.wait(&job).await;
    assert_eq!(done.job_status(), "succeeded");
    // Whoever else came found that somebody had it.
    assert_eq!(world.row(&job).await["fence"], 1);
    let before = world.rows().await;
    for _ in 0..5 {
        world.send(&bell).await;
    }
    world.drained().await;
    world.is_as_before(&before).await;
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["usage"]), (1, 1));
    assert_eq!(anna.balance().await.charged, usd("0.054"));
    world.finish().await;
}

/// The template, but that a message comes back after two seconds, and once only.
fn impatient() -> TemplateSource {
    let text = TEMPLATE
        .replace("VisibilityTimeout: 720", "VisibilityTimeout: 2")
        .replace("maxReceiveCount: 5", "maxReceiveCount: 2");
    assert_eq!(text.len() + 2, TEMPLATE.len(), "the template says it in other words now");
    TemplateSource::Text(text)
}

#[tokio::test]
async fn messages_that_cannot_be_read_end_up_aside_and_their_neighbours_are_served() {
    let world = World::of(impatient(), &[]).await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    world.stack().pause_queue();
    let body = order(json!({}));
    let (hers, his) = join(anna.accepted(&body), ben.accepted(&body)).await;
    world.stack().resume_queue();

    let unknown = "00000000-0000-7000-8000-000000000000";
    let (hers_bell, his_bell) = (World::bell(&anna, &hers), World::bell(&ben, &his));
    let unreadable = [
        "not JSON".to_owned(),
        "{}".to_owned(),
        hers_bell.replace(r#""v":1"#, r#""v":2"#),
        hers_bell.replace(&hers, "not-an-id"),
        format!(r#"{{"v":1,"pad":"{}"}}"#, "x".repeat(200_000)),
    ];
    // These can be read, and there is nothing to do for them.
    let idle = [World::bell(&anna, unknown), World::bell(&ben, &hers)];
    let good = [hers_bell, his_bell];
    send_at_once(&world, unreadable.iter().chain(&idle).chain(&good)).await;

    assert_eq!(anna.wait(&hers).await.job_status(), "succeeded");
    assert_eq!(ben.wait(&his).await.job_status(), "succeeded");
    world.drained().await;
    let mut aside = set_aside(&world).await;
    let mut expected = unreadable.to_vec();
    aside.sort_unstable();
    expected.sort_unstable();
    assert_eq!(aside, expected);
    for user in [&anna, &ben] {
        assert_eq!(user.balance().await.charged, usd("0.054"));
    }
    world.finish().await;
}

/// Sends messages so that one receive may have them all.
async fn send_at_once<'a>(world: &World, bodies: impl Iterator<Item = &'a String>) {
    let entry = |(n, body): (usize, &String)| {
        let entry = SendMessageBatchRequestEntry::builder().id(n.to_string()).message_body(body);
        entry.build().unwrap()
    };
    let entries: Vec<_> = bodies.enumerate().map(entry).collect();
    let (sqs, url) = (world.stack().aws().unwrap().sqs(), world.stack().queue_url("JobsQueue"));
    let batch = sqs.send_message_batch().queue_url(url.unwrap()).set_entries(Some(entries));
    assert_eq!(batch.send().await.unwrap().failed, []);
}

/// What is in the dead-letter queue.
async fn set_aside(world: &World) -> Vec<String> {
    let sqs = world.stack().aws().unwrap().sqs();
    let url = world.stack().queue_url("JobsDeadLetterQueue").unwrap();
    let mut bodies = Vec::new();
    loop {
        let received = sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let found = received.visibility_timeout(60).send().await.unwrap().messages;
        match found {
            Some(found) if !found.is_empty() => {
                bodies.extend(found.into_iter().filter_map(|message| message.body));
            }
            Some(_) | None => return bodies,
        }
    }
}

#[tokio::test]
async fn a_bell_that_could_not_be_rung_is_rung_by_the_next_sweep() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.accepted(&order(json!({}))).await;
    let before = world.rows().await;
    let report = world.stack().sweep_now().await.unwrap();
    assert_eq!((&report["failed"], &report["announced"]), (&json!(1), &json!(0)));
    world.is_as_before(&before).await;
    world.stack().resume_queue();
    assert_eq!(world.sweep().await["announced"], 1);
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    world.finish().await;
}

#[tokio::test]
async fn a_bell_that_is_lost_while_a_job_waits_for_its_next_visit_is_rung_again() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "delay_ms": 60_000 }))).await;
    world.stack().pause_queue();
    world.put_down(&anna, &job).await;
    world.forward(Duration::from_mins(4));
    world.stack().resume_queue();
    assert_eq!(world.sweep_until_ended(&anna, &job).await.job_status(), "succeeded");
    assert_eq!(anna.kinds().await["usage"], 1);
    world.finish().await;
}

#[tokio::test]
async fn the_sweep_leaves_alone_what_somebody_works_on() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let job = anna.accepted(&order(json!({ "delay_ms": 8_000 }))).await;
    eventually("the upstream has the order", async || {
        (world.row(&job).await["dispatch"] == "accepted").then_some(())
    })
    .await;
    let before = world.rows().await;
    // It stays due, and each sweep sees that somebody has it.
    for _ in 0..2 {
        let report = world.sweep().await;
        let seen = ["looked_at", "left_alone", "announced"].map(|of| report[of].clone());
        assert_eq!(seen, [json!(1), json!(1), json!(0)], "{report}");
    }
    world.is_as_before(&before).await;
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    assert_eq!(world.sweep().await["looked_at"], 0);
    world.finish().await;
}
