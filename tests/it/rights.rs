//! Each function has the rights that it needs, and no other. The stack refuses what a role does not permit,
//! here as in the cloud, so every scenario shows the one half; this one shows the other.

use std::{collections::BTreeSet, time::Duration};

use domain::webhook::Secret;
use local::template::{
    Template,
    roles::{Need, Right},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    webhooks::{
        self,
        receiver::{Receiver, Reply},
    },
    world::{BRISK, Caller, World, answer, eventually},
};

/// What no request of a function asks for: Lambda takes messages from the queue in its name, signed URLs are
/// used by others, and the keys of upstreams come from the environment here. That each role has them is for
/// `what_others_do_in_the_name_of_a_function_is_its_right` to say.
const ASKED_BY_NO_REQUEST: [(&str, &[&str]); 4] = [
    ("GenerateFunction", &[RECEIVE, DELETE, ATTRIBUTES, "secretsmanager:GetSecretValue"]),
    ("NotifyFunction", &[RECEIVE, DELETE, ATTRIBUTES]),
    ("SubmitFunction", &["s3:GetObject"]),
    ("LookupFunction", &["s3:GetObject"]),
];
const RECEIVE: &str = "sqs:ReceiveMessage";
const DELETE: &str = "sqs:DeleteMessage";
const ATTRIBUTES: &str = "sqs:GetQueueAttributes";

fn order(sandbox: Value) -> Value {
    json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "sandbox": sandbox } })
}

/// What a function's role has for others.
fn of_others(function: &str) -> &'static [&'static str] {
    let found = ASKED_BY_NO_REQUEST.iter().find(|(name, _)| *name == function);
    found.map_or(&[], |(_, actions)| *actions)
}

/// The rights of a function without which all that was needed could have been done.
fn needless(template: &Template, function: &str, needs: &BTreeSet<Need>) -> Vec<Right> {
    let role = &template.functions[function].role;
    assert!(needs.iter().all(|need| role.permits(need)));
    let is_needless = |right: &&Right| {
        let without = role.without(right);
        needs.iter().all(|need| without.permits(need))
    };
    role.rights.iter().filter(is_needless).cloned().collect()
}

/// Everything that is done about webhooks, each thing once.
async fn told(anna: &Caller, made: &str) {
    // Nobody listens there.
    let url = json!({ "url": "http://127.0.0.1:9/hooks" });
    let post = async |path: &str| answer(anna.request(Method::POST, path)).await;
    post("/v1/webhooks/secret").await.expect(201);
    let mut order = order(json!({}));
    order["webhook_url"] = url["url"].clone();
    anna.submit(&order).await.expect(202);
    let endpoints = "/v1/webhooks/endpoints";
    let new = answer(anna.request(Method::POST, endpoints).json(&url)).await.expect(201).id();
    anna.get(endpoints).await.expect(200);
    anna.get(&format!("{endpoints}/{new}")).await.expect(200);
    post(&format!("{endpoints}/{new}/rotate")).await.expect(200);
    post(&format!("{endpoints}/{new}/enable")).await.expect(200);
    answer(anna.request(Method::DELETE, &format!("{endpoints}/{new}"))).await.expect(204);
    let deliveries = "/v1/webhooks/deliveries";
    let delivery = eventually("it is delivered", async || {
        let page = anna.get(deliveries).await.expect(200).json();
        let delivery = page["data"].as_array().unwrap().iter().find(|of| of["job_id"] == made)?;
        Some(format!("{deliveries}/{}", delivery["id"].as_str().unwrap()))
    })
    .await;
    anna.get(&delivery).await.expect(200);
    post(&format!("{delivery}/redeliver")).await.expect(202);
}

#[tokio::test]
async fn without_any_one_right_of_any_role_something_could_not_be_done() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "10").await;
    // Tried again, so that whoever delivers rings for itself.
    let receiver = Receiver::start((0..3).map(|_| Reply::status(500))).await;
    webhooks::register(&world, &anna, &receiver.url, &Secret::new([1; 32])).await;

    // Made, asked for again, listed, paid.
    let made = anna.submit_as("one", &order(json!({}))).await.expect(202).id();
    anna.submit_as("one", &order(json!({}))).await.expect(200);
    assert_eq!(anna.wait(&made).await.job_status(), "succeeded");
    anna.get("/v1/jobs").await.expect(200);
    anna.transactions(10).await;
    anna.balance().await;
    told(&anna, &made).await;
    // Put down, so that the worker rings for itself.
    let slow = anna.accepted(&order(json!({ "delay_ms": 600_000 }))).await;
    world.put_down(&anna, &slow).await;
    // One more than may run, so that it waits for a turn.
    let ben = world.user("ben", "1").await;
    let mut crowd = Vec::new();
    for delay_ms in [3_000, 3_000, 0] {
        crowd.push(ben.accepted(&order(json!({ "delay_ms": delay_ms }))).await);
    }
    for job in &crowd {
        assert_eq!(ben.wait(job).await.job_status(), "succeeded");
    }
    // Canceled before anybody looks at it, and expired after nobody did.
    world.stack().pause_queue();
    let canceled = anna.accepted(&order(json!({}))).await;
    anna.cancel(&canceled).await.expect(200);
    let missed = anna.accepted(&order(json!({}))).await;
    world.stack().resume_queue();
    world.forward(Duration::from_mins(2));
    // Rung for again by the sweep, whatever the worker makes of it.
    world.sweep().await;
    eventually("the job has ended", async || anna.ended(&missed).await).await;
    world.stack().pause_queue();
    let (expired, unreadable) =
        (anna.accepted(&order(json!({}))).await, anna.accepted(&order(json!({}))).await);
    world.tamper(&anna, &unreadable, "model", "a-model-of-the-future").await;
    world.forward(Duration::from_mins(31));
    world.stack().sweep_now().await.unwrap();
    assert_eq!(anna.job(&expired).await.job_status(), "expired");
    world.stack().resume_queue();
    world.sweep_until_ended(&anna, &slow).await;
    world.tamper(&anna, &unreadable, "model", "recraft-v3").await;
    assert_eq!(anna.job(&unreadable).await.job_status(), "expired");

    let template = world.stack().template();
    for function in template.functions.keys() {
        let needs = world.stack().needs(function);
        let found = needless(template, function, &needs);
        let found: Vec<&Right> = found
            .iter()
            .filter(|right| !of_others(function).contains(&right.action.as_str()))
            .collect();
        assert!(found.is_empty(), "{function} does not need {found:#?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_others_do_in_the_name_of_a_function_is_its_right() {
    let world = World::start().await;
    world.user("anna", "1").await;
    let template = world.stack().template();
    for (function, actions) in ASKED_BY_NO_REQUEST {
        let rights = &template.functions[function].role.rights;
        for action in actions {
            assert!(rights.iter().any(|right| right.action == *action), "{function}: {action}");
        }
    }
    world.finish().await;
}
