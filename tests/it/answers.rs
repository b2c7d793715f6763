//! Every answer there is, field by field, and what is in none of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use domain::{
    api_key::{ApiKey, Environment},
    scope::{Scope, Scopes},
    webhook::{DeliveryId, EventId, EventKind, Receiver},
};
use reqwest::Method;
use serde_json::{Value, json};
use store::{Closed, Grant, NewDelivery};

use crate::world::{Answer, Caller, World, answer, eventually, usd};

/// What callers write and are not told again.
const PROMPT: &str = "a cat with the canary 7f3a91";

fn order(sandbox: &Value) -> Value {
    json!({
        "model": "recraft-v3",
        "prompt": PROMPT,
        "n": 2,
        "extra": { "sandbox": sandbox, "seed": 7 },
        "metadata": { "note": "a" },
    })
}

fn plain() -> Value {
    json!({ "model": "recraft-v3", "prompt": PROMPT })
}

/// Every answer under a name of its own.
#[derive(Default)]
struct Album(BTreeMap<String, Answer>);

impl Album {
    fn keep(&mut self, name: &str, told: Answer) -> Answer {
        let before = self.0.insert(name.to_owned(), told.clone());
        assert!(before.is_none(), "{name} is there twice");
        told
    }

    async fn get(&mut self, caller: &Caller, path: &str, what: &str) -> Answer {
        let told = caller.get(path).await;
        self.keep(&format!("GET {} {what}", path.split('?').next().unwrap()), told)
    }

    async fn post(&mut self, caller: &Caller, body: &Value, what: &str) -> Answer {
        let told = caller.submit(body).await;
        self.keep(&format!("POST /v1/images/generations {what}"), told)
    }

    async fn job(&mut self, caller: &Caller, id: &str) {
        let told = caller.job(id).await;
        self.keep(&format!("GET /v1/jobs/{{id}} {}", told.job_status()), told);
    }
}

/// The job in every state, and the answers that are about one.
async fn jobs(world: &World, album: &mut Album, anna: &Caller) {
    let request = anna.order(&order(&json!({}))).header("Prefer", "wait=25");
    let made = album.keep("POST /v1/images/generations waited for", answer(request).await);
    let made = made.expect(200);
    album.job(anna, &made.id()).await;
    world.give_back(anna, &made.id()).await;
    let given_back = anna.job(&made.id()).await;
    album.keep("GET /v1/jobs/{id} given back", given_back);
    let failed = anna.accepted(&order(&json!({ "outcome": "fail" }))).await;
    anna.wait(&failed).await;
    album.job(anna, &failed).await;
    let slow = anna.accepted(&order(&json!({ "delay_ms": 3_000 }))).await;
    eventually("the job has begun", async || {
        (anna.job(&slow).await.job_status() == "processing").then_some(())
    })
    .await;
    album.job(anna, &slow).await;
    let late = anna.cancel(&slow).await.refused(409, "job_not_cancelable");
    album.keep("POST /v1/jobs/{id}/cancel job_not_cancelable", late);
    anna.wait(&slow).await;

    world.stack().pause_queue();
    let pending = anna.submit_as("one", &plain()).await;
    let pending = album.keep("POST /v1/images/generations pending", pending).expect(202).id();
    let again = anna.submit_as("one", &plain()).await.expect(200);
    album.keep("POST /v1/images/generations replayed", again);
    album.job(anna, &pending).await;
    let canceled = anna.cancel(&pending).await.expect(200);
    album.keep("POST /v1/jobs/{id}/cancel refunded", canceled);
    album.job(anna, &pending).await;
    let dry = anna.request(Method::POST, "/v1/images/generations?dry_run=true").json(&plain());
    album.keep("POST /v1/images/generations dry run", answer(dry).await.expect(200));
    let overdue = anna.accepted(&plain()).await;
    world.forward(Duration::from_mins(31));
    world.stack().sweep_now().await.unwrap();
    album.job(anna, &overdue).await;
}

