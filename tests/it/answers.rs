//! Every answer there is, field by field, and what is in none of them.

pub(crate) mod outage;
mod webhooks;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use domain::{
    api_key::{ApiKey, Environment},
    scope::{Scope, Scopes},
};
use reqwest::Method;
use serde_json::{Value, json};
use store::Grant;

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
    let told = answer(anna.request(Method::PUT, "/v1/jobs")).await;
    album.keep("PUT /v1/jobs method_not_allowed", told.refused(405, "method_not_allowed"));

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
    webhooks::deliveries(&world, &mut album, &world.user("dora", "1").await).await;
    jobs(&world, &mut album, &anna).await;
    for path in ["/v1/jobs", "/v1/credits/balance", "/v1/credits/transactions", "/v1/auth/limits"] {
        album.get(&anna, path, "").await.expect(200);
    }
    assert_eq!(anna.balance().await.held, usd("0"));
    refusals(&world, &mut album, &anna).await;
    outage::outage(&world, &mut album, &anna).await;
    webhooks::endpoints(&world, &mut album, &world.user("hanna", "1").await).await;

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
    if told.status != 204 {
        fields(&told.json(), "", &mut found);
    }
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
const WORDS: [&str; 22] = [
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
    "127.0.0.1",
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

/// The text of an answer without what is public: the names of the models, how long an attempt took, and where pictures
/// are fetched; and without secrets, in which any short word may be by chance.
fn said(told: &Answer) -> String {
    let mut text = format!("{:?}", told.headers) + &told.text;
    for name in ["ideogram-v3", "Ideogram 3.0", "recraft-v3", "Recraft V3", r#""duration_ms""#] {
        text = text.replace(name, "");
    }
    for start in ["http://", "whsec_"] {
        let mut pieces = text.split(start);
        let first = pieces.next().unwrap_or_default().to_owned();
        let rest = pieces.map(|piece| piece.split_once('"').map_or("", |(_, rest)| rest));
        text = first + &rest.collect::<String>();
    }
    text.to_lowercase()
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
