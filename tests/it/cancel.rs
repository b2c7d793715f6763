//! Canceling: what nobody has begun ends at once and costs nothing; what has begun ends as it ends.

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, World, answer, eventually, usd};

fn order(sandbox: Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2, "extra": { "sandbox": sandbox } })
}

#[tokio::test]
async fn a_pending_job_is_canceled_and_all_of_its_price_is_back() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.submit_as("one", &order(json!({}))).await.expect(202).id();
    assert_eq!(anna.balance().await.held, usd("0.108"));
    let canceled = anna.cancel(&job).await.expect(200);
    assert_eq!((canceled.id(), canceled.job_status()), (job.clone(), "refunded".to_owned()));
    let error = canceled.json()["error"].clone();
    assert_eq!((&error["code"], &error["retryable"]), (&json!("canceled"), &json!(true)));
    assert_eq!(canceled.money(&["charged_amount"]), Some(usd("0")));
    assert_eq!(canceled.header("retry-after"), "");
    assert_eq!(anna.job(&job).await.json(), canceled.json());
    let balance = anna.balance().await;
    assert_eq!((balance.available, balance.held), (usd("1"), usd("0")));

    // Canceled is canceled, however often it is asked for, and the key names this job for as long as ever.
    let before = world.rows().await;
    assert_eq!(anna.cancel(&job).await.expect(200).json(), canceled.json());
    let replayed = anna.submit_as("one", &order(json!({}))).await.expect(200);
    assert_eq!(replayed.json(), canceled.json());
    world.stack().resume_queue();
    world.send(&World::bell(&anna, &job)).await;
    world.drained().await;
    world.sweep().await;
    world.is_as_before(&before).await;
    assert_eq!(anna.kinds().await["refund"], 1);
    assert_eq!(world.counts().sum_of("JobsEnded", "refunded"), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_slot_of_the_queue_is_free_when_its_job_is_canceled() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(anna.accepted(&order(json!({}))).await);
    }
    anna.submit(&order(json!({}))).await.refused(429, "queue_full");
    anna.cancel(&jobs[3]).await.expect(200);
    anna.submit(&order(json!({}))).await.expect(202);
    anna.submit(&order(json!({}))).await.refused(429, "queue_full");
    world.stack().resume_queue();
    world.finish().await;
}

#[tokio::test]
async fn what_has_begun_or_ended_is_not_canceled_and_stays_as_it_is() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let not_canceled = async |job: &str| {
        let refused = anna.cancel(job).await.refused(409, "job_not_cancelable");
        assert_eq!(refused.json()["error"]["type"], "conflict");
    };
    for (sandbox, status) in [(json!({}), "succeeded"), (json!({ "outcome": "fail" }), "failed")] {
        let job = anna.accepted(&order(sandbox)).await;
        assert_eq!(anna.wait(&job).await.job_status(), status);
        let before = world.rows().await;
        not_canceled(&job).await;
        world.is_as_before(&before).await;
    }
    // Nor is it canceled because the operator gave its charge back.
    let given_back = anna.made(&order(json!({}))).await.id();
    world.give_back(&anna, &given_back).await;
    let before = anna.job(&given_back).await;
    assert_eq!(before.job_status(), "refunded");
    not_canceled(&given_back).await;
    assert_eq!(anna.job(&given_back).await.json(), before.json());

    let begun = anna.accepted(&order(json!({ "delay_ms": 3_000 }))).await;
    eventually("the job has begun", async || {
        (anna.job(&begun).await.job_status() == "processing").then_some(())
    })
    .await;
    not_canceled(&begun).await;
    assert_eq!(anna.wait(&begun).await.job_status(), "succeeded");

    world.stack().pause_queue();
    let late = anna.accepted(&order(json!({}))).await;
    world.forward(std::time::Duration::from_mins(31));
    // It cannot have anything told meanwhile.
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&late).await.job_status(), "expired");
    not_canceled(&late).await;
    world.stack().resume_queue();
    world.finish().await;
}

/// Whoever comes first, the job ends once: either nobody has ordered anything, or it is paid.
#[tokio::test]
async fn a_worker_and_any_number_of_cancels_end_a_job_once() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let mut ends = Vec::new();
    for number in 0..12 {
        let cancels = async |job: &str| {
            let pause = std::time::Duration::from_millis(number * 3);
            tokio::time::sleep(pause).await;
            join_all((0..3).map(|_| anna.cancel(job))).await
        };
        let job = anna.accepted(&order(json!({}))).await;
        let (answers, ended) = join(cancels(&job), anna.wait(&job)).await;
        let is_canceled = ended.job_status() == "refunded";
        for answer in answers {
            if is_canceled {
                assert_eq!(answer.expect(200).job_status(), "refunded");
            } else {
                answer.refused(409, "job_not_cancelable");
            }
        }
        assert_eq!(
            ended.money(&["charged_amount"]),
            Some(usd(if is_canceled { "0" } else { "0.108" }))
        );
        ends.push(is_canceled);
    }
    let kinds = anna.kinds().await;
    let canceled = ends.iter().filter(|is_canceled| **is_canceled).count();
    assert_eq!(kinds.get("refund").copied().unwrap_or_default(), canceled);
    assert_eq!(kinds["hold"], 12);
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_job_of_the_callers_or_not_understood_is_refused_and_nothing_changes() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    world.stack().pause_queue();
    let job = anna.accepted(&order(json!({}))).await;
    let before = world.rows().await;
    ben.cancel(&job).await.refused(404, "job_not_found");
    for id in ["00000000-0000-7000-8000-000000000000", "nonsense", "%00", &job.to_uppercase()] {
        anna.cancel(id).await.refused(404, "job_not_found");
    }
    let path = format!("/v1/jobs/{job}/cancel");
    let post = |path: &str| anna.request(Method::POST, path);
    answer(post(&format!("{path}?force=true"))).await.refused(400, "unknown_parameter");
    let with = |body: &Value| post(&path).json(body);
    answer(with(&json!({ "reason": "late" }))).await.refused(400, "unknown_parameter");
    answer(with(&json!([]))).await.refused(400, "invalid_json");
    answer(post(&path).body("x")).await.refused(415, "unsupported_media_type");
    answer(post(&format!("{path}/"))).await.refused(404, "route_not_found");
    answer(anna.request(Method::GET, &path)).await.refused(405, "method_not_allowed");
    world.is_as_before(&before).await;
    // An object that says nothing is what some clients send.
    answer(with(&json!({}))).await.expect(200);
    world.stack().resume_queue();
    world.finish().await;
}

/// What is given back is there for the next order at once.
#[tokio::test]
async fn money_that_is_back_can_be_spent() {
    let world = World::start().await;
    let anna = world.user("anna", "0.108").await;
    world.stack().pause_queue();
    let again = async |caller: &Caller| {
        let job = caller.accepted(&order(json!({}))).await;
        caller.submit(&order(json!({}))).await.refused(402, "insufficient_balance");
        caller.cancel(&job).await.expect(200);
    };
    for _ in 0..3 {
        again(&anna).await;
    }
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["refund"]), (3, 3));
    world.stack().resume_queue();
    world.finish().await;
}
