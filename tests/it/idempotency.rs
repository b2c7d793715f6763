//! One key, one job: however often, from wherever and at whatever time it is sent.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{Answer, Balance, Caller, World, usd};

fn order(prompt: &str) -> Value {
    json!({ "model": "recraft-v3", "prompt": prompt })
}

/// The answer is a replay of the job.
#[track_caller]
fn is_replay(answer: &Answer, job: &str) {
    assert_eq!((answer.status, answer.id().as_str()), (200, job), "{}", answer.text);
    assert_eq!(answer.header("idempotent-replayed"), "true");
    assert_eq!(answer.header("location"), format!("/v1/jobs/{job}"));
}

/// How many answers have a status.
fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn a_replay_is_the_same_job_as_it_is_now_even_when_the_money_is_gone() {
    let world = World::start().await;
    let anna = world.user("anna", "0.054").await;
    let first = anna.submit_as("one", &order("a cat")).await.expect(202);
    let job = first.id();
    is_replay(&anna.submit_as("one", &order("a cat")).await, &job);
    anna.wait(&job).await;

    let after = anna.submit_as("one", &order("a cat")).await;
    is_replay(&after, &job);
    assert_eq!((after.job_status().as_str(), after.header("retry-after")), ("succeeded", ""));
    assert_eq!(anna.pictures(&after).await.len(), 1);
    assert_eq!(anna.balance().await.available, usd("0"));
    anna.submit_as("two", &order("a cat")).await.refused(402, "insufficient_balance");
    is_replay(&anna.submit_as("one", &order("a cat")).await, &job);
    assert_eq!(anna.kinds().await["hold"], 1);
    world.finish().await;
}

#[tokio::test]
async fn a_hundred_at_once_under_one_key_are_one_job_and_one_hold() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let body = order("a cat");
    let answers = join_all((0..100).map(|_| anna.submit_as("one", &body))).await;
    assert_eq!((count(&answers, 202), count(&answers, 200)), (1, 99));
    let job = answers[0].id();
    for answer in &answers {
        assert_eq!(answer.id(), job);
        assert_eq!(answer.header("idempotent-replayed") == "true", answer.status == 200);
    }
    anna.wait(&job).await;
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["usage"]), (1, 1));
    assert_eq!(anna.balance().await.charged, usd("0.054"));
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_is_used_for_another_request_is_refused_and_nothing_changes() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let job = anna.submit_as("one", &order("a cat")).await.expect(202).id();
    anna.wait(&job).await;
    let edit =
        |url: &str| json!({ "model": "flux-kontext-pro", "prompt": "more", "image_url": url });
    let edited = anna.submit_as("two", &edit("https://example.com/a.png")).await.expect(202).id();
    anna.wait(&edited).await;
    let before = world.rows().await;
    let other = edit("https://example.com/b.png");
    anna.submit_as("two", &other).await.refused(422, "idempotency_key_reused");
    for other in [
        order("a dog"),
        json!({ "model": "ideogram-v3", "prompt": "a cat" }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2 }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "size": "16:9" }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "seed": 1 } }),
        json!({ "model": "recraft-v3", "prompt": "a cat", "metadata": { "a": "b" } }),
    ] {
        let refused = anna.submit_as("one", &other).await.refused(422, "idempotency_key_reused");
        let error = refused.json()["error"].clone();
        assert_eq!(
            (&error["type"], &error["param"]),
            (&json!("idempotency_error"), &json!("idempotency_key"))
        );
    }
    world.is_as_before(&before).await;
    world.finish().await;
}

#[tokio::test]
async fn different_requests_at_once_under_one_key_are_one_job() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let orders: Vec<Value> = (0..20).map(|n| order(&format!("cat {n}"))).collect();
    let answers = join_all(orders.iter().map(|order| anna.submit_as("one", order))).await;
    assert_eq!((count(&answers, 202), count(&answers, 422)), (1, 19));
    let accepted = answers.iter().find(|answer| answer.status == 202).unwrap();
    anna.wait(&accepted.id()).await;
    assert_eq!(anna.kinds().await["hold"], 1);
    world.finish().await;
}

