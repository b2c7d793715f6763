//! `/v1/webhooks`: endpoints, secrets and deliveries, as their owner has them.

use std::time::Duration;

use domain::{
    job::Status,
    time::Timestamp,
    webhook::{ENDPOINTS_MAX, EndpointId, Secrets},
};
use reqwest::Method;
use serde_json::{Value, json};
use store::Closed;

use crate::{
    webhooks::receiver::{Receiver, Reply},
    world::{Answer, Caller, World, answer, eventually},
};

const ENDPOINTS: &str = "/v1/webhooks/endpoints";
const DAY: Duration = Duration::from_hours(24);

async fn post(caller: &Caller, path: &str) -> Answer {
    answer(caller.request(Method::POST, path)).await
}

async fn register(caller: &Caller, body: &Value) -> Answer {
    answer(caller.request(Method::POST, ENDPOINTS).json(body)).await
}

fn path_of(endpoint: &Value) -> String {
    format!("{ENDPOINTS}/{}", endpoint["id"].as_str().unwrap())
}

fn id_of(endpoint: &Value) -> EndpointId {
    endpoint["id"].as_str().unwrap().parse().unwrap()
}

fn secret_of(answer: &Value) -> String {
    answer["secret"].as_str().unwrap().to_owned()
}

/// The secrets that something is signed with at a time: those that are revealed then.
fn signing(secrets: &Secrets, at: Timestamp) -> Vec<String> {
    let old = secrets.previous.as_ref().filter(|(_, until)| at < *until);
    let old = old.map(|(secret, _)| secret.reveal());
    [secrets.current.reveal()].into_iter().chain(old).collect()
}

#[tokio::test]
async fn an_endpoint_is_registered_shown_and_removed() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let body = json!({ "url": "https://example.com/hooks?key=hush", "events": ["job.failed"] });
    let new = register(&anna, &body).await.expect(201).json();
    assert_eq!(new["url"], body["url"]);
    assert_eq!(new["events"], body["events"]);
    assert_eq!(new["status"], "enabled");
    let kept = world.store().endpoint(&anna.user, &id_of(&new)).await.unwrap().unwrap();
    assert_eq!(kept.secrets.current.reveal(), secret_of(&new));

    // Once more it is the same endpoint, as it was, and its secret is not told again.
    let again = json!({ "url": body["url"], "events": ["job.expired"] });
    let mut known = new.clone();
    known.as_object_mut().unwrap().remove("secret");
    assert_eq!(register(&anna, &again).await.expect(200).json(), known);
    assert_eq!(anna.get(&path_of(&new)).await.expect(200).json(), known);
    let list = anna.get(ENDPOINTS).await.expect(200).json();
    assert_eq!(list["data"], json!([known]));
    assert_eq!((&list["has_more"], &list["next_cursor"]), (&json!(false), &json!(null)));

    let removed = answer(anna.request(Method::DELETE, &path_of(&new))).await.expect(204);
    assert_eq!(removed.text, "");
    for method in [Method::GET, Method::DELETE] {
        let gone = answer(anna.request(method, &path_of(&new))).await;
        gone.refused(404, "endpoint_not_found");
    }
    assert_eq!(anna.get(ENDPOINTS).await.json()["data"], json!([]));
    // Registered anew it is told everything by default, and has another secret.
    let anew = register(&anna, &json!({ "url": body["url"] })).await.expect(201).json();
    assert_eq!((&anew["id"], &anew["events"]), (&new["id"], &json!(null)));
    assert_ne!(anew["secret"], new["secret"]);
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_receiver_is_not_registered() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let before = world.rows().await;
    let long = format!("https://example.com/{}", "x".repeat(2_048));
    for (body, code) in [
        (json!({}), "missing_parameter"),
        (json!({ "url": null }), "missing_parameter"),
        (json!({ "url": 7 }), "invalid_parameter"),
        (json!({ "url": "https://example.com", "event": "job.failed" }), "unknown_parameter"),
        (json!({ "url": "https://example.com", "events": "job.failed" }), "invalid_parameter"),
        (json!({ "url": "https://example.com", "events": ["job.pending"] }), "invalid_parameter"),
        (json!({ "url": "" }), "invalid_webhook_url"),
        (json!({ "url": long }), "invalid_webhook_url"),
        (json!({ "url": "http://example.com/" }), "invalid_webhook_url"),
        (json!({ "url": "ftp://example.com/" }), "invalid_webhook_url"),
        (json!({ "url": "https://user:word@example.com/" }), "invalid_webhook_url"),
        (json!({ "url": "https://example.com/#part" }), "invalid_webhook_url"),
        (json!({ "url": "https://169.254.169.254/latest/meta-data" }), "invalid_webhook_url"),
        (json!({ "url": "https://10.0.0.7/" }), "invalid_webhook_url"),
        (json!({ "url": "https://0x0a000007/" }), "invalid_webhook_url"),
        (json!({ "url": "https://[fd00::1]/" }), "invalid_webhook_url"),
        (json!({ "url": "https://metadata.google.internal/" }), "invalid_webhook_url"),
    ] {
        register(&anna, &body).await.refused(400, code);
    }
    for path in ["?user_id=ben", "?limit=1"] {
        anna.get(&format!("{ENDPOINTS}{path}")).await.refused(400, "unknown_parameter");
    }
    world.is_as_before(&before).await;
    world.finish().await;
}

