//! Answers for which no table is asked. None is there: whatever asked one would be told to come back later.

use domain::time::Timestamp;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);
const ENDPOINT: &str = "/v1/webhooks/endpoints/ep_0123456789abcdef01234567";
const DELIVERY: &str =
    "/v1/webhooks/deliveries/019dc414-f17b-7101-8101-010101010101.succeeded.order";

fn variables() -> Vec<(String, String)> {
    [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        // The discard port, where nobody listens.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("WEBHOOKS_TABLE", "webhooks"),
        ("EVENTS_QUEUE_URL", "http://127.0.0.1:9/000000000000/events"),
        ("FAIR_QUEUE", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn app() -> App {
    App::new(&variables().into_iter().collect(), Host::system().with_clock(Clock::new(|| NOW)))
        .unwrap()
}

/// The status and the code of the answer to a request of a user whose key has these scopes; nobody's, if none is said.
async fn send(
    app: &App,
    method: &str,
    target: &str,
    body: &str,
    scopes: Option<&str>,
) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let lambda = scopes
        .map(|scopes| json!({ "user_id": "demo", "key_id": "0123456789ab", "scopes": scopes }));
    let event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "api.example.com", "content-type": "application/json" },
        "requestContext": {
            "authorizer": { "lambda": lambda },
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
        },
        "body": body,
        "isBase64Encoded": false,
    });
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let response = respond(app, request).await;
    assert_eq!(response.headers()["x-request-id"], "JKJaXmPLvHcESHA=");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
    (response.status().as_u16(), code)
}

/// Asks with a key that opens webhooks.
async fn ask(method: &str, target: &str, body: &str) -> (u16, String) {
    send(&app(), method, target, body, Some("webhooks:write")).await
}

fn told(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// Every route.
fn routes() -> Vec<(&'static str, String)> {
    vec![
        ("POST", "/v1/webhooks/secret".to_owned()),
        ("GET", "/v1/webhooks/endpoints".to_owned()),
        ("POST", "/v1/webhooks/endpoints".to_owned()),
        ("GET", ENDPOINT.to_owned()),
        ("DELETE", ENDPOINT.to_owned()),
        ("POST", format!("{ENDPOINT}/rotate")),
        ("POST", format!("{ENDPOINT}/enable")),
        ("GET", "/v1/webhooks/deliveries".to_owned()),
        ("GET", DELIVERY.to_owned()),
        ("POST", format!("{DELIVERY}/redeliver")),
    ]
}

#[tokio::test]
async fn who_asks_comes_before_what_is_asked() {
    for (method, path) in routes() {
        let nobody = send(&app(), method, &format!("{path}?x=1"), "nonsense", None).await;
        assert_eq!(nobody, told(401, "invalid_api_key"), "{method} {path}");
        let others = Some("jobs:write jobs:read account:read");
        let unopened = send(&app(), method, &format!("{path}?x=1"), "nonsense", others).await;
        assert_eq!(unopened, told(403, "insufficient_scope"), "{method} {path}");
    }
}

#[tokio::test]
async fn nothing_that_is_not_known_is_taken() {
    for (method, path) in routes() {
        let query = ask(method, &format!("{path}?user_id=anna"), "").await;
        assert_eq!(query, told(400, "unknown_parameter"), "{method} {path}");
        if method != "GET" && path != "/v1/webhooks/endpoints" {
            let body = ask(method, &path, r#"{"secret":"mine"}"#).await;
            assert_eq!(body, told(400, "unknown_parameter"), "{method} {path}");
        }
    }
    for (target, code) in [
        ("?limit=0", "invalid_parameter"),
        ("?limit=101", "invalid_parameter"),
        ("?cursor=bm9uc2Vuc2U", "invalid_parameter"),
        ("?limit=1&limit=2", "duplicate_parameter"),
    ] {
        let refused = ask("GET", &format!("/v1/webhooks/deliveries{target}"), "").await;
        assert_eq!(refused, told(400, code), "{target}");
    }
}

#[tokio::test]
async fn what_is_no_id_of_ours_asks_no_table() {
    for odd in ["nonsense", "ep_", "ep_0123456789ABCDEF01234567", "ep_0123456789abcdef012345678"] {
        let path = format!("/v1/webhooks/endpoints/{odd}");
        for (method, path) in [
            ("GET", path.clone()),
            ("DELETE", path.clone()),
            ("POST", format!("{path}/rotate")),
            ("POST", format!("{path}/enable")),
        ] {
            assert_eq!(ask(method, &path, "").await, told(404, "endpoint_not_found"), "{path}");
        }
    }
    for odd in [
        "nonsense",
        "019dc414-f17b-7101-8101-010101010101",
        "019dc414-f17b-7101-8101-010101010101.pending.order",
        "019DC414-F17B-7101-8101-010101010101.succeeded.order",
        "019dc414-f17b-7101-8101-010101010101.succeeded.order.",
    ] {
        let path = format!("/v1/webhooks/deliveries/{odd}");
        assert_eq!(ask("GET", &path, "").await, told(404, "delivery_not_found"), "{odd}");
        let again = ask("POST", &format!("{path}/redeliver"), "").await;
        assert_eq!(again, told(404, "delivery_not_found"), "{odd}");
    }
    for (method, path) in [("GET", "/v1/webhooks"), ("POST", "/v1/jobs"), ("PUT", ENDPOINT)] {
        assert_eq!(ask(method, path, "").await, told(404, "route_not_found"), "{method} {path}");
    }
}

#[tokio::test]
async fn where_a_stack_on_one_machine_delivers_to_the_cloud_does_not() {
    let body = r#"{"url":"http://127.0.0.1:4000/hooks"}"#;
    let path = "/v1/webhooks/endpoints";
    assert_eq!(ask("POST", path, body).await, told(400, "invalid_webhook_url"));
    let local = app().with_guard(Guard::this_machine());
    let asked = send(&local, "POST", path, body, Some("webhooks:write")).await;
    assert_eq!(asked, told(503, "unavailable"), "the table is asked");
    let elsewhere = r#"{"url":"http://192.168.0.7/hooks"}"#;
    let refused = send(&local, "POST", path, elsewhere, Some("webhooks:write")).await;
    assert_eq!(refused, told(400, "invalid_webhook_url"));
}

#[test]
fn a_function_that_does_not_know_its_table_does_not_start() {
    let variables = variables().into_iter().chain([("WEBHOOKS_TABLE".into(), String::new())]);
    let error = App::new(&variables.collect(), Host::system()).unwrap_err().to_string();
    assert!(error.contains("WEBHOOKS_TABLE"), "{error}");
}