#[tokio::test]
async fn the_same_request_in_other_words_is_a_replay() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let job = anna.submit_as("one", &order("a cat")).await.expect(202).id();
    for same in [
        r#"{ "prompt" : "a \u0063at", "model":"recraft-v3" }"#,
        r#"{"model":"recraft-v3","prompt":"a cat","n":1,"size":"auto","metadata":{},"extra":{}}"#,
        r#"{"model":"recraft-v3","prompt":"a cat","n":null,"image_url":"https://example.com/x"}"#,
        r#"{"model":"recraft-v3","prompt":"a cat","idempotency_key":"one"}"#,
    ] {
        let request = anna.order(&Value::Null).header("Idempotency-Key", "one");
        is_replay(&crate::world::answer(request.body(same)).await, &job);
    }
    anna.wait(&job).await;
    world.finish().await;
}

#[tokio::test]
async fn a_key_is_the_users_own() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    let hers = anna.submit_as("one", &order("a cat")).await.expect(202).id();
    let his = ben.submit_as("one", &order("a cat")).await.expect(202).id();
    assert_ne!(hers, his);
    // Whoever takes a new API key is the same user still.
    let rotated = world.key_for(&anna.user).await;
    is_replay(&rotated.submit_as("one", &order("a cat")).await, &hers);
    anna.wait(&hers).await;
    ben.wait(&his).await;
    world.finish().await;
}

#[tokio::test]
async fn the_header_and_the_field_are_the_same_key() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let with = |key: &str| json!({ "model": "recraft-v3", "prompt": "a", "idempotency_key": key });
    let plain = order("a");
    let job = anna.submit(&with("one")).await.expect(202).id();
    is_replay(&anna.submit_as("one", &plain).await, &job);
    is_replay(&anna.submit_as("one", &with("one")).await, &job);
    is_replay(&anna.submit_as("\"one\"", &plain).await, &job);
    anna.wait(&job).await;
    let before = world.rows().await;
    anna.submit_as("two", &with("one")).await.refused(400, "idempotency_keys_differ");
    anna.submit_as("one", &with("two")).await.refused(400, "idempotency_keys_differ");
    anna.submit_as("ONE", &with("one")).await.refused(400, "idempotency_keys_differ");
    world.is_as_before(&before).await;
    world.finish().await;
}

#[tokio::test]
async fn without_a_key_every_request_is_a_job_of_its_own() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let (one, two) = (anna.accepted(&order("a")).await, anna.accepted(&order("a")).await);
    assert_ne!(one, two);
    anna.wait(&one).await;
    anna.wait(&two).await;
    assert_eq!(anna.balance().await.charged, usd("0.108"));
    world.finish().await;
}

#[tokio::test]
async fn a_refusal_does_not_use_up_the_key() {
    let world = World::start().await;
    let anna = world.user("anna", "0.053999").await;
    for _ in 0..2 {
        let refused = anna.submit_as("one", &order("a cat")).await;
        let refused = refused.refused(402, "insufficient_balance");
        assert_eq!(refused.money(&["error", "required"]), Some(usd("0.054")));
        assert_eq!(refused.money(&["error", "available"]), Some(usd("0.053999")));
    }
    world.credit(&anna.user, "0.000001").await;
    // Nor did it tie the key to what was refused.
    let job = anna.submit_as("one", &order("a dog")).await.expect(202).id();
    is_replay(&anna.submit_as("one", &order("a dog")).await, &job);
    anna.wait(&job).await;
    assert_eq!(anna.balance().await, drained("0.054"));
    world.finish().await;
}

/// The balance of whoever spent all of this.
fn drained(dollars: &str) -> Balance {
    Balance {
        object: "credit.balance".into(),
        available: usd("0"),
        held: usd("0"),
        charged: usd(dollars),
        credited: usd(dollars),
        currency: "USD".into(),
    }
}

/// Orders under a key, and waits for the end.
async fn made_as(caller: &Caller, key: &str) -> String {
    let job = caller.submit_as(key, &order("a cat")).await.expect(202).id();
    caller.wait(&job).await;
    job
}

#[tokio::test]
async fn a_key_counts_for_thirty_days() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let first = made_as(&anna, "one").await;
    world.forward(Duration::from_hours(30 * 24) - Duration::from_mins(5));
    is_replay(&anna.submit_as("one", &order("a cat")).await, &first);
    world.forward(Duration::from_mins(5));
    let second = made_as(&anna, "one").await;
    assert_ne!(first, second);
    is_replay(&anna.submit_as("one", &order("a cat")).await, &second);
    world.finish().await;
}
