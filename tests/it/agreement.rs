//! What a user is told of money in three places, and what the audit says, are one story at every moment.

use std::{cell::Cell, collections::BTreeMap};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::world::{Caller, Usd, World, id_of, sum, usd};

fn order(sandbox: &Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2, "extra": { "sandbox": sandbox } })
}

/// Orders of every ending, some at the same time; some are canceled, and the charge of some is given back.
async fn trade(world: &World, caller: &Caller) {
    let endings = [
        json!({}),
        json!({ "deliver": 1 }),
        json!({ "outcome": "fail" }),
        // While this one is made nothing moves, so that there are moments to look at on any machine.
        json!({ "delay_ms": 1_500 }),
        json!({ "outcome": "refuse" }),
        json!({ "delay_ms": 100 }),
    ];
    for round in 0..4 {
        let trades = endings.iter().enumerate().map(async |(place, ending)| {
            let job = caller.accepted(&order(ending)).await;
            if place == round {
                let told = caller.cancel(&job).await;
                assert!([200, 409].contains(&told.status), "{}", told.text);
            }
            let ended = caller.wait(&job).await;
            if round == 2 && ended.job_status() == "succeeded" {
                world.give_back(caller, &job).await;
            }
        });
        join_all(trades).await;
    }
}

/// What a job costs, as it is written in the list.
fn amount(job: &Value, name: &str) -> Option<Usd> {
    job[name].as_number().map(|amount| usd(&amount.to_string()))
}

/// Whether the user was told one story: entries are only ever added, so if they are the same before and after,
/// nothing has moved in between.
async fn is_one_story(caller: &Caller) -> bool {
    let before = caller.transactions(100).await;
    let balance = caller.balance().await;
    let jobs = caller.jobs(100, "").await;
    let limits = caller.get("/v1/auth/limits").await.expect(200).json();
    if before != caller.transactions(100).await {
        return false;
    }
    let changes = || before.iter().map(|row| row.changes);
    assert_eq!(balance.available, sum(changes().map(|changes| changes.available)));
    assert_eq!(balance.held, sum(changes().map(|changes| changes.held)));
    assert_eq!(balance.charged, sum(changes().map(|changes| changes.charged)));
    assert_eq!(balance.credited, sum(changes().map(|changes| changes.credited)));
    let mut entries = BTreeMap::<&str, BTreeMap<&str, Usd>>::new();
    for row in &before {
        if let Some(job) = &row.job_id {
            let twice = entries.entry(job).or_default().insert(&row.kind, row.amount);
            assert_eq!(twice, None, "{row:?}");
        }
    }
    assert_eq!(entries.len(), jobs.len());
    let mut open = 0;
    for job in &jobs {
        let rows = &entries[id_of(job).as_str()];
        assert_eq!(rows.get("hold").copied(), amount(job, "estimated_cost"), "{job}");
        let is_open = ["pending", "processing"].contains(&job["status"].as_str().unwrap());
        let is_paid = job["status"] == "succeeded";
        let usage = rows.get("usage").copied();
        if job["error"]["code"] == "refunded" {
            assert!(usage.is_some() && usage == rows.get("refund").copied(), "{job}");
        } else {
            assert_eq!(usage, amount(job, "charged_amount").filter(|_| is_paid), "{job}");
        }
        assert_eq!(rows.contains_key("refund"), !is_open && !is_paid, "{job}");
        open += usize::from(is_open);
    }
    assert_eq!(limits["image_queue_used"], open);
    let held = jobs.iter().filter(|job| job["charged_amount"].is_null());
    assert_eq!(balance.held, sum(held.filter_map(|job| amount(job, "estimated_cost"))));
    true
}

#[tokio::test]
async fn list_transactions_balance_and_audit_tell_one_story_at_every_moment_of_a_load() {
    let world = World::start().await;
    let anna = world.user("anna", "100").await;
    let is_over = Cell::new(false);
    let trading = async {
        trade(&world, &anna).await;
        is_over.set(true);
    };
    let watching = async {
        let (mut stories, mut audits) = (0, 0);
        while !is_over.get() {
            stories += u32::from(is_one_story(&anna).await);
            let report = world.store().audit(world.now(), crate::world::PATIENCE, |_| {}).await;
            let report = report.unwrap();
            assert_eq!(report.violations, []);
            audits += u32::from(report.moving.is_empty());
        }
        (stories, audits)
    };
    let ((), (stories, audits)) = join(trading, watching).await;
    assert!(stories > 0 && audits > 0, "{stories} stories, {audits} audits");
    assert!(is_one_story(&anna).await);
    world.finish().await;
}
