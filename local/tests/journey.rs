//! A job's whole way through the stack: accepted over HTTP, worked on because the queue rang, its
//! image fetched by a signed URL; and the same without the queue.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may stop at the first surprise")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    api_key::{ApiKey, Environment},
    ids::{CreditId, UserId},
    money::MicroUsd,
};
use local::{Options, Stack};
use runtime::{Clock, Entropy};
use serde_json::{Value, json};

/// A stack with a user who has a key and ten dollars, and a clock that can be put forward.
struct World {
    stack: Stack,
    http: reqwest::Client,
    key: ApiKey,
    forward_ms: Arc<AtomicU64>,
}

impl World {
    async fn start() -> World {
        // Fails if another test has installed it already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let forward_ms = Arc::new(AtomicU64::new(0));
        let clock = {
            let forward_ms = Arc::clone(&forward_ms);
            Clock::new(move || {
                let forward = Duration::from_millis(forward_ms.load(Ordering::SeqCst));
                Clock::system().now().plus(forward)
            })
        };
        let stack = Stack::start(Options { clock: clock.clone(), ..Options::default() });
        let stack = stack.await.unwrap();
        let table = |id: &str| stack.tables().get(id).unwrap().clone();
        let tables = store::Tables {
            jobs: table("JobsTable"),
            ledger: table("LedgerTable"),
            keys: table("KeysTable"),
            webhooks: table("WebhooksTable"),
        };
        let store = store::Store::new(stack.aws().unwrap().dynamodb(), tables);
        let (entropy, now) = (Entropy::system(), clock.now());
        let user: UserId = "anna".parse().unwrap();
        let key = ApiKey::mint(Environment::Test, &entropy.bytes().unwrap());
        store.open_account(&user).await.unwrap();
        let money = (CreditId::new(now, &entropy.bytes().unwrap()), MicroUsd::constant(10_000_000));
        store.credit(&user, money, "first", now).await.unwrap();
        store.add_key(&user, &key, &store::Grant::default(), now).await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        World { stack, http, key, forward_ms }
    }

    async fn submit(&self) -> Value {
        let request = self.http.post(format!("{}/v1/images/generations", self.stack.url()));
        let order = json!({"model": "recraft-v3", "prompt": "a red kite", "size": "1:1"});
        let answer = request.bearer_auth(self.key.reveal()).json(&order).send().await.unwrap();
        let status = answer.status();
        let job: Value = answer.json().await.unwrap();
        assert_eq!(status, 202, "{job}");
        job
    }

    async fn job(&self, id: &Value) -> Value {
        let url = format!("{}/v1/jobs/{}", self.stack.url(), id.as_str().unwrap());
        let request = self.http.get(url).bearer_auth(self.key.reveal());
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn until_succeeded(&self, id: &Value) -> Value {
        for _ in 0..500 {
            let job = self.job(id).await;
            match job.get("status").and_then(Value::as_str) {
                Some("succeeded") => return job,
                Some("pending" | "processing") => {}
                _ => panic!("{job}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it did not end: {}", self.job(id).await);
    }
}

#[tokio::test]
async fn an_image_is_ordered_made_and_fetched() {
    let world = World::start().await;
    let submitted = world.submit().await;
    let job = world.until_succeeded(&submitted["id"]).await;
    let url = job["output"]["url"].as_str().unwrap();
    let image = world.http.get(url).send().await.unwrap();
    assert_eq!(image.status(), 200);
    assert_eq!(image.headers()["content-type"], "image/png");
    assert!(image.bytes().await.unwrap().starts_with(b"\x89PNG"));
    world.stack.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_that_the_queue_never_heard_of_is_rung_for_by_the_sweep() {
    let world = World::start().await;
    world.stack.pause_queue();
    let submitted = world.submit().await;
    assert_eq!(world.job(&submitted["id"]).await["status"], "pending");
    world.stack.resume_queue();
    world.forward_ms.fetch_add(150_000, Ordering::SeqCst);
    let report = world.stack.sweep_now().await.unwrap();
    assert_eq!(report["announced"], 1, "{report}");
    world.until_succeeded(&submitted["id"]).await;
    world.stack.stop().await.unwrap();
}
