//! Who may ask: keys that are missing, wrong, revoked, or somebody else's.

use std::time::Duration;

use domain::api_key::{ApiKey, Environment};
use reqwest::Method;
use serde_json::{Value, json};
use store::Grant;

use crate::world::{World, answer};

/// A refusal without what is different each time.
fn without_request_id(mut refusal: Value) -> Value {
    assert!(refusal["error"]["request_id"].is_string(), "{refusal}");
    refusal["error"]["request_id"].take();
    refusal
}

#[tokio::test]
async fn somebody_elses_job_is_as_unknown_as_one_that_never_was() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    let job = anna.made(&json!({ "model": "recraft-v3", "prompt": "a cat" })).await.id();
    let path = format!("/v1/jobs/{job}");
    let foreign = ben.get(&path).await.refused(404, "job_not_found");
    let mut digits: Vec<char> = job.chars().collect();
    let last = digits.last_mut().unwrap();
    *last = if *last == '0' { '1' } else { '0' };
    let unknown: String = digits.into_iter().collect();
    for nothing in [unknown.as_str(), "00000000-0000-7000-8000-000000000000", "nonsense"] {
        let missing = ben.get(&format!("/v1/jobs/{nothing}")).await.refused(404, "job_not_found");
        assert_eq!(without_request_id(missing.json()), without_request_id(foreign.json()));
        assert_eq!(missing.headers.len(), foreign.headers.len());
    }
    anna.get(&path).await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_is_missing_or_wrong_opens_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let before = world.rows().await;
    let bare = world.api().get("/v1/credits/balance").await.expect(401);
    assert_eq!(bare.json(), json!({ "message": "Unauthorized" }));

    let good = anna.key.reveal();
    let (first, last) = good.split_at(good.len() - 1);
    let mistyped = format!("Bearer {first}{}", if last == "0" { "1" } else { "0" });
    let unknown = ApiKey::mint(Environment::Test, &[7; 44]);
    let unknown = format!("Bearer {}", unknown.reveal());
    let twice = format!("Bearer {good} {good}");
    let (basic, shouted) = (format!("Basic {good}"), format!("Bearer {}", good.to_uppercase()));
    let long = format!("Bearer {}", "x".repeat(5_000));
    for header in [
        "Bearer",
        "Bearer ",
        "nonsense",
        "Bearer nonsense",
        "Bearer hf_test_",
        good,
        &mistyped,
        &unknown,
        &twice,
        &basic,
        &shouted,
        &long,
    ] {
        for (method, path) in
            [(Method::GET, "/v1/credits/balance"), (Method::POST, "/v1/images/generations")]
        {
            let request = world.api().request(method, path).header("Authorization", header);
            let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
            let refused = answer(request.json(&order)).await.refused(401, "invalid_api_key");
            assert_eq!(refused.json()["error"]["type"], "authentication_error", "{header}");
            assert!(!refused.text.contains(good), "{}", refused.text);
        }
    }
    world.is_as_before(&before).await;
    for header in [format!("bearer {good}"), format!("BEARER   {good}")] {
        let request = world.api().request(Method::GET, "/v1/credits/balance");
        answer(request.header("Authorization", &header)).await.expect(200);
    }
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_was_revoked_before_its_first_use_opens_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let revoked = world.key_for(&anna.user).await;
    assert!(world.store().revoke_key(revoked.key.id(), world.now()).await.unwrap());
    revoked.get("/v1/credits/balance").await.refused(401, "invalid_api_key");
    let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
    revoked.submit(&order).await.refused(401, "invalid_api_key");
    anna.get("/v1/credits/balance").await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_key_that_is_revoked_in_use_opens_nothing_after_a_minute() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let other = world.key_for(&anna.user).await;
    anna.get("/v1/credits/balance").await.expect(200);
    assert!(world.store().revoke_key(anna.key.id(), world.now()).await.unwrap());
    world.forward(Duration::from_secs(61));
    anna.get("/v1/credits/balance").await.refused(401, "invalid_api_key");
    other.get("/v1/credits/balance").await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_key_whose_time_is_up_opens_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let expires_at = Some(world.now().plus(Duration::from_mins(10)));
    let brief = world.key_with(&anna.user, &Grant { expires_at, ..Grant::default() }).await;
    brief.get("/v1/credits/balance").await.expect(200);
    world.forward(Duration::from_mins(10));
    brief.get("/v1/credits/balance").await.refused(401, "invalid_api_key");
    anna.get("/v1/credits/balance").await.expect(200);
    world.finish().await;
}

#[tokio::test]
async fn a_key_without_an_account_is_told_so() {
    let world = World::start().await;
    world.user("anna", "1").await;
    let ghost = world.key_for(&"ghost".parse().unwrap()).await;
    ghost.get("/v1/credits/balance").await.refused(403, "account_not_found");
    let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
    ghost.submit(&order).await.refused(403, "account_not_found");
    ghost.submit_as("k", &order).await.refused(403, "account_not_found");
    world.finish().await;
}
