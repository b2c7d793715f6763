//! What is decided before a table is asked, and what its answers mean. No table is there: whatever
//! asked one would be told to come back later.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_runtime_api::{client::http::SharedHttpClient, shared::IntoShared};
use domain::{money::MicroUsd, order::Draft};
use serde_json::{Value, json};

use super::*;

/// Every scope there is.
const ALL: &str = "jobs:write jobs:read account:read webhooks:write";
const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

fn app() -> App {
    app_on(Host::system().with_clock(Clock::new(|| NOW)))
}

fn app_on(host: Host) -> App {
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // The discard port, where nobody listens.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("JOBS_TABLE", "jobs"),
        ("LEDGER_TABLE", "ledger"),
        ("WEBHOOKS_TABLE", "webhooks"),
        ("QUEUE_URL", "http://127.0.0.1:9/000000000000/jobs"),
        ("EVENTS_QUEUE_URL", "http://127.0.0.1:9/000000000000/events"),
        ("FAIR_QUEUE", "true"),
        ("IMAGES_BUCKET", "images"),
        ("MARKUP", "1.35"),
        ("RUN_LIMIT_SECONDS", "300"),
        ("JOB_DEADLINE_SECONDS", "900"),
        ("GRACE_SECONDS", "120"),
        ("HARD_EXPIRY_SECONDS", "1800"),
        ("IDEMPOTENCY_DAYS", "30"),
        ("OUTPUT_URL_SECONDS", "3600"),
        ("RETENTION_DAYS", "90"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let app = App::new(&variables.into_iter().collect(), host).unwrap();
    let entropy = Entropy::new(|bytes| {
        bytes.fill(1);
        Ok(())
    });
    App { entropy, ..app }
}

/// Posts a body; `lambda` is what the authorizer found.
async fn post(body: &str, lambda: &Value) -> (u16, Value) {
    let response = answer(&app(), body, lambda).await;
    let body = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), body)
}

async fn answer(app: &App, body: &str, lambda: &Value) -> Response<Body> {
    let event = json!({
        "version": "2.0",
        "routeKey": "POST /v1/images/generations",
        "rawPath": "/v1/images/generations",
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "api.example.com" },
        "requestContext": {
            "authorizer": { "lambda": lambda },
            "http": {
                "method": "POST",
                "path": "/v1/images/generations",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /v1/images/generations",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": false,
    });
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = respond(app, request).await;
    assert_eq!(response.headers()["x-request-id"], "JKJaXmPLvHcESHA=");
    assert_eq!(response.headers()["cache-control"], "no-store");
    response
}

fn order(n: u64) -> Order {
    let draft = Draft {
        model: "ideogram-v3".to_owned(),
        prompt: "a cat".to_owned(),
        n: Some(n),
        ..Draft::default()
    };
    Order::agree(draft).unwrap()
}

pub(crate) fn pending() -> Job {
    pend(&app(), "demo".parse().unwrap(), order(3), NOW).unwrap()
}

#[tokio::test]
async fn who_asks_comes_before_what_is_asked() {
    for lambda in [json!(null), json!({ "refusal": "invalid_api_key" })] {
        let (status, body) = post("nonsense", &lambda).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!("invalid_api_key")));
    }
}

/// An order of which this URL is told.
fn told(url: &str) -> String {
    json!({ "model": "recraft-v3", "prompt": "a cat", "webhook_url": url }).to_string()
}