/// Who is told, and how that went.
async fn webhooks(world: &World, album: &mut Album, anna: &Caller) {
    let mut told = plain();
    told["webhook_url"] = json!("http://127.0.0.1:9/hooks");
    let code = "webhook_secret_required";
    album.post(anna, &told, code).await.refused(400, code);
    let endpoints = "/v1/webhooks/endpoints";
    let post = |path: String| anna.request(Method::POST, &path);
    for status in [201, 200] {
        let secret = answer(post("/v1/webhooks/secret".to_owned())).await.expect(status);
        album.keep(&format!("POST /v1/webhooks/secret {status}"), secret);
    }
    let url = json!({ "url": told["webhook_url"], "events": ["job.failed"] });
    for status in [201, 200] {
        let known = answer(post(endpoints.to_owned()).json(&url)).await.expect(status);
        album.keep(&format!("POST {endpoints} {status}"), known);
    }
    let bad = answer(post(endpoints.to_owned()).json(&json!({ "url": "x" }))).await;
    album.keep(&format!("POST {endpoints} refused"), bad.refused(400, "invalid_webhook_url"));
    let [endpoint] = world.store().endpoints(&anna.user).await.unwrap().try_into().unwrap();
    let path = format!("{endpoints}/{}", endpoint.id);
    for what in ["rotate", "enable"] {
        let changed = answer(post(format!("{path}/{what}"))).await.expect(200);
        album.keep(&format!("POST {endpoints}/{{id}}/{what}"), changed);
    }
    album.get(anna, endpoints, "").await.expect(200);
    world
        .store()
        .close_endpoint(&anna.user, &endpoint.id, Closed::Gone, world.now())
        .await
        .unwrap();
    let gone = anna.get(&path).await.expect(200);
    album.keep(&format!("GET {endpoints}/{{id}} gone"), gone);
    answer(anna.request(Method::DELETE, &path)).await.expect(204);
    let removed = anna.get(&path).await.refused(404, "endpoint_not_found");
    album.keep(&format!("GET {endpoints}/{{id}} endpoint_not_found"), removed);

    let deliveries = "/v1/webhooks/deliveries";
    let job = "01890000-0000-7000-8000-000000000000".parse().unwrap();
    let event = EventId { job, kind: EventKind::Failed };
    let id = DeliveryId { event, receiver: Receiver::Order };
    let path = format!("{deliveries}/{id}");
    let unknown = anna.get(&path).await.refused(404, "delivery_not_found");
    album.keep(&format!("GET {deliveries}/{{id}} delivery_not_found"), unknown);
    let url = "http://127.0.0.1:9/hooks".to_owned().try_into().unwrap();
    let new = NewDelivery { id, url, body: "{}".to_owned(), forget_at_s: 4_000_000_000 };
    world.store().add_delivery(&anna.user, &new, world.now()).await.unwrap();
    album.keep(&format!("GET {deliveries}/{{id}} due"), anna.get(&path).await.expect(200));
    let again = answer(post(format!("{path}/redeliver"))).await.expect(202);
    album.keep(&format!("POST {deliveries}/{{id}}/redeliver"), again);
}

/// What is refused, and why.
async fn refusals(world: &World, album: &mut Album, anna: &Caller) {
    let post = anna.request(Method::POST, "/v1/images/generations");
    let told = answer(post.body("x")).await.refused(415, "unsupported_media_type");
    album.keep("POST /v1/images/generations unsupported_media_type", told);
    let other = json!({ "model": "recraft-v3", "prompt": "a dog" });
    let told = anna.submit_as("one", &other).await.refused(422, "idempotency_key_reused");
    album.keep("POST /v1/images/generations idempotency_key_reused", told);
    for (body, code) in [
        (json!([]), "invalid_json"),
        (json!({ "model": "recraft-v3" }), "missing_parameter"),
        (json!({ "model": "x", "prompt": "a" }), "model_not_found"),
        (json!({ "model": "recraft-v3", "prompt": "a", "n": 9 }), "invalid_parameter"),
        (json!({ "model": "recraft-v3", "prompt": "x".repeat(300_000) }), "request_too_large"),
    ] {
        let told = album.post(anna, &body, code).await;
        assert_eq!(told.code(), code, "{}", told.text);
    }
    let stranger = "/v1/jobs/01890000-0000-7000-8000-000000000000";
    album.get(anna, stranger, "job_not_found").await.refused(404, "job_not_found");
    album.get(anna, "/v1/nowhere", "route_not_found").await.refused(404, "route_not_found");
    album.get(anna, "/v1/jobs?status=x", "invalid_parameter").await.expect(400);

    let poor = world.user("poor", "0.01").await;
    album.post(&poor, &plain(), "insufficient_balance").await.refused(402, "insufficient_balance");
    let busy = world.user("busy", "1").await;
    for _ in 0..6 {
        busy.accepted(&plain()).await;
    }
    album.post(&busy, &plain(), "queue_full").await.refused(429, "queue_full");
    world.store().suspend(&busy.user, world.now()).await.unwrap();
    album.post(&busy, &plain(), "account_suspended").await.refused(403, "account_suspended");
    let ghost = world.key_for(&"ghost".parse().unwrap()).await;
    let told = album.get(&ghost, "/v1/credits/balance", "account_not_found").await;
    told.refused(403, "account_not_found");
    let scopes: Scopes = [Scope::JobsRead].into_iter().collect();
    let narrow = world.key_with(&poor.user, &Grant { scopes, expires_at: None }).await;
    album.post(&narrow, &plain(), "insufficient_scope").await.refused(403, "insufficient_scope");
    let unknown = ApiKey::mint(Environment::Test, &[7; 44]);
    let nobody = Caller::new(world.api().clone(), poor.user.clone(), unknown);
    album.post(&nobody, &plain(), "invalid_api_key").await.refused(401, "invalid_api_key");
    album.keep(
        "GET /v1/credits/balance without a key",
        world.api().get("/v1/credits/balance").await,
    );
}

