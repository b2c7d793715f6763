//! What is counted over a whole run: each order once, under its outcome; each job once, under its end.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::{Method, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::world::{World, answer};

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

    let counts = world.counts();
    for (outcome, times) in [
        ("accepted", 1),
        ("replayed", 2),
        ("idempotency_key_reused", 1),
        ("insufficient_balance", 1),
        ("prompt_empty", 1),
        ("invalid_api_key", 1),
    ] {
        assert_eq!(counts.sum_of("Orders", outcome), times, "{outcome}");
    }
    assert_eq!(counts.sum("Orders"), 7);
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
