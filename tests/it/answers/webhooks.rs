//! Who is told, and how that went.

use domain::webhook::{DeliveryId, EventId, EventKind, Receiver as Whom};
use reqwest::Method;
use serde_json::json;
use store::{Closed, NewDelivery};

use super::{Album, PROMPT, plain};
use crate::{
    webhooks::receiver::{Receiver, Reply},
    world::{Caller, World, answer, eventually},
};

const ENDPOINTS: &str = "/v1/webhooks/endpoints";
const DELIVERIES: &str = "/v1/webhooks/deliveries";
/// The discard port, where nobody listens.
const NOBODY: &str = "http://127.0.0.1:9/hooks";

/// A job that names who is told, and its deliveries: each to somebody who takes it in another way.
pub(super) async fn deliveries(world: &World, album: &mut Album, anna: &Caller) {
    // What a receiver says beyond its status is told to nobody.
    let reply = |status| Reply::status(status).with("x-said", PROMPT);
    let good = Receiver::start([reply(204)]).await;
    let gone = Receiver::start([reply(410)]).await;
    let busy = Receiver::start([reply(429).with("retry-after", "3600")]).await;
    let post = |path: &str| anna.request(Method::POST, path);
    answer(post("/v1/webhooks/secret")).await.expect(201);
    let mut ids = Vec::new();
    for url in [gone.url.as_str(), busy.url.as_str(), NOBODY] {
        let new = answer(post(ENDPOINTS).json(&json!({ "url": url }))).await.expect(201);
        ids.push(new.id());
    }
    let mut order = plain();
    order["webhook_url"] = json!(good.url);
    order["webhook_events"] = json!(["job.succeeded"]);
    let job = album.post(anna, &order, "with a webhook").await.expect(202).id();
    let made = anna.wait(&job).await;
    album.keep("GET /v1/jobs/{id} with a webhook", made);

    let path = |receiver: &str| format!("{DELIVERIES}/{job}.succeeded.{receiver}");
    for (receiver, status, what) in [
        ("order", "delivered", "delivered"),
        (&ids[0], "given_up", "given up"),
        (&ids[1], "due", "put off"),
        (&ids[2], "due", "not reached"),
    ] {
        let tried = eventually("the delivery was tried", async || {
            let told = anna.get(&path(receiver)).await;
            let is_tried = told.json()["attempts"][0].is_object();
            is_tried.then_some(told)
        })
        .await;
        assert_eq!(tried.json()["status"], status, "{}", tried.text);
        album.keep(&format!("GET {DELIVERIES}/{{id}} {what}"), tried);
    }
    let all = album.get(anna, DELIVERIES, "").await.expect(200);
    assert_eq!(all.json()["data"].as_array().unwrap().len(), 4);
    // Nobody hears of it before it is answered.
    world.stack().pause_queue();
    let again = answer(post(&format!("{}/redeliver", path(&ids[0])))).await.expect(202);
    album.keep(&format!("POST {DELIVERIES}/{{id}}/redeliver given up"), again);
    world.stack().resume_queue();
}

/// What is registered, and deliveries that nobody has tried yet.
pub(super) async fn endpoints(world: &World, album: &mut Album, anna: &Caller) {
    let mut told = plain();
    told["webhook_url"] = json!(NOBODY);
    let code = "webhook_secret_required";
    album.post(anna, &told, code).await.refused(400, code);
    let post = |path: String| anna.request(Method::POST, &path);
    for status in [201, 200] {
        let secret = answer(post("/v1/webhooks/secret".to_owned())).await.expect(status);
        album.keep(&format!("POST /v1/webhooks/secret {status}"), secret);
    }
    let url = json!({ "url": NOBODY, "events": ["job.failed"] });
    for status in [201, 200] {
        let known = answer(post(ENDPOINTS.to_owned()).json(&url)).await.expect(status);
        album.keep(&format!("POST {ENDPOINTS} {status}"), known);
    }
    let bad = answer(post(ENDPOINTS.to_owned()).json(&json!({ "url": "x" }))).await;
    album.keep(&format!("POST {ENDPOINTS} refused"), bad.refused(400, "invalid_webhook_url"));
    let [endpoint] = world.store().endpoints(&anna.user).await.unwrap().try_into().unwrap();
    let path = format!("{ENDPOINTS}/{}", endpoint.id);
    for what in ["rotate", "enable"] {
        let changed = answer(post(format!("{path}/{what}"))).await.expect(200);
        album.keep(&format!("POST {ENDPOINTS}/{{id}}/{what}"), changed);
    }
    album.get(anna, ENDPOINTS, "").await.expect(200);
    world
        .store()
        .close_endpoint(&anna.user, &endpoint.id, Closed::Gone, world.now())
        .await
        .unwrap();
    let gone = anna.get(&path).await.expect(200);
    album.keep(&format!("GET {ENDPOINTS}/{{id}} gone"), gone);
    let removed = answer(anna.request(Method::DELETE, &path)).await.expect(204);
    album.keep(&format!("DELETE {ENDPOINTS}/{{id}}"), removed);
    let unknown = anna.get(&path).await.refused(404, "endpoint_not_found");
    album.keep(&format!("GET {ENDPOINTS}/{{id}} endpoint_not_found"), unknown);

    let job = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    let event = EventId { job, kind: EventKind::Failed };
    let id = DeliveryId { event, receiver: Whom::Order };
    let path = format!("{DELIVERIES}/{id}");
    let unknown = anna.get(&path).await.refused(404, "delivery_not_found");
    album.keep(&format!("GET {DELIVERIES}/{{id}} delivery_not_found"), unknown);
    let url = NOBODY.to_owned().try_into().unwrap();
    let new = NewDelivery { id, url, body: "{}".to_owned(), forget_at_s: 4_000_000_000 };
    world.store().add_delivery(&anna.user, &new, world.now()).await.unwrap();
    album.keep(&format!("GET {DELIVERIES}/{{id}} due"), anna.get(&path).await.expect(200));
    let again = answer(post(format!("{path}/redeliver"))).await.expect(202);
    album.keep(&format!("POST {DELIVERIES}/{{id}}/redeliver"), again);
}
