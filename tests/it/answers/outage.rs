//! What is answered while the tables are out of reach: by the functions themselves, because the stack's own tables are
//! always there.

use domain::scope::Scopes;
use lambda_http::{Body, Request, Response};
use runtime::{Environment, Host};
use serde_json::{Value, json};

use super::{Album, plain};
use crate::world::{Answer, Caller, World, described};

/// The variables of a function whose tables are at the discard port, where nobody listens.
fn cut_off(world: &World, function: &str) -> Environment {
    let environment = world.stack().environment(function).unwrap().clone();
    environment.with("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9")
}

/// A request as the gateway hands it on, which knows already who asks.
pub(crate) fn request(caller: &Caller, method: &str, path: &str, body: Option<&Value>) -> Request {
    let (key_id, scopes) = (caller.key.id().to_string(), Scopes::all().to_string());
    let event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "api.example.com" },
        "requestContext": {
            "authorizer": {
                "lambda": { "user_id": caller.user.as_str(), "key_id": key_id, "scopes": scopes },
            },
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1" },
            "requestId": "00000000-0000-4000-8000-000000000000",
            "stage": "$default",
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string()).unwrap()
}

/// The answer, which is one that the description of the API has.
pub(crate) fn read(method: &str, path: &str, response: Response<Body>) -> Answer {
    let (head, body) = response.into_parts();
    let (status, text) = (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap());
    described::check(method, path, status, &head.headers, &text);
    Answer { status, headers: head.headers, text }
}

pub(super) async fn outage(world: &World, album: &mut Album, anna: &Caller) {
    let lookup = lookup::App::new(&cut_off(world, "LookupFunction"), Host::system()).unwrap();
    let (method, path) = ("GET", "/v1/credits/balance");
    let told = lookup::respond(&lookup, request(anna, method, path, None)).await;
    let told = read(method, path, told).refused(503, "unavailable");
    album.keep("GET /v1/credits/balance unavailable", told);

    let submit = submit::App::new(&cut_off(world, "SubmitFunction"), Host::system()).unwrap();
    let (method, path) = ("POST", "/v1/images/generations");
    let told = submit::respond(&submit, request(anna, method, path, Some(&plain()))).await;
    let told = read(method, path, told).refused(503, "unavailable");
    album.keep("POST /v1/images/generations unavailable", told);
}
