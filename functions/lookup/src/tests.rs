//! Answers for which no table is asked. None is there: whatever asked one would be told to come
//! back later.

use domain::time::Timestamp;
use serde_json::{Value, json};

use super::*;

/// Every scope there is.
const ALL: &str = "jobs:write jobs:read account:read webhooks:write";
const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);
const JOB: &str = "019dc414-f17b-7101-8101-010101010101";

fn variables() -> Vec<(String, String)> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // The discard port, where nobody listens.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("JOBS_TABLE", "jobs"),
        ("LEDGER_TABLE", "ledger"),
        ("IMAGES_BUCKET", "images"),
        ("MARKUP", "1.35"),
        ("OUTPUT_URL_SECONDS", "3600"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn app() -> App {
    App::new(&variables().into_iter().collect(), Host::system().with_clock(Clock::new(|| NOW)))
        .unwrap()
}

/// What the gateway sends for a request; `caller` is what the authorizer found.
fn event(method: &str, target: &str, caller: &Value) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "api.example.com" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "authorizer": caller,
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "25/Apr/2026:10:00:00 +0000",
            "timeEpoch": 1_777_111_200_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// An answer, as far as callers look at it.
struct Answer {
    status: u16,
    cached: String,
    request_id: String,
    body: Value,
}

impl Answer {
    /// The status and the code of a refusal.
    fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }

    /// The parameter that a refusal is about.
    fn param(&self) -> &str {
        self.body["error"]["param"].as_str().unwrap_or_default()
    }
}

async fn send(method: &str, target: &str, caller: Value) -> Answer {
    let event = event(method, target, &caller).to_string();
    let request = lambda_http::request::from_str(&event).unwrap();
    let response = respond(&app(), request).await;
    let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
    Answer {
        status: response.status().as_u16(),
        cached: header("cache-control").unwrap_or_default().to_owned(),
        request_id: header("x-request-id").unwrap_or_default().to_owned(),
        body: serde_json::from_slice(response.body()).unwrap(),
    }
}

/// Asks as nobody.
async fn get(target: &str) -> Answer {
    send("GET", target, json!(null)).await
}

/// Asks as the user `demo`.
async fn get_as_demo(target: &str) -> Answer {
    let demo = json!({ "lambda": { "user_id": "demo", "key_id": "0123456789ab", "scopes": ALL } });
    send("GET", target, demo).await
}

#[tokio::test]
async fn what_is_the_same_for_everyone_needs_no_key_and_may_be_kept() {
    for (target, object) in [
        ("/", "service"),
        ("/v1/models", "list"),
        ("/v1/pricing", "pricing.catalog"),
        ("/v1/limits/tiers", "tier.matrix"),
    ] {
        for answer in [get(target).await, get_as_demo(target).await] {
            assert_eq!(answer.status, 200, "{target}");
            assert_eq!(answer.body["object"], object, "{target}");
            assert_eq!(answer.cached, "public, max-age=60", "{target}");
            assert_eq!(answer.request_id, "JKJaXmPLvHcESHA=", "{target}");
        }
    }
}

#[tokio::test]
async fn prices_follow_the_markup() {
    let mut variables = variables();
    variables.push(("MARKUP".to_owned(), "2".to_owned()));
    let app =
        App::new(&variables.into_iter().collect(), Host::system().with_clock(Clock::new(|| NOW)))
            .unwrap();
    let event = event("GET", "/v1/pricing", &json!(null)).to_string();
    let response = respond(&app, lambda_http::request::from_str(&event).unwrap()).await;
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["media"][0]["usd_per_call"].to_string(), "0.12");
}

#[tokio::test]
async fn whatever_is_no_route_of_ours_is_not_found() {
    let job = format!("/v1/jobs/{JOB}");
    for (method, target) in [
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "//"),
        ("GET", "/v1/models/"),
        ("GET", "/v1//models"),
        ("GET", "/V1/models"),
        ("GET", "/v1/models/recraft-v3"),
        ("GET", "/v1/jobs/"),
        ("GET", &format!("{job}/")),
        ("GET", "/v1/credits"),
        ("GET", "/v1/credits/balance/"),
        ("GET", "/favicon.ico"),
        ("PATCH", "/nowhere"),
    ] {
        let demo =
            json!({ "lambda": { "user_id": "demo", "key_id": "0123456789ab", "scopes": ALL } });
        for caller in [json!(null), demo] {
            let answer = send(method, target, caller).await;
            assert_eq!(answer.refusal(), (404, "route_not_found"), "{method} {target}");
            assert_eq!(answer.cached, "no-store", "{method} {target}");
            assert_eq!(answer.request_id, "JKJaXmPLvHcESHA=", "{method} {target}");
        }
    }
}

#[tokio::test]
async fn a_route_that_takes_another_method_says_so() {
    let job = format!("/v1/jobs/{JOB}");
    for (method, target) in [
        ("POST", "/v1/jobs"),
        ("GET", &format!("{job}/cancel")),
        ("GET", "/v1/images/generations"),
        ("POST", "/v1/models"),
        ("DELETE", &job),
        ("PUT", "/v1/credits/balance"),
        ("HEAD", "/v1/openapi.json"),
        ("OPTIONS", "/v1/images/generations"),
    ] {
        let answer = send(method, target, json!(null)).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed"), "{method} {target}");
        assert_eq!(answer.cached, "no-store", "{method} {target}");
    }
}