/// All of them; what is in the tables; and what the stack calls its parts.
async fn album() -> (Album, Vec<String>) {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let mut album = Album::default();
    for path in ["/", "/v1/models", "/v1/pricing", "/v1/limits/tiers"] {
        album.get(&anna, path, "").await.expect(200);
    }
    album.get(&anna, "/v1/jobs", "of nobody").await.expect(200);
    jobs(&world, &mut album, &anna).await;
    for path in ["/v1/jobs", "/v1/credits/balance", "/v1/credits/transactions", "/v1/auth/limits"] {
        album.get(&anna, path, "").await.expect(200);
    }
    assert_eq!(anna.balance().await.held, usd("0"));
    refusals(&world, &mut album, &anna).await;
    webhooks(&world, &mut album, &world.user("hanna", "1").await).await;

    let stack = world.stack();
    let mut secrets: Vec<String> = stack.tables().values().cloned().collect();
    secrets.extend(
        ["JobsQueue", "JobsDeadLetterQueue"].map(|id| stack.queue_url(id).unwrap().to_owned()),
    );
    secrets.extend(stack.template().functions.keys().cloned());
    for row in world.rows().await.into_values() {
        for name in ["task", "secret_hash", "fingerprint"] {
            secrets.extend(row[name].as_str().map(str::to_owned));
        }
    }
    assert!(secrets.len() > 10, "{secrets:?}");
    secrets.push(anna.key.reveal().to_owned());
    secrets.push(PROMPT.to_owned());
    world.stack().resume_queue();
    world.finish().await;
    (album, secrets)
}

/// What each field of a body is, whatever its value.
fn fields(value: &Value, path: &str, found: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Object(members) => {
            for (name, value) in members {
                fields(value, &format!("{path}.{name}"), found);
            }
            if !members.is_empty() {
                return;
            }
            "{}"
        }
        Value::Array(values) => {
            for value in values {
                fields(value, &format!("{path}[]"), found);
            }
            if !values.is_empty() {
                return;
            }
            "[]"
        }
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "text",
    };
    found.entry(path.trim_start_matches('.').to_owned()).or_default().insert(kind);
}

/// An answer without its values: the status, the headers, the fields.
fn shape(told: &Answer) -> String {
    let mut found = BTreeMap::new();
    fields(&told.json(), "", &mut found);
    let passing = ["content-length", "date"];
    let names = told.headers.keys().map(ToString::to_string);
    let mut names: Vec<String> = names.filter(|name| !passing.contains(&name.as_str())).collect();
    names.sort();
    let mut text = format!("{}\n    {}\n", told.status, names.join(" "));
    for (path, kinds) in found {
        let kinds: Vec<&str> = kinds.into_iter().collect();
        writeln!(text, "    {path}: {}", kinds.join(" or ")).unwrap();
    }
    text
}

/// What no answer says, in small letters: who makes the pictures, where what is kept, and how it works.
const WORDS: [&str; 21] = [
    "black forest",
    "bfl",
    "fal.ai",
    "fal-ai",
    "ideogram",
    "recraft",
    "sandbox",
    "dynamodb",
    "lambda",
    "sqs",
    "arn:",
    "amazonaws",
    "micros",
    "_ms\"",
    "due_shard",
    "fence",
    "lease",
    "pocket",
    "panicked",
    ".rs:",
    "/src/",
];

/// The text of an answer without what is public: the names of the models, and where pictures are fetched.
fn said(told: &Answer) -> String {
    let mut text = format!("{:?}", told.headers) + &told.text;
    for name in ["ideogram-v3", "Ideogram 3.0", "recraft-v3", "Recraft V3"] {
        text = text.replace(name, "");
    }
    let mut pieces = text.split("http://");
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.map(|piece| piece.split_once('"').map_or("", |(_, rest)| rest));
    (first + &rest.collect::<String>()).to_lowercase()
}

#[tokio::test]
async fn every_answer_has_the_fields_it_is_known_for_and_says_nothing_of_what_is_behind() {
    let (album, secrets) = album().await;
    let mut shapes = String::new();
    for (name, told) in &album.0 {
        write!(shapes, "{} {}", name.trim(), shape(told)).unwrap();
        let said = said(told);
        for word in WORDS {
            assert!(!said.contains(word), "{name} says {word}: {said}");
        }
        for secret in &secrets {
            assert!(!said.contains(&secret.to_lowercase()), "{name} says {secret}: {said}");
        }
    }
    insta::assert_snapshot!("answers", shapes);
}
