//! Requests as they come from the gateway, good and bad.

use std::collections::BTreeMap;

use lambda_http::Body;
use serde_json::json;

use super::*;
use crate::event;

mod bytes;
mod fields;
mod keys;

/// The smallest order there is, with some more fields.
fn with(fields: &str) -> String {
    format!(r#"{{"model":"recraft-v3","prompt":"a cat"{fields}}}"#)
}

fn ordered(body: &str) -> Result<(Draft, Option<IdempotencyKey>), Refusal> {
    order(&event::request(&event::post(body)))
}

/// The code of a refusal and what it is about, as the caller sees them.
fn told(refusal: Refusal) -> (String, Option<String>) {
    let response = refusal.into_response("id");
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
    (text("code").unwrap(), text("param"))
}

fn refused(body: &str) -> (String, Option<String>) {
    told(ordered(body).map(|(draft, _)| draft).unwrap_err())
}

fn about(code: &str, param: &str) -> (String, Option<String>) {
    (code.to_owned(), Some(param.to_owned()))
}

#[test]
fn the_caller_is_whom_the_authorizer_found() {
    let caller = caller(&event::request(&event::post("{}")), Scope::JobsWrite).unwrap();
    let demo = Caller { user: "demo".parse().unwrap(), key_id: "0123456789ab".to_owned() };
    assert_eq!(caller, demo);
}

#[test]
fn nothing_but_the_authorizer_makes_a_caller() {
    let found = event::caller();
    let without = |name: &str| {
        let mut found = found.clone();
        found.as_object_mut().unwrap().remove(name);
        json!({ "lambda": found })
    };
    for authorizer in [
        json!(null),
        json!({}),
        json!({ "lambda": null }),
        json!({ "lambda": {} }),
        json!({ "lambda": { "refusal": "invalid_api_key" } }),
        without("key_id"),
        without("user_id"),
        json!({ "lambda": { "user_id": "", "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": "No One", "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": 7, "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": null, "key_id": null } }),
        json!({ "jwt": { "claims": found } }),
        found.clone(),
    ] {
        let mut event = event::post(r#"{"user_id":"demo","key_id":"0123456789ab"}"#);
        event["headers"]["user_id"] = json!("demo");
        event["headers"]["key_id"] = json!("0123456789ab");
        event["headers"]["authorization"] = json!("Bearer hf_test_x");
        event["rawQueryString"] = json!("user_id=demo&key_id=0123456789ab");
        event["pathParameters"] = found.clone();
        event["stageVariables"] = found.clone();
        event["requestContext"]["authorizer"] = authorizer.clone();
        let nobody = caller(&event::request(&event), Scope::JobsRead);
        assert!(matches!(nobody, Err(Refusal::InvalidApiKey)), "{authorizer}: {nobody:?}");
    }
}

#[test]
fn a_key_opens_what_its_scopes_say_and_nothing_without_any() {
    for (scopes, opened) in [
        (json!("jobs:read account:read"), vec![Scope::JobsRead, Scope::AccountRead]),
        (json!("webhooks:write"), vec![Scope::WebhooksWrite]),
        (json!("jobs:*"), vec![]),
        (json!(""), vec![]),
        (json!(null), vec![]),
        (json!(["jobs:read"]), vec![]),
        (json!({ "jobs:read": true }), vec![]),
    ] {
        let mut event = event::post("{}");
        event["requestContext"]["authorizer"]["lambda"]["scopes"] = scopes.clone();
        let request = event::request(&event);
        for scope in Scope::ALL {
            match caller(&request, scope) {
                Ok(_) => assert!(opened.contains(&scope), "{scopes} opens {scope}"),
                Err(Refusal::InsufficientScope(lacking)) => {
                    assert_eq!(lacking, scope);
                    assert!(!opened.contains(&scope), "{scopes} does not open {scope}");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_request_that_did_not_come_through_the_gateway_has_neither_caller_nor_id() {
    let bare = Request::new(Body::Empty);
    assert!(matches!(caller(&bare, Scope::JobsRead), Err(Refusal::InvalidApiKey)));
    assert_eq!(id(&bare), "");
}

#[test]
fn the_gateway_names_the_request() {
    let mut event = event::post("{}");
    assert_eq!(id(&event::request(&event)), "JKJaXmPLvHcESHA=");
    event["requestContext"]["requestId"] = json!(null);
    assert_eq!(id(&event::request(&event)), "");
}

#[test]
fn only_known_query_parameters_are_taken_each_once() {
    let asked = |raw: &str| {
        let mut event = event::post(&with(""));
        event["rawQueryString"] = json!(raw);
        event::request(&event)
    };
    let known = &["limit", "cursor"];
    assert_eq!(query(&asked(""), known).unwrap(), BTreeMap::new());
    let found = query(&asked("limit=5&cursor=a%20b%26c"), known).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found, BTreeMap::from([pair("limit", "5"), pair("cursor", "a b&c")]));
    for (raw, code, param) in [
        ("page=2", "unknown_parameter", "page"),
        ("Limit=2", "unknown_parameter", "Limit"),
        ("dry_run", "unknown_parameter", "dry_run"),
        ("a%0d%0ab=1", "unknown_parameter", "ab"),
        ("limit=1&limit=1", "duplicate_parameter", "limit"),
        ("limit=1&lim%69t=2", "duplicate_parameter", "limit"),
    ] {
        assert_eq!(told(query(&asked(raw), known).unwrap_err()), about(code, param), "{raw}");
    }
    let order = order(&asked("expand=true")).unwrap_err();
    assert_eq!(told(order), about("unknown_parameter", "expand"));
}

#[test]
fn only_the_one_spelling_of_a_job_is_read() {
    let id = "019dc3a0-4c00-7000-8000-000000000001";
    assert_eq!(job_id(id).unwrap().to_string(), id);
    for bad in ["", "x", "%2e", &id.to_uppercase(), &id.replace('-', ""), &format!("{id} ")] {
        assert!(matches!(job_id(bad), Err(Refusal::JobNotFound)), "{bad}");
    }
}

#[test]
fn a_dry_run_is_asked_for_in_so_many_words() {
    let asked = |query: &str| {
        let mut event = event::post("{}");
        event["rawQueryString"] = json!(query);
        is_dry_run(&event::request(&event))
    };
    for (query, expected) in [("", false), ("dry_run=false", false), ("dry_run=true", true)] {
        assert_eq!(asked(query).unwrap(), expected, "{query}");
    }
    for query in ["dry_run", "dry_run=", "dry_run=1", "dry_run=True", "dry_run=yes"] {
        let refusal = asked(query).unwrap_err();
        assert_eq!(told(refusal), about("invalid_parameter", "dry_run"), "{query}");
    }
    let twice = asked("dry_run=true&dry_run=true").unwrap_err();
    assert_eq!(told(twice), about("duplicate_parameter", "dry_run"));
}
