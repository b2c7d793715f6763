//! The ways of an order: made and charged, given back, asked for twice, ordered at the same instant.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{World, usd};

fn order(model: &str, sandbox: Value) -> Value {
    json!({ "model": model, "prompt": "a lighthouse", "extra": { "sandbox": sandbox } })
}

#[tokio::test]
async fn an_order_is_accepted_made_paid_and_its_pictures_fetched_by_anyone() {
    let world = World::find();
    let anna = world.user("anna", "10").await;
    let accepted = anna
        .submit(&json!({
            "model": "flux-1.1-ultra",
            "prompt": "a cinematic hourglass",
            "n": 2,
            "size": "16:9",
            "metadata": { "invoice": "17" },
        }))
        .await
        .expect(202);
    assert_eq!(accepted.header("location"), format!("/v1/jobs/{}", accepted.id()));
    assert_eq!(accepted.money(&["estimated_cost"]), Some(usd("0.162")));
    let job = anna.wait(&accepted.id()).await;
    assert_eq!(job.job_status(), "succeeded", "{}", job.text);
    assert_eq!(job.money(&["charged_amount"]), Some(usd("0.162")));
    assert_eq!(job.json()["metadata"], json!({ "invoice": "17" }));
    for picture in anna.pictures(&job).await {
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    }
    assert_eq!(anna.balance().await.available, usd("9.838"));
    let kinds = anna.kinds().await;
    assert_eq!((kinds["credit"], kinds["hold"], kinds["usage"]), (1, 1, 1));
    world.finish(&[&anna]).await;
}

#[tokio::test]
async fn the_same_key_names_the_same_job_also_for_a_hundred_at_once() {
    let world = World::find();
    let anna = world.user("anna-again", "1").await;
    let body = order("recraft-v3", json!({}));
    let answers = join_all((0..100).map(|_| anna.submit_as("one", &body))).await;
    let new = answers.iter().filter(|answer| answer.status == 202).count();
    let replayed = answers.iter().filter(|answer| answer.status == 200).count();
    let busy = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!((new, replayed + busy), (1, 99));
    let first = answers.iter().find(|answer| answer.status == 202).unwrap().id();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        assert_eq!(answer.id(), first);
        assert_eq!(answer.header("idempotent-replayed"), "true");
    }
    anna.submit_as("one", &order("ideogram-v3", json!({})))
        .await
        .refused(422, "idempotency_key_reused");
    assert_eq!(anna.wait(&first).await.job_status(), "succeeded");
    assert_eq!(anna.balance().await.charged, usd("0.054"));
    world.finish(&[&anna]).await;
}

#[tokio::test]
async fn every_model_is_made_and_what_is_not_delivered_is_given_back() {
    let world = World::find();
    let anna = world.user("anna-models", "10").await;
    let mut bodies: Vec<Value> =
        ["flux-1.1-ultra", "ideogram-v3", "recraft-v3"].map(|model| order(model, json!({}))).into();
    let mut fewer = order("ideogram-v3", json!({ "deliver": 1 }));
    fewer["n"] = json!(3);
    bodies.push(fewer);
    bodies.push(order("recraft-v3", json!({ "outcome": "fail" })));
    bodies.push(order("recraft-v3", json!({ "outcome": "refuse" })));
    let mut edit = order("flux-kontext-pro", json!({}));
    edit["image_url"] = json!("https://example.com/cat.png");
    bodies.push(edit);
    let jobs = join_all(bodies.iter().map(|body| anna.accepted(body))).await;
    let ended = join_all(jobs.iter().map(|job| anna.wait(job))).await;
    let told: Vec<(String, Value, Value)> = ended
        .iter()
        .map(|job| {
            let found = job.json();
            (job.job_status(), found["charged_amount"].clone(), found["error"]["code"].clone())
        })
        .collect();
    let made = |charge: f64| ("succeeded".to_owned(), json!(charge), Value::Null);
    let failed = |code: &str| ("failed".to_owned(), json!(0), json!(code));
    assert_eq!(
        told,
        [
            made(0.081),
            made(0.108),
            made(0.054),
            made(0.108),
            failed("provider_failed"),
            failed("content_moderated"),
            made(0.054),
        ]
    );
    assert_eq!(anna.balance().await.charged, usd("0.405"));
    world.finish(&[&anna]).await;
}

#[tokio::test]
async fn twenty_orders_with_money_for_six_are_six_jobs() {
    let world = World::find();
    let anna = world.user("anna-poor", "0.324").await;
    let body = order("recraft-v3", json!({}));
    let answers = join_all((0..20).map(|_| anna.submit(&body))).await;
    let accepted: Vec<String> =
        answers.iter().filter(|answer| answer.status == 202).map(|answer| answer.id()).collect();
    assert!(accepted.len() <= 6);
    for answer in &answers {
        assert!([202, 402, 429, 503].contains(&answer.status), "{}", answer.text);
    }
    for job in &accepted {
        assert_eq!(anna.wait(job).await.job_status(), "succeeded");
    }
    world.finish(&[&anna]).await;
}
