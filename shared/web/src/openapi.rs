//! The description of the API in OpenAPI 3.1, made for tests alone: no function carries it.
//!
//! Bodies are described by the types that are written as them, what is refused by the table of refusals, what
//! an order takes by the catalogue. A group of routes has a file: [`images`], [`jobs`], [`webhooks`], [`credits`],
//! [`catalogue`]. A new route is a line there, and `just openapi` writes
//! `docs/openapi.json` again.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a description reads best where its parts are written in place"
)]

mod catalogue;
mod credits;
mod images;
mod jobs;
mod operation;
pub(crate) mod schema;
mod webhooks;

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::{Map, Value, json};

use self::{operation::Operation, schema::Schemas};
use crate::{ROUTES, refusal::tests::table};

/// Where the description is kept.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

const ABOUT: &str = "Order pictures and get a job at once; its price is held. What was delivered is charged, the \
    rest is given back. The same order under the same idempotency key, however often it is sent, is one job and \
    one charge.\n\n\
    Where money is concerned nothing is ignored in silence: a field or query parameter that is not listed is \
    refused. Money is US dollars as a JSON number with at most six decimals; read it as a decimal. Answers may \
    gain fields.\n\n\
    A path that is no route is answered with 404 `route_not_found`, a method that a route does not take with 405 \
    `method_not_allowed` and the header `Allow`. What never reaches a function is answered by API Gateway, as \
    `{\"message\": \"…\"}`.";

/// All operations.
fn operations() -> Vec<Operation> {
    let groups =
        [images::operations(), jobs::operations(), webhooks::operations(), credits::operations()];
    groups.into_iter().flatten().chain(catalogue::operations()).collect()
}

/// All schemas of bodies.
fn schemas() -> Schemas {
    let mut schemas = Schemas::default();
    images::describe(&mut schemas);
    jobs::describe(&mut schemas);
    webhooks::describe(&mut schemas);
    credits::describe(&mut schemas);
    catalogue::describe(&mut schemas);
    operation::describe(&mut schemas);
    schemas
}

/// The whole description.
static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

fn document() -> Value {
    let mut paths = BTreeMap::<&str, Map<String, Value>>::new();
    for operation in operations() {
        let (method, path) = operation.route();
        let described = operation.write();
        let twice = paths.entry(path).or_default().insert(method.to_lowercase(), described);
        assert!(twice.is_none(), "{method} {path} is described twice");
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "summary": "An image-generation API that never charges twice.",
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        // Relative to where the description is found.
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": images::TAG, "description": "Order pictures." },
            { "name": jobs::TAG, "description": "What became of an order." },
            { "name": webhooks::TAG, "description": "Be told what becomes of your jobs." },
            { "name": credits::TAG, "description": "What an account has, may have, and what happened to it." },
            { "name": catalogue::TAG, "description": "What is sold. No key is needed." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas().write(),
            "responses": operation::outside(),
            "headers": operation::headers(),
            "examples": operation::examples(),
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, as the operator gave it to you. What it may be used for is in its \
                                    scopes; a revoked one may work for a minute more.",
                },
            },
        },
    });
    document.sort_all_objects();
    document
}

/// The description as it is kept.
fn text() -> String {
    serde_json::to_string_pretty(&*DOCUMENT).unwrap() + "\n"
}

/// Checks values against a schema of the description.
fn validator(schema: &Value) -> jsonschema::Validator {
    let mut root = schema.clone();
    root["components"] = json!({ "schemas": DOCUMENT["components"]["schemas"] });
    jsonschema::options().should_validate_formats(true).build(&root).unwrap()
}

#[test]
fn the_description_in_the_repository_is_what_is_generated() {
    let now = text();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of this test, and of nothing that is deployed"
    )]
    let update = std::env::var("UPDATE").is_ok();
    if update {
        std::fs::write(FILE, &now).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(kept == now, "docs/openapi.json is out of date: `just openapi` writes it again");
    let served = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let is_same = served(crate::OPENAPI) == served(&now);
    assert!(update || is_same, "the functions serve another description");
    assert!(!crate::OPENAPI.contains('\n'));
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let mut described: Vec<_> = operations().iter().map(Operation::route).collect();
    let mut routes = ROUTES.to_vec();
    described.sort_unstable();
    routes.sort_unstable();
    assert_eq!(described, routes);
}

#[test]
fn every_refusal_is_described_somewhere() {
    let document = DOCUMENT["paths"].to_string() + &DOCUMENT["components"]["responses"].to_string();
    for row in table() {
        let told = document.contains(&format!("\"{}\"", row.code));
        assert!(told, "no operation can be refused with {}", row.code);
    }
}

/// The examples in a document, each with the schema that it stands beside.
fn examples<'a>(node: &'a Value, found: &mut Vec<(&'a Value, &'a Value)>) {
    if let (Some(schema), Some(examples)) = (node.get("schema"), node.get("examples")) {
        let examples = examples.as_object().unwrap();
        for example in examples.values() {
            let kept = example["$ref"].as_str().map(|at| &at[1..]);
            let example = kept.map_or(example, |at| DOCUMENT.pointer(at).unwrap());
            found.push((schema, &example["value"]));
        }
    }
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| examples(node, found)),
        Value::Object(nodes) => nodes.values().for_each(|node| examples(node, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    let mut found = Vec::new();
    examples(&DOCUMENT["paths"], &mut found);
    assert!(found.len() > 25, "{} examples", found.len());
    for (schema, example) in found {
        if let Err(error) = validator(schema).validate(example) {
            panic!("{error} at {}: {example}", error.instance_path());
        }
    }
}

#[test]
fn every_answer_with_a_body_has_an_example() {
    for operation in operations() {
        let (method, path) = operation.route();
        let described = operation.write();
        for (status, answer) in described["responses"].as_object().unwrap() {
            if answer.get("content").is_none() {
                assert_eq!(status, "204", "{method} {path}");
                continue;
            }
            let examples = answer["content"]["application/json"]["examples"].as_object();
            let some = examples.is_some_and(|examples| !examples.is_empty());
            assert!(some || path == "/v1/openapi.json", "{method} {path} {status}");
        }
    }
}

#[test]
fn no_name_is_given_twice_and_none_is_missing() {
    let text = DOCUMENT.to_string();
    let operations = operations();
    for operation in &operations {
        let id = operation.id();
        assert_eq!(text.matches(&format!("\"operationId\":\"{id}\"")).count(), 1, "{id}");
    }
    for (at, _) in text.match_indices("\"$ref\":\"#") {
        let pointer = text[at..].split('"').nth(3).unwrap().trim_start_matches('#');
        assert!(DOCUMENT.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
}