#[tokio::test]
async fn without_a_caller_nothing_of_anyones_is_shown() {
    let job = format!("/v1/jobs/{JOB}");
    let refusal = json!({ "lambda": { "refusal": "invalid_api_key" } });
    for target in [
        job.as_str(),
        "/v1/jobs/x",
        "/v1/jobs",
        "/v1/jobs?status=pending",
        "/v1/auth/limits",
        "/v1/credits/balance",
        "/v1/credits/transactions",
        "/v1/credits/balance?user_id=demo",
        "/v1/credits/transactions?limit=0",
    ] {
        for caller in [json!(null), json!({}), refusal.clone()] {
            let answer = send("GET", target, caller).await;
            assert_eq!(answer.refusal(), (401, "invalid_api_key"), "{target}");
            assert_eq!(answer.body["error"]["type"], "authentication_error", "{target}");
            assert_eq!(answer.body["error"]["request_id"], "JKJaXmPLvHcESHA=", "{target}");
            assert_eq!(answer.cached, "no-store", "{target}");
            assert_eq!(answer.request_id, "JKJaXmPLvHcESHA=", "{target}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_a_job_is_not_asked_for() {
    let upper = JOB.to_uppercase();
    let plain = JOB.replace('-', "");
    let fourth = JOB.replacen("-7", "-4", 1);
    for id in ["x", "null", "a b", "é", upper.as_str(), &plain, &fourth, &"7".repeat(5_000)] {
        let answer = get_as_demo(&format!("/v1/jobs/{id}")).await;
        assert_eq!(answer.refusal(), (404, "job_not_found"), "{id}");
        assert_eq!(answer.cached, "no-store", "{id}");
    }
}

#[tokio::test]
async fn a_query_parameter_that_is_not_known_is_refused() {
    for target in ["/", "/v1/models", "/v1/pricing", "/v1/limits/tiers"] {
        let answer = get(&format!("{target}?v=2")).await;
        assert_eq!((answer.refusal(), answer.param()), ((400, "unknown_parameter"), "v"));
        assert_eq!(answer.cached, "no-store");
    }
    let job = format!("/v1/jobs/{JOB}");
    for (target, param) in [
        (job.as_str(), "expand"),
        ("/v1/credits/balance", "limit"),
        ("/v1/credits/transactions", "page"),
        ("/v1/credits/transactions", "status"),
        ("/v1/jobs", "page"),
        ("/v1/auth/limits", "limit"),
    ] {
        let answer = get_as_demo(&format!("{target}?{param}=2")).await;
        assert_eq!((answer.refusal(), answer.param()), ((400, "unknown_parameter"), param));
    }
    let twice = get_as_demo("/v1/credits/transactions?limit=2&limit=3").await;
    assert_eq!((twice.refusal(), twice.param()), ((400, "duplicate_parameter"), "limit"));
}

/// The lists that are read page by page.
const LISTS: [&str; 2] = ["/v1/credits/transactions", "/v1/jobs"];

#[tokio::test]
async fn a_page_has_1_to_100_rows() {
    for list in LISTS {
        for limit in
            ["", "0", "101", "256", "-1", "1.0", "1e1", "ten", "5%20", "99999999999999999999"]
        {
            let answer = get_as_demo(&format!("{list}?limit={limit}")).await;
            assert_eq!((answer.refusal(), answer.param()), ((400, "invalid_parameter"), "limit"));
            let message = "limit must be a whole number from 1 to 100";
            assert_eq!(answer.body["error"]["message"], message);
        }
        // A limit that is right is not what is wrong with these.
        for limit in [1, 20, 100] {
            let answer = get_as_demo(&format!("{list}?limit={limit}&cursor=x")).await;
            assert_eq!((answer.refusal(), answer.param()), ((400, "invalid_parameter"), "cursor"));
        }
    }
}

#[tokio::test]
async fn a_cursor_is_one_of_the_users_own() {
    // A place in the list of the user `other`: d9298a10d1b0 entry#x#hold
    let foreign = "ZDkyOThhMTBkMWIwIGVudHJ5I3gjaG9sZA";
    for list in LISTS {
        for cursor in ["", "x", "null", "%00", "entry%23x", foreign, &"A".repeat(5_000)] {
            let answer = get_as_demo(&format!("{list}?cursor={cursor}")).await;
            let refusal = ((400, "invalid_parameter"), "cursor");
            assert_eq!((answer.refusal(), answer.param()), refusal, "{cursor}");
        }
    }
}

#[tokio::test]
async fn a_status_is_one_that_jobs_have() {
    for status in ["", "done", "Pending", "pending,failed", "canceled", "pending%20"] {
        let answer = get_as_demo(&format!("/v1/jobs?status={status}")).await;
        assert_eq!((answer.refusal(), answer.param()), ((400, "invalid_parameter"), "status"));
    }
}

#[test]
fn a_table_that_does_not_answer_is_told_apart_from_a_bug() {
    let told = |error| {
        let response = unavailable(error).into_response("id");
        (response.status().as_u16(), response.headers().contains_key("retry-after"))
    };
    assert_eq!(told(StoreError::Busy), (503, true));
    assert_eq!(told(StoreError::Unknown("lost".into())), (503, true));
    assert_eq!(told(StoreError::Malformed("wrong".into())), (500, false));
    assert_eq!(told(StoreError::Unreadable("odd".into())), (500, false));
}

#[test]
fn a_function_that_is_told_nonsense_does_not_start() {
    for (name, value) in [
        ("MARKUP", "0.5"),
        ("MARKUP", ""),
        ("JOBS_TABLE", ""),
        ("LEDGER_TABLE", ""),
        ("IMAGES_BUCKET", ""),
        ("OUTPUT_URL_SECONDS", "an hour"),
    ] {
        let mut variables = variables();
        variables.push((name.to_owned(), value.to_owned()));
        let started = App::new(
            &variables.into_iter().collect(),
            Host::system().with_clock(Clock::new(|| NOW)),
        );
        let error = started.unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}