#[tokio::test]
async fn what_cannot_be_agreed_to_asks_no_table() {
    let demo = json!({ "user_id": "demo", "key_id": "0123456789ab", "scopes": ALL });
    for (body, status, code) in [
        ("", 400, "invalid_json"),
        (r#"{"prompt":"a cat"}"#, 400, "missing_parameter"),
        (r#"{"model":"dall-e-3","prompt":"a cat"}"#, 404, "model_not_found"),
        (r#"{"model":"recraft-v3","prompt":" "}"#, 400, "prompt_empty"),
        (r#"{"model":"recraft-v3","prompt":"a cat","n":5}"#, 400, "invalid_parameter"),
        (r#"{"model":"flux-kontext-pro","prompt":"a cat"}"#, 400, "image_url_required"),
        (&told("x"), 400, "invalid_webhook_url"),
        (&told("http://127.0.0.1/"), 400, "invalid_webhook_url"),
        (&told("https://169.254.169.254/latest/"), 400, "invalid_webhook_url"),
        (&told("https://metadata.google.internal/"), 400, "invalid_webhook_url"),
    ] {
        let (found, answer) = post(body, &demo).await;
        assert_eq!((found, &answer["error"]["code"]), (status, &json!(code)), "{body}");
    }
}

/// The job is safe: the sweep rings. But somebody should know that it has to.
#[tokio::test]
async fn a_bell_that_nobody_hears_is_counted_and_fails_nothing() {
    let counts = testkit::Counts::default();
    let metrics = Metrics::new("submit", Clock::new(|| NOW), counts.taker());
    ring(&App { metrics, ..app() }, &pending(), None).await;
    assert_eq!(counts.sum("RingsFailed"), 1);
}

#[test]
fn a_job_is_priced_and_has_its_deadlines_from_the_start() {
    let job = pending();
    assert_eq!(job.hold.price(), MicroUsd::constant(108_000));
    assert_eq!(job.hold.amount(), MicroUsd::constant(324_000));
    assert_eq!(job.created_at, NOW);
    assert_eq!(job.deadline.since(NOW).as_secs(), 900);
    assert_eq!(job.expires_at.since(NOW).as_secs(), 1_800);
    assert_eq!(job.state, State::Pending);
    assert_eq!(job.id.to_string(), "019dc414-f17b-7101-8101-010101010101");
    assert_eq!(location(&job.id), "/v1/jobs/019dc414-f17b-7101-8101-010101010101");
}

#[test]
fn a_key_is_claimed_by_its_digest_and_what_was_asked_for() {
    let (app, job) = (app(), pending());
    assert!(claim_key(&app, None, &job).unwrap().is_none());

    let key = || IdempotencyKey::try_from("hush".to_owned()).unwrap();
    let claim = claim_key(&app, Some(key()), &job).unwrap().unwrap();
    assert_eq!(claim.digest, key().digest());
    assert_eq!(claim.fingerprint, Fingerprint::of(&order(3)).unwrap());
    assert_eq!(claim.expires_at.since(NOW).as_secs(), 30 * 86_400);
    assert!(!format!("{claim:?}").contains("hush"));

    let other = Job { order: order(2), ..job };
    let other = claim_key(&app, Some(key()), &other).unwrap().unwrap();
    assert_ne!(other.fingerprint, claim.fingerprint);
}

#[test]
fn what_the_tables_say_is_told_as_what_it_means() {
    let job = pending();
    let told = |error| {
        let response = refuse(error, &job).into_response("id");
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let code = body["error"]["code"].as_str().unwrap().to_owned();
        (response.status().as_u16(), code)
    };
    let poor = AcceptError::InsufficientBalance { available: MicroUsd::ZERO };
    for (error, status, code) in [
        (AcceptError::KeyReused, 422, "idempotency_key_reused"),
        (poor, 402, "insufficient_balance"),
        (AcceptError::QueueFull { cap: 6 }, 429, "queue_full"),
        (AcceptError::Suspended, 403, "account_suspended"),
        (AcceptError::NoAccount, 403, "account_not_found"),
        (StoreError::Busy.into(), 503, "account_busy"),
        (StoreError::Unknown("lost".into()).into(), 503, "unavailable"),
        (StoreError::Malformed("wrong".into()).into(), 500, "internal_error"),
        (StoreError::Unreadable("odd".into()).into(), 500, "internal_error"),
    ] {
        assert_eq!(told(error), (status, code.to_owned()));
    }
    let poor = AcceptError::InsufficientBalance { available: MicroUsd::constant(1) };
    let response = refuse(poor, &job).into_response("id");
    let body = str::from_utf8(response.body()).unwrap();
    assert!(body.contains(r#""required":0.324,"available":0.000001"#), "{body}");
}

/// What the one pocket of an account is read as, with so many slots free of six.
fn balance(free: u32) -> String {
    let open = 6_u32.saturating_sub(free);
    let (running, waiting) = (open.min(2), open.saturating_sub(2));
    let numbers = [
        ("v", 1),
        ("available_micros", 700_000),
        ("held_micros", 300_000),
        ("charged_micros", 0),
        ("credited_micros", 1_000_000),
        ("open_jobs", open),
        ("free_slots", free),
        ("queue_cap", 6),
        ("free_turns", 2_u32.saturating_sub(running)),
        ("waiting_jobs", waiting),
        ("running_cap", 2),
        ("balance_version", 1),
    ];
    let mut row: Value = numbers
        .into_iter()
        .map(|(name, number)| (name.to_owned(), json!({ "N": number.to_string() })))
        .collect::<serde_json::Map<_, _>>()
        .into();
    row["pk"] = json!({ "S": "demo" });
    row["sk"] = json!({ "S": "balance" });
    json!({ "Count": 1, "ScannedCount": 1, "Items": [row] }).to_string()
}

/// The room is read with the first order, and again when a second has passed or when it would be none.
#[tokio::test]
async fn who_orders_again_within_a_second_is_told_of_the_room_without_a_read() {
    let (free, reads) = (Arc::new(AtomicU32::new(3)), Arc::new(AtomicU32::new(0)));
    let (told, counted) = (Arc::clone(&free), Arc::clone(&reads));
    let http = infallible_client_fn(move |request| {
        let target = request.headers()["x-amz-target"].to_str().unwrap();
        let body = match target.rsplit('.').next().unwrap() {
            "TransactWriteItems" => "{}".to_owned(),
            "SendMessage" => r#"{"MessageId":"1"}"#.to_owned(),
            "Query" => {
                counted.fetch_add(1, Ordering::SeqCst);
                balance(told.load(Ordering::SeqCst))
            }
            other => panic!("{other}"),
        };
        Response::builder().header("content-type", "application/x-amz-json-1.0").body(body).unwrap()
    });
    let now = Arc::new(AtomicU64::new(NOW.millis()));
    let clock = Arc::clone(&now);
    let clock = Clock::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst)));
    let http: SharedHttpClient = http.into_shared();
    let app = app_on(Host { http: Some(http), ..Host::system() }.with_clock(clock));
    let demo = json!({ "user_id": "demo", "key_id": "0123456789ab", "scopes": ALL });
    let order = json!({ "model": "recraft-v3", "prompt": "a cat" }).to_string();
    for (forward, in_the_table, left, read) in [
        (0, 3, 3, 1),
        (999, 5, 2, 1),
        // What ended meanwhile is seen a second after it was read last.
        (1, 5, 5, 2),
        (0, 1, 4, 2),
        (0, 1, 3, 2),
        (0, 1, 2, 2),
        (0, 1, 1, 2),
        // That it is full is for the table to say.
        (0, 0, 0, 3),
        (0, 4, 4, 4),
    ] {
        now.fetch_add(forward, Ordering::SeqCst);
        free.store(in_the_table, Ordering::SeqCst);
        let response = answer(&app, &order, &demo).await;
        assert_eq!(response.status(), 202);
        assert_eq!(response.headers()["ratelimit"], format!(r#""unfinished-jobs";r={left}"#));
        assert_eq!(reads.load(Ordering::SeqCst), read);
    }
}
