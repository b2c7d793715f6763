//! What the gateway lets through: to whom, to where, and nothing of what is another's.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer};

#[tokio::test]
async fn public_routes_need_no_key_and_the_others_do() {
    let world = World::find();
    for path in ["/v1/models", "/v1/pricing"] {
        world.api().get(path).await.expect(200);
    }
    world.api().get("/v1/nothing").await.refused(404, "route_not_found");
    for path in [
        "/v1/credits/balance",
        "/v1/credits/transactions",
        "/v1/jobs/whatever",
        "/v1/webhooks/endpoints",
        "/v1/webhooks/deliveries/whatever",
    ] {
        // Without the header the gateway answers by itself.
        world.api().get(path).await.expect(401);
        let request = world.api().request(Method::GET, path);
        answer(request.bearer_auth("hf_live_nobody")).await.refused(401, "invalid_api_key");
    }
}

#[tokio::test]
async fn nobody_finds_what_is_anothers() {
    let world = World::find();
    let (anna, ben) = (world.user("anna-own", "1").await, world.user("ben-own", "1").await);
    let order = json!({ "model": "recraft-v3", "prompt": "a cat", "idempotency_key": "one" });
    let hers = anna.accepted(&order).await;
    ben.get(&format!("/v1/jobs/{hers}")).await.refused(404, "job_not_found");
    // The key is hers; the same word from him is another key.
    let his = ben.accepted(&order).await;
    assert_ne!(hers, his);
    for (caller, job) in [(&anna, &hers), (&ben, &his)] {
        assert_eq!(caller.wait(job).await.job_status(), "succeeded");
        let kinds = caller.kinds().await;
        assert_eq!((kinds["hold"], kinds["usage"]), (1, 1));
    }
    world.finish(&[&anna, &ben]).await;
}

#[tokio::test]
async fn an_endpoint_is_its_owners_from_the_day_it_is_registered_until_it_is_removed() {
    let world = World::find();
    let (anna, ben) = (world.user("anna-told", "1").await, world.user("ben-told", "1").await);
    let path = "/v1/webhooks/endpoints";
    let body = json!({ "url": "https://example.com/hooks", "events": ["job.expired"] });
    let new = answer(anna.request(Method::POST, path).json(&body)).await.expect(201).json();
    let hers = format!("{path}/{}", new["id"].as_str().unwrap());
    ben.get(&hers).await.refused(404, "endpoint_not_found");
    assert_eq!(ben.get(path).await.expect(200).json()["data"], json!([]));
    for what in ["rotate", "enable"] {
        answer(anna.request(Method::POST, &format!("{hers}/{what}"))).await.expect(200);
    }
    assert_eq!(anna.get(&hers).await.expect(200).json()["id"], new["id"]);
    // In the cloud nothing is delivered to where only a stack on one machine delivers.
    let local = json!({ "url": "http://127.0.0.1:4000/" });
    let refused = answer(anna.request(Method::POST, path).json(&local)).await;
    refused.refused(400, "invalid_webhook_url");
    answer(anna.request(Method::DELETE, &hers)).await.expect(204);
    anna.get(&hers).await.refused(404, "endpoint_not_found");
    answer(anna.request(Method::POST, "/v1/webhooks/secret")).await.expect(201);
    assert_eq!(anna.get("/v1/webhooks/deliveries").await.expect(200).json()["data"], json!([]));
}

#[tokio::test]
async fn a_key_that_is_revoked_is_refused_after_a_minute_at_most() {
    let world = World::find();
    let anna = world.user("anna-gone", "1").await;
    anna.get("/v1/credits/balance").await.expect(200);
    let now = runtime::Clock::system().now();
    assert!(world.store().revoke_key(anna.key.id(), now).await.unwrap());
    let revoked = std::time::Instant::now();
    crate::world::eventually("the key is refused", async || {
        (anna.get("/v1/credits/balance").await.status == 401).then_some(())
    })
    .await;
    assert!(revoked.elapsed() <= std::time::Duration::from_secs(62));
}