#[tokio::test]
async fn there_are_ten_endpoints_and_no_more() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let body = |n: usize| json!({ "url": format!("https://example.com/{n}") });
    for n in 0..ENDPOINTS_MAX {
        register(&anna, &body(n)).await.expect(201);
    }
    register(&anna, &body(ENDPOINTS_MAX)).await.refused(409, "too_many_endpoints");
    // One that is there is there.
    let first = register(&anna, &body(0)).await.expect(200).json();
    assert_eq!(anna.get(ENDPOINTS).await.json()["data"].as_array().unwrap().len(), ENDPOINTS_MAX);
    answer(anna.request(Method::DELETE, &path_of(&first))).await.expect(204);
    register(&anna, &body(ENDPOINTS_MAX)).await.expect(201);
    world.finish().await;
}

#[tokio::test]
async fn a_new_secret_signs_at_once_and_the_one_before_for_a_day() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let new = register(&anna, &json!({ "url": "https://example.com/" })).await.expect(201).json();
    let rotate = format!("{}/rotate", path_of(&new));
    let secrets =
        async || world.store().endpoint(&anna.user, &id_of(&new)).await.unwrap().unwrap().secrets;
    let mut told = vec![secret_of(&new)];
    for _ in 0..2 {
        let rotated = post(&anna, &rotate).await.expect(200).json();
        assert!(rotated["old_secret_until"].is_string());
        told.insert(0, secret_of(&rotated));
        let now = world.now();
        assert_eq!(signing(&secrets().await, now), told[..2], "the new one, and the one before");
        assert_eq!(signing(&secrets().await, now.plus(DAY)), told[..1]);
    }
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    world.forward(DAY);
    assert_eq!(anna.get(&path_of(&new)).await.json()["old_secret_until"], json!(null));
    world.finish().await;
}

#[tokio::test]
async fn an_endpoint_that_was_gone_is_enabled_again() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let new = register(&anna, &json!({ "url": "https://example.com/" })).await.expect(201).json();
    let id = id_of(&new);
    world.store().close_endpoint(&anna.user, &id, Closed::Gone, world.now()).await.unwrap();
    let gone = anna.get(&path_of(&new)).await.json();
    assert_eq!((&gone["status"], &gone["disabled_why"]), (&json!("disabled"), &json!("gone")));
    // Registering it again does not.
    let again = register(&anna, &json!({ "url": "https://example.com/" })).await.expect(200);
    assert_eq!(again.json()["status"], "disabled");
    for _ in 0..2 {
        let enabled = post(&anna, &format!("{}/enable", path_of(&new))).await.expect(200).json();
        assert_eq!(
            (&enabled["status"], &enabled["disabled_at"]),
            (&json!("enabled"), &json!(null))
        );
        assert_eq!(enabled["secret"], json!(null));
    }
    world.finish().await;
}

