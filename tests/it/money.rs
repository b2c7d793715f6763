//! What is held, charged and given back, to the last micro-dollar.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{Answer, BRISK, Caller, World, usd};

fn order(model: &str, n: u8, sandbox: Value) -> Value {
    json!({ "model": model, "prompt": "a cat", "n": n, "extra": { "sandbox": sandbox } })
}

/// `[available, held, charged]`, as text that is easy to write.
async fn has(caller: &Caller, [available, held, charged]: [&str; 3]) {
    let balance = caller.balance().await;
    let sides = [balance.available, balance.held, balance.charged];
    assert_eq!(sides, [usd(available), usd(held), usd(charged)]);
}

#[tokio::test]
async fn no_more_is_accepted_at_once_than_there_is_money_for() {
    let world = World::start().await;
    let anna = world.user("anna", "0.5").await;
    let orders: Vec<Value> = (0..20)
        .map(|n| {
            json!({ "model": "flux-1.1-ultra", "prompt": "a", "idempotency_key": format!("{n}") })
        })
        .collect();
    let answers = join_all(orders.iter().map(|order| anna.submit(order))).await;
    let (accepted, refused): (Vec<Answer>, Vec<Answer>) =
        answers.into_iter().partition(|answer| answer.status == 202);
    assert_eq!((accepted.len(), refused.len()), (6, 14));
    for answer in refused {
        let answer = answer.refused(402, "insufficient_balance");
        assert_eq!(answer.json()["error"]["type"], "insufficient_balance");
        assert_eq!(answer.money(&["error", "required"]), Some(usd("0.081")));
        assert_eq!(answer.money(&["error", "available"]), Some(usd("0.014")));
    }
    for answer in accepted {
        assert_eq!(anna.wait(&answer.id()).await.job_status(), "succeeded");
    }
    has(&anna, ["0.014", "0", "0.486"]).await;
    world.finish().await;
}

#[tokio::test]
async fn amounts_are_written_digit_by_digit() {
    let world = World::start().await;
    let anna = world.user("anna", "1000000.3").await;
    let accepted = anna.submit(&order("flux-1.1-ultra", 4, json!({}))).await.expect(202);
    let held = r#""estimated_cost":0.324,"charged_amount":null"#;
    assert!(accepted.text.contains(held), "{}", accepted.text);
    let done = anna.wait(&accepted.id()).await;
    let paid = r#""estimated_cost":0.324,"charged_amount":0.324"#;
    assert!(done.text.contains(paid), "{}", done.text);
    let balance = anna.get("/v1/credits/balance").await.text;
    let sides = r#""available":999999.976,"held":0,"charged":0.324,"credited":1000000.3"#;
    assert!(balance.contains(sides), "{balance}");
    let transactions = anna.get("/v1/credits/transactions").await.text;
    let usage = r#""changes":{"available":0,"held":-0.324,"charged":0.324,"credited":0}"#;
    assert!(transactions.contains(usage), "{transactions}");
    world.finish().await;
}

#[tokio::test]
async fn a_failure_of_the_provider_costs_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "0.324").await;
    for (outcome, code, retryable) in
        [("fail", "provider_failed", true), ("refuse", "content_moderated", false)]
    {
        let body = order("flux-1.1-ultra", 4, json!({ "outcome": outcome }));
        let accepted = anna.submit_as(outcome, &body).await.expect(202);
        let job = anna.wait(&accepted.id()).await;
        assert_eq!(job.job_status(), "failed");
        let error = job.json()["error"].clone();
        assert_eq!((&error["code"], &error["retryable"]), (&json!(code), &json!(retryable)));
        assert_eq!(job.money(&["charged_amount"]), Some(usd("0")));
        assert_eq!(job.money(&["estimated_cost"]), Some(usd("0.324")));
        has(&anna, ["0.324", "0", "0"]).await;
        // The end that it had is the end that it has.
        let replayed = anna.submit_as(outcome, &body).await.expect(200);
        assert_eq!(replayed.json(), job.json());
    }
    let kinds = anna.kinds().await;
    assert_eq!((kinds["hold"], kinds["refund"], kinds.get("usage")), (2, 2, None));
    world.finish().await;
}

