//! Callers who prefer to be answered when the job has ended.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, answer, usd};

fn order(sandbox: Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "sandbox": sandbox } })
}

async fn prefer(caller: &Caller, prefer: &str, key: &str, body: &Value) -> (Answer, Duration) {
    let begun = Instant::now();
    let request = caller.order(body).header("Idempotency-Key", key).header("Prefer", prefer);
    (answer(request).await, begun.elapsed())
}

#[tokio::test]
async fn whoever_waits_long_enough_has_the_pictures_in_the_answer_to_the_order() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let (done, _) = prefer(&anna, "wait=25", "one", &order(json!({}))).await;
    let done = done.expect(200);
    assert_eq!((done.job_status().as_str(), done.header("retry-after")), ("succeeded", ""));
    assert_eq!(done.header("preference-applied"), "wait=25");
    assert_eq!(done.header("idempotent-replayed"), "");
    assert_eq!(done.header("location"), format!("/v1/jobs/{}", done.id()));
    // Its place in the queue is free again.
    let limits = anna.get("/v1/auth/limits").await.expect(200).json();
    let room = format!(r#""unfinished-jobs";r={}"#, limits["image_queue_cap"]);
    assert_eq!(done.header("ratelimit"), room, "{limits}");
    assert_eq!(anna.pictures(&done).await.len(), 1);
    assert_eq!(done.money(&["charged_amount"]), Some(usd("0.054")));

    // However a job ends, that is the answer.
    let (failed, _) = prefer(&anna, "wait=25", "two", &order(json!({ "outcome": "fail" }))).await;
    assert_eq!(failed.expect(200).json()["error"]["code"], "provider_failed");
    world.finish().await;
}

#[tokio::test]
async fn whoever_does_not_wait_long_enough_has_the_job_as_it_is() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    world.stack().pause_queue();
    let (open, took) = prefer(&anna, "respond-async, wait=1", "one", &order(json!({}))).await;
    let open = open.expect(202);
    assert_eq!((open.job_status().as_str(), open.header("retry-after")), ("pending", "1"));
    assert_eq!(open.header("preference-applied"), "wait=1");
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");

    // A replay is waited for as well, and is a replay whatever comes of it.
    let (again, took) = prefer(&anna, "wait=1", "one", &order(json!({}))).await;
    let again = again.expect(200);
    assert_eq!((again.id(), again.header("idempotent-replayed")), (open.id(), "true"));
    assert_eq!((again.job_status().as_str(), again.header("retry-after")), ("pending", "1"));
    assert_eq!(again.header("preference-applied"), "wait=1");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let waits = async { prefer(&anna, "wait=25", "one", &order(json!({}))).await.0.expect(200) };
    let cancels = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        anna.cancel(&open.id()).await.expect(200)
    };
    let (told, canceled) = futures_util::future::join(waits, cancels).await;
    assert_eq!(told.json(), canceled.json());
    assert_eq!(told.header("idempotent-replayed"), "true");
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn a_preference_that_is_not_understood_is_left_alone() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    world.stack().pause_queue();
    for (number, preference) in
        ["wait=0", "wait=soon", "wait", "handling=strict"].iter().enumerate()
    {
        let (told, took) = prefer(&anna, preference, &number.to_string(), &order(json!({}))).await;
        assert_eq!(told.expect(202).header("preference-applied"), "", "{preference}");
        assert!(took < Duration::from_secs(5), "{preference}");
    }
    // Who is refused has nothing to wait for.
    let (told, took) = prefer(&anna, "wait=25", "x", &json!({ "model": "recraft-v3" })).await;
    assert_eq!(told.refused(400, "missing_parameter").header("preference-applied"), "");
    assert!(took < Duration::from_secs(5));
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn of_many_who_wait_under_one_key_each_is_told_the_one_job() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let body = order(json!({ "delay_ms": 500 }));
    let told = join_all((0..10).map(|_| prefer(&anna, "wait=25", "one", &body))).await;
    let ids: Vec<String> = told.iter().map(|(answer, _)| answer.id()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for (answer, _) in &told {
        assert_eq!((answer.status, answer.job_status().as_str()), (200, "succeeded"));
    }
    let new = told.iter().filter(|(answer, _)| answer.header("idempotent-replayed").is_empty());
    assert_eq!(new.count(), 1);
    assert_eq!(anna.balance().await.charged, usd("0.054"));
    world.finish().await;
}
