//! Requests for tests, made from what API Gateway's HTTP API sends to a function.

use domain::scope::Scopes;
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};

/// An event in payload format 2.0: the user `demo`, whom the authorizer found, posts a body.
pub(crate) fn post(body: &str) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /v1/images/generations",
        "rawPath": "/v1/images/generations",
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "api.example.com" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "authorizer": { "lambda": caller() },
            "domainName": "api.example.com",
            "domainPrefix": "api",
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
            "time": "25/Apr/2026:10:00:00 +0000",
            "timeEpoch": 1_777_111_200_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// What the authorizer found: the user `demo`, with a key that opens everything.
pub(crate) fn caller() -> Value {
    json!({ "user_id": "demo", "key_id": "0123456789ab", "scopes": Scopes::all().to_string() })
}

/// The request that the runtime makes of an event.
pub(crate) fn request(event: &Value) -> Request {
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

/// The text of an answer's body.
pub(crate) fn text(response: &Response<Body>) -> &str {
    str::from_utf8(response.body()).unwrap()
}

/// A header of an answer, or nothing.
pub(crate) fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// A body with the members of its objects in the order of their names: whether `serde_json` keeps
/// the order in which they were written depends on who else is built with it.
pub(crate) fn sorted(body: &impl serde::Serialize) -> Value {
    let mut body = serde_json::to_value(body).unwrap();
    body.sort_all_objects();
    body
}