#[tokio::test]
async fn only_what_was_delivered_is_charged() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    for (deliver, charged, left) in [(3, "0.243", "0.757"), (1, "0.081", "0.676")] {
        let job = anna.made(&order("flux-1.1-ultra", 4, json!({ "deliver": deliver }))).await;
        assert_eq!(anna.pictures(&job).await.len(), deliver);
        assert_eq!(job.json()["n"], 4);
        assert_eq!(job.money(&["estimated_cost"]), Some(usd("0.324")));
        assert_eq!(job.money(&["charged_amount"]), Some(usd(charged)));
        assert_eq!(anna.balance().await.available, usd(left));
    }
    has(&anna, ["0.676", "0", "0.324"]).await;
    world.finish().await;
}

#[tokio::test]
async fn a_user_has_no_more_unfinished_jobs_than_their_tier_allows() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "4.99").await;
    let endless = order("recraft-v3", 1, json!({ "outcome": "never" }));
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(anna.accepted(&endless).await);
    }
    let full = anna.submit_as("one", &endless).await.refused(429, "queue_full");
    assert_eq!(
        (full.header("retry-after"), &full.json()["error"]["type"]),
        ("5", &json!("rate_limit"))
    );
    assert_eq!(anna.balance().await.held, usd("0.324"));
    // Others have a queue of their own.
    let ben = world.user("ben", "0.054").await;
    ben.made(&order("recraft-v3", 1, json!({}))).await;

    // There is room again when jobs end, and the refused key is as good as new.
    world.forward(Duration::from_mins(31));
    for job in &jobs {
        assert_eq!(world.sweep_until_ended(&anna, job).await.job_status(), "expired");
    }
    has(&anna, ["4.99", "0", "0"]).await;
    let brief = order("recraft-v3", 1, json!({}));
    let job = anna.submit_as("one", &brief).await.expect(202).id();
    assert_eq!(anna.wait(&job).await.job_status(), "succeeded");
    world.finish().await;
}

#[tokio::test]
async fn whoever_pays_in_more_may_have_more_unfinished_jobs_at_once() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "4.99").await;
    let endless = order("recraft-v3", 1, json!({ "outcome": "never" }));
    let at_once = async |orders: usize| {
        let answers = join_all((0..orders).map(|_| anna.submit(&endless))).await;
        answers.iter().filter(|answer| answer.status == 202).count()
    };
    assert_eq!(at_once(12).await, 6);
    world.credit(&anna.user, "0.01").await;
    assert_eq!(at_once(30).await, 24);
    anna.submit(&endless).await.refused(429, "queue_full");
    // Who has neither room nor money is told about the money, which waiting does not bring.
    let ben = world.user("ben", "0.324").await;
    for _ in 0..6 {
        ben.accepted(&endless).await;
    }
    ben.submit(&endless).await.refused(402, "insufficient_balance");
    world.finish().await;
}

#[tokio::test]
async fn a_suspended_account_is_refused_also_what_it_asked_for_before_and_keeps_what_it_has() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let body = order("recraft-v3", 1, json!({}));
    let job = anna.submit_as("one", &body).await.expect(202).id();
    anna.wait(&job).await;
    assert!(world.store().suspend(&anna.user, world.now()).await.unwrap());
    let before = world.rows().await;
    for key in ["one", "two"] {
        anna.submit_as(key, &body).await.refused(403, "account_suspended");
    }
    world.is_as_before(&before).await;
    assert_eq!(anna.job(&job).await.job_status(), "succeeded");
    has(&anna, ["0.946", "0", "0.054"]).await;

    assert!(world.store().resume(&anna.user).await.unwrap());
    assert_eq!(anna.submit_as("one", &body).await.expect(200).id(), job);
    anna.submit_as("two", &body).await.expect(202);
    world.finish().await;
}
