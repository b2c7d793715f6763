//! What an upstream is given of a picture that is to be changed.

use domain::{catalogue::ModelId, job::Job, upstream::Upstream};
use serde_json::{Value, json};
use testkit::Plan;

use super::*;
use crate::{
    Limits as ProviderLimits, Provider,
    bfl::Bfl,
    fal::Fal,
    http::{self, Hosts, Line},
    testing::{CALL, LIMITS as SHORT, job, order, said},
};

/// A job that changes the picture at a server.
fn edit(upstream: Upstream, server: &Server, n: u64) -> Job {
    let mut order = order(ModelId::FluxKontextPro, n, &json!({}));
    order.image_url = Some(url_of(server));
    job(upstream, order)
}

fn line(played: &testkit::Upstream, hosts: Hosts, key: &str) -> Line {
    let base = Some(Url::parse(played.url()).unwrap());
    let limits = ProviderLimits { answer: Duration::from_secs(5), ..SHORT };
    let header = if hosts.base == Bfl::HOSTS.base { Bfl::HEADER } else { Fal::HEADER };
    let client = http::client(&limits).unwrap();
    Line::new(client, hosts, base, (header, key.parse().unwrap()), limits).unwrap()
}

/// The upstream, played, with sources that reach the server.
fn upstreams(server: &Server) -> Vec<(Upstream, testkit::Upstream, Box<dyn Provider>)> {
    let plan = Plan::default();
    let (bfl, fal) = (testkit::Upstream::start(), testkit::Upstream::start());
    testkit::play::bfl(&bfl, plan.clone());
    testkit::play::fal(&fal, plan.clone());
    let sources = || sources_of(server, LIMITS);
    let at_bfl = Bfl::new(line(&bfl, Bfl::HOSTS, &plan.key), sources());
    let at_fal = Fal::new(line(&fal, Fal::HOSTS, &format!("Key {}", plan.key)), sources());
    vec![(Upstream::Bfl, bfl, Box::new(at_bfl)), (Upstream::Fal, fal, Box::new(at_fal))]
}

#[tokio::test]
async fn an_upstream_is_given_the_bytes_and_never_the_url() {
    let bytes = png(4, 3);
    let server = Server::start([ok(&bytes), ok(&bytes)]).await;
    for (upstream, played, provider) in upstreams(&server) {
        let job = edit(upstream, &server, 2);
        assert_eq!(said(&provider.submit(&job, CALL).await), "taken");
        let sent = played.seen("POST", "*");
        assert!(!sent.is_empty());
        for request in sent {
            let body: Value = request.json();
            let given =
                body.get("input_image").or(body.get("image_url")).unwrap().as_str().unwrap();
            let data = given.strip_prefix("data:image/png;base64,").unwrap_or(given);
            assert_eq!(BASE64.decode(data).unwrap(), bytes);
            assert!(!body.to_string().contains(NAME));
        }
        assert_eq!(played.violations(), [""; 0]);
    }
    // One fetch for each order, however many requests it is.
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn without_its_source_an_order_is_not_sent() {
    for (say, expected) in [
        (answer("404 Not Found", "content-length: 0\r\n", b""), "image_url_unreachable"),
        (ok(b"<html></html>"), "image_url_not_a_picture"),
    ] {
        let server = Server::start(vec![say.clone(), say]).await;
        for (upstream, played, provider) in upstreams(&server) {
            let job = edit(upstream, &server, 1);
            assert_eq!(said(&provider.submit(&job, CALL).await), expected);
            assert!(played.requests().is_empty());
        }
    }
}

#[tokio::test]
async fn an_order_is_begun_only_with_the_time_that_its_source_may_take() {
    let server = Server::start([]).await;
    for (upstream, _, provider) in upstreams(&server) {
        let edit = provider.patience(&edit(upstream, &server, 1));
        let plain = provider.patience(&job(upstream, order(ModelId::Flux11Ultra, 1, &json!({}))));
        assert_eq!(edit, plain + LIMITS.total);
    }
}
