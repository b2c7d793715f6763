//! The routes of the template, all of them: which are open, and which want a key.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer, described::DOCUMENT};

/// The routes that need no key, as README.md promises.
const OPEN: [&str; 5] = ["/", "/v1/limits/tiers", "/v1/models", "/v1/openapi.json", "/v1/pricing"];

#[tokio::test]
async fn every_route_with_an_authorizer_wants_a_good_key() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let template = world.stack().template();
    let (mut open, mut closed) = (BTreeSet::new(), 0);
    for route in template.functions.values().flat_map(|function| &function.routes) {
        let Some(key) = &route.key else { continue };
        let path = key.path.replace("{id}", "00000000-0000-7000-8000-000000000000");
        assert!(!path.contains('{'), "{path} has a variable that is not filled in");
        let request = || world.api().request(key.method.parse().unwrap(), &path);
        let bare = answer(request()).await;
        if template.authorizer_of(route).is_none() {
            assert_eq!(key.method, "GET");
            open.insert(path);
            bare.expect(200);
            continue;
        }
        closed += 1;
        assert_eq!(bare.expect(401).json(), json!({ "message": "Unauthorized" }), "{path}");
        let wrong = answer(request().bearer_auth("hf_test_0123456789ab_wrong")).await;
        wrong.refused(401, "invalid_api_key");
        let good = answer(request().bearer_auth(anna.key.reveal())).await;
        assert!(![401, 403].contains(&good.status) && good.status < 500, "{path}: {}", good.text);
    }
    assert_eq!(open, OPEN.map(str::to_owned).into());
    assert_eq!(closed, 17);
    world.finish().await;
}

#[tokio::test]
async fn what_is_sold_is_told_to_everyone_and_may_be_kept_for_a_minute() {
    let world = World::start().await;
    world.user("anna", "1").await;
    for path in OPEN {
        let answer = world.api().get(path).await.expect(200);
        assert_eq!(answer.header("cache-control"), "public, max-age=60");
    }
    let models = world.api().get("/v1/models").await;
    for model in ["flux-1.1-ultra", "flux-kontext-pro", "ideogram-v3", "recraft-v3"] {
        assert!(models.text.contains(&format!(r#""id":"{model}""#)), "{model}");
    }
    let pricing = world.api().get("/v1/pricing").await;
    for price in ["0.081", "0.054", "0.108"] {
        assert!(pricing.text.contains(&format!(r#""usd_per_call":{price}}}"#)), "{}", pricing.text);
        assert!(models.text.contains(&format!(r#""per_image_usd":{price},"#)), "{}", models.text);
    }
    // A listed endpoint exists.
    let index = world.api().get("/").await.json();
    for endpoint in index["endpoints"].as_array().unwrap() {
        let (method, path) = endpoint.as_str().unwrap().split_once(' ').unwrap();
        let request = world.api().request(method.parse().unwrap(), &path.replace("{id}", "x"));
        assert!([200, 401].contains(&answer(request).await.status), "{endpoint}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_is_no_route_is_told_so_whoever_asks() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    for (method, path) in [
        (Method::GET, "/v2/models"),
        (Method::GET, "/v1"),
        (Method::GET, "/v1/images"),
        (Method::POST, "/v1/models/"),
        (Method::DELETE, "/nowhere"),
    ] {
        for request in [world.api().request(method.clone(), path), anna.request(method, path)] {
            answer(request).await.refused(404, "route_not_found");
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn a_method_that_a_route_does_not_take_is_told_those_it_takes() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    for (method, path, allowed) in [
        (Method::GET, "/v1/images/generations", "POST"),
        (Method::PUT, "/v1/images/generations", "POST"),
        (Method::POST, "/v1/jobs", "GET"),
        (Method::DELETE, "/v1/jobs/00000000-0000-7000-8000-000000000000", "GET"),
        (Method::GET, "/v1/jobs/x/cancel", "POST"),
        (Method::POST, "/v1/models", "GET"),
        (Method::HEAD, "/v1/models", "GET"),
        (Method::PATCH, "/v1/credits/balance", "GET"),
        (Method::OPTIONS, "/v1/credits/balance", "GET"),
        (Method::PUT, "/v1/webhooks/endpoints", "GET, POST"),
        (Method::POST, "/v1/webhooks/endpoints/x", "GET, DELETE"),
        (Method::GET, "/v1/webhooks/endpoints/x/rotate", "POST"),
        (Method::GET, "/v1/webhooks/secret", "POST"),
        (Method::DELETE, "/v1/webhooks/deliveries/x", "GET"),
        (Method::POST, "/", "GET"),
        (Method::TRACE, "/", "GET"),
        (Method::from_bytes(b"QUERY").unwrap(), "/v1/pricing", "GET"),
    ] {
        for request in
            [world.api().request(method.clone(), path), anna.request(method.clone(), path)]
        {
            let told = answer(request).await.expect(405);
            assert_eq!(told.header("allow"), allowed, "{method} {path}");
            if method != Method::HEAD {
                told.refused(405, "method_not_allowed");
            }
        }
    }
    world.finish().await;
}

#[tokio::test]
async fn every_route_of_the_template_is_described_and_no_other() {
    let world = World::start().await;
    world.user("anna", "1").await;
    let template = world.stack().template();
    let mut deployed = BTreeSet::new();
    for route in template.functions.values().flat_map(|function| &function.routes) {
        let Some(key) = &route.key else { continue };
        let operation = &DOCUMENT["paths"][&key.path][key.method.to_lowercase()];
        assert!(operation.is_object(), "{} {} is not described", key.method, key.path);
        let closed = operation["security"].as_array().is_some_and(|security| !security.is_empty());
        assert_eq!(closed, template.authorizer_of(route).is_some(), "{}", key.path);
        deployed.insert((key.path.clone(), key.method.to_lowercase()));
    }
    let mut described = BTreeSet::new();
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        described.extend(
            operations.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())),
        );
    }
    assert_eq!(described, deployed);
    let served = world.api().get("/v1/openapi.json").await.expect(200);
    assert_eq!(served.json(), *DOCUMENT);
    world.finish().await;
}
