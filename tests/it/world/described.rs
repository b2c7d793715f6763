//! `docs/openapi.json`, held against what is really answered.

use std::{collections::BTreeMap, sync::LazyLock};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// The description, as the repository has it.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap());

/// What checks the body of each answer: by route and status.
static CHECKS: LazyLock<BTreeMap<String, jsonschema::Validator>> = LazyLock::new(checks);

/// Headers that only mean something on some answers: where one is, it is described.
const TOLD: [&str; 8] = [
    "location",
    "idempotent-replayed",
    "retry-after",
    "allow",
    "cache-control",
    "preference-applied",
    "ratelimit",
    "ratelimit-policy",
];

fn checks() -> BTreeMap<String, jsonschema::Validator> {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    // Answers may gain fields; while a test watches, they gain none that is not described.
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = json!(false);
        }
    }
    let open = json!({ "type": "object" });
    schemas["OpenApi"] = open;
    let mut checks = BTreeMap::new();
    for (name, answer) in answers() {
        if answer.get("content").is_none() {
            continue;
        }
        let mut schema = answer["content"]["application/json"]["schema"].clone();
        schema["components"] = json!({ "schemas": schemas });
        let options = jsonschema::options().should_validate_formats(true);
        checks.insert(name, options.build(&schema).unwrap());
    }
    checks
}

/// All answers that are described, by route and status.
fn answers() -> BTreeMap<String, &'static Value> {
    let mut answers = BTreeMap::new();
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                answers.insert(format!("{} {path} {status}", method.to_uppercase()), answer);
            }
        }
    }
    let outside = &DOCUMENT["components"]["responses"];
    answers.insert("404".to_owned(), &outside["NoSuchRoute"]);
    answers.insert("405".to_owned(), &outside["NoSuchMethod"]);
    answers
}

/// The operation that a request is one of.
fn operation(method: &str, path: &str) -> Option<String> {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |route: &str| {
        let route: Vec<&str> = route.split('/').collect();
        let fits = |(route, segment): (&&str, &&str)| {
            if route.starts_with('{') { !segment.is_empty() } else { route == segment }
        };
        route.len() == segments.len() && route.iter().zip(&segments).all(fits)
    };
    let (route, operations) =
        DOCUMENT["paths"].as_object().unwrap().iter().find(|(route, _)| fits(route))?;
    operations.get(method.to_lowercase())?;
    Some(format!("{method} {route}"))
}

/// The answer to a request is one that is described.
#[track_caller]
pub(crate) fn check(method: &str, path: &str, status: u16, headers: &HeaderMap, text: &str) {
    let name = match operation(method, path) {
        Some(operation) => format!("{operation} {status}"),
        None => status.to_string(),
    };
    assert!(answers().contains_key(&name), "{method} {path}: {name} is not described: {text}");
    let Some(check) = CHECKS.get(&name) else {
        assert_eq!(text, "", "{name} has no body");
        return;
    };
    if method != "HEAD" {
        let body: Value = serde_json::from_str(text).unwrap();
        if let Err(error) = check.validate(&body) {
            panic!("{name}: {error} at {}: {text}", error.instance_path());
        }
    }
    let described = &answers()[&name]["headers"];
    for header in TOLD {
        let is_described = described.as_object().is_some_and(|described| {
            described.keys().any(|name| name.eq_ignore_ascii_case(header))
        });
        // Whoever refuses forbids to keep the refusal; that goes without saying.
        let known = is_described || (header == "cache-control" && status >= 400);
        assert!(known || !headers.contains_key(header), "{name} has {header}");
    }
}