#[tokio::test]
async fn an_order_names_who_is_told_when_there_is_something_to_sign_with() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let order = json!({
        "model": "recraft-v3",
        "prompt": "a cat",
        // The discard port, where nobody listens.
        "webhook_url": "http://127.0.0.1:9/hooks?key=hush",
        "webhook_events": ["job.failed", "job.succeeded"],
    });
    let before = world.rows().await;
    let refused = anna.submit_as("one", &order).await.refused(400, "webhook_secret_required");
    assert!(refused.text.contains("POST /v1/webhooks/secret"), "{}", refused.text);
    world.is_as_before(&before).await;

    let first = post(&anna, "/v1/webhooks/secret").await.expect(201).json();
    assert_eq!(first["old_secret_until"], json!(null));
    let placed = anna.submit_as("one", &order).await.expect(202);
    assert_eq!(placed.json()["webhook_url"], order["webhook_url"]);
    assert_eq!(placed.json()["webhook_events"], json!(["job.succeeded", "job.failed"]));
    let done = anna.wait(&placed.id()).await;
    assert_eq!(done.json()["webhook_url"], order["webhook_url"]);
    assert_eq!(world.stored(&anna, &placed.id()).await.state.status(), Status::Succeeded);

    // It is part of what was asked for.
    anna.submit_as("one", &order).await.expect(200);
    let mut other = order.clone();
    other["webhook_url"] = json!("https://example.com/elsewhere");
    anna.submit_as("one", &other).await.refused(422, "idempotency_key_reused");
    other = order.clone();
    other["webhook_events"] = json!(null);
    anna.submit_as("one", &other).await.refused(422, "idempotency_key_reused");

    // A second secret takes the place of the first, which signs for a day more.
    let second = post(&anna, "/v1/webhooks/secret").await.expect(200).json();
    let secrets = world.store().order_secrets(&anna.user).await.unwrap().unwrap();
    let now = world.now();
    assert_eq!(signing(&secrets, now), [secret_of(&second), secret_of(&first)]);
    assert_eq!(signing(&secrets, now.plus(DAY)), [secret_of(&second)]);
    world.finish().await;
}

/// The only delivery of a user, when it stands so.
async fn delivery(caller: &Caller, status: &str) -> Value {
    eventually("the delivery stands so", async || {
        let page = caller.get("/v1/webhooks/deliveries").await.expect(200).json();
        let [one] = page["data"].as_array()?.as_slice() else { return None };
        (one["status"] == status).then(|| one.clone())
    })
    .await
}

#[tokio::test]
async fn what_was_delivered_is_shown_and_delivered_again_by_whoever_asks() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let receiver = Receiver::start([Reply::status(204), Reply::status(503)]).await;
    let new = register(&anna, &json!({ "url": receiver.url })).await.expect(201).json();
    let job = anna.accepted(&json!({ "model": "recraft-v3", "prompt": "a cat" })).await;
    let shown = delivery(&anna, "delivered").await;
    let path = format!("/v1/webhooks/deliveries/{}", shown["id"].as_str().unwrap());
    assert_eq!(anna.get(&path).await.expect(200).json(), shown);
    assert_eq!((&shown["endpoint"], &shown["job_id"]), (&new["id"], &json!(job)));
    assert_eq!(shown["event_id"], json!(format!("evt_{job}_succeeded")));
    let attempt = &shown["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["http_status"]), (&json!("delivered"), &json!(204)));

    // Again it is the same bytes under the same name, and where it fails it is tried on.
    let due = post(&anna, &format!("{path}/redeliver")).await.expect(202).json();
    assert_eq!((&due["status"], due["next_attempt_at"].is_string()), (&json!("due"), true));
    let told = eventually("it is told again", async || {
        let told = receiver.told();
        (told.len() == 2).then_some(told)
    })
    .await;
    assert_eq!(told[0].body, told[1].body);
    assert_eq!(told[0].headers["webhook-id"], told[1].headers["webhook-id"]);
    let failed = eventually("the attempt is noted", async || {
        let now = anna.get(&path).await.expect(200).json();
        (now["attempts"].as_array()?.len() == 2).then_some(now)
    })
    .await;
    let attempt = &failed["attempts"][1];
    assert_eq!((&attempt["outcome"], &attempt["http_status"]), (&json!("status"), &json!(503)));
    assert_eq!(failed["status"], "due");
    // Nothing of the receiver's address is in what is listed, beyond what its owner has registered.
    assert!(!failed.to_string().contains("hush"), "{failed}");

    // Another user sees nothing of it.
    let ben = world.user("ben", "1").await;
    ben.get(&path).await.refused(404, "delivery_not_found");
    post(&ben, &format!("{path}/redeliver")).await.refused(404, "delivery_not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_suspended_account_looks_after_its_webhooks_as_before() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let job = anna.accepted(&json!({ "model": "recraft-v3", "prompt": "a cat" })).await;
    assert!(world.store().suspend(&anna.user, world.now()).await.unwrap());
    let receiver = Receiver::start([]).await;
    let new = register(&anna, &json!({ "url": receiver.url })).await.expect(201).json();
    post(&anna, &format!("{}/rotate", path_of(&new))).await.expect(200);
    world.stack().resume_queue();
    // What it has ordered goes on, and is told.
    world.sweep().await;
    let ended = anna.wait(&job).await;
    assert_eq!(ended.job_status(), "succeeded");
    eventually("it is told", async || receiver.told().pop()).await;
    world.finish().await;
}
