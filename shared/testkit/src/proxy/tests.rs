//! What the proxy does to requests, as those see it who send them and those who get them.

use serde_json::{Value, json};

use super::*;
use crate::{Reply, Upstream};

/// A service that takes everything, and a proxy in front of it.
struct Pair {
    behind: Upstream,
    proxy: Proxy,
    http: reqwest::Client,
}

impl Pair {
    fn of(service: Service) -> Pair {
        rustls::crypto::ring::default_provider().install_default().ok();
        let behind = Upstream::start();
        behind.on("POST", "/", Reply::json(200, json!({ "ask": "{base}/next" })));
        let proxy = Proxy::start(&[(service, behind.url())]);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Pair { behind, proxy, http }
    }

    async fn send(&self, service: Service) -> reqwest::Result<(u16, Value)> {
        let body = json!({ "ClientRequestToken": "once", "TransactItems": [{}, {}] });
        let request = self.http.post(self.proxy.url(service)).json(&body);
        let request = request.header("x-amz-target", "DynamoDB_20120810.TransactWriteItems");
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    async fn write(&self) -> reqwest::Result<(u16, Value)> {
        self.send(Service::DynamoDb).await
    }

    /// The tokens of what has arrived.
    fn tokens(&self) -> Vec<Value> {
        self.behind
            .requests()
            .iter()
            .map(|seen| seen.json()["ClientRequestToken"].clone())
            .collect()
    }
}

fn is_write(call: &Call) -> bool {
    call.is(Service::DynamoDb, "TransactWriteItems")
}

#[tokio::test]
async fn what_nothing_was_said_about_passes_and_is_remembered() {
    let pair = Pair::of(Service::DynamoDb);
    let (status, body) = pair.write().await.unwrap();
    assert_eq!((status, &body["ask"]), (200, &json!(format!("{}/next", pair.behind.url()))));
    let passages = pair.proxy.passages(is_write);
    assert_eq!(passages.len(), 1);
    assert_eq!(passages[0].answers, [(200, body)]);
    assert_eq!(passages[0].call.json()["ClientRequestToken"], "once");
    assert!(pair.proxy.passages(|call| call.service == Service::S3).is_empty());
}

#[tokio::test]
async fn a_strike_happens_as_often_as_it_is_to() {
    let pair = Pair::of(Service::DynamoDb);
    let once = pair.proxy.once(is_write, Deed::drop());
    assert!(pair.write().await.is_err());
    once.struck().await;
    assert_eq!((once.count(), pair.tokens().len()), (1, 0));
    pair.write().await.unwrap();
    let always = pair.proxy.always(is_write, Deed::lose());
    for _ in 0..3 {
        assert!(pair.write().await.is_err());
    }
    always.lift();
    pair.write().await.unwrap();
    assert_eq!((once.count(), always.count(), pair.tokens().len()), (1, 3, 5));
    let other = pair.proxy.always(|call| call.service == Service::Sqs, Deed::drop());
    pair.write().await.unwrap();
    assert_eq!(other.count(), 0);
}

#[tokio::test]
async fn what_is_doubled_arrives_twice_with_its_token_or_without() {
    let pair = Pair::of(Service::DynamoDb);
    pair.proxy.once(is_write, Deed::double());
    pair.proxy.once(is_write, Deed::double_as_new());
    pair.write().await.unwrap();
    pair.write().await.unwrap();
    assert_eq!(pair.tokens(), [json!("once"), json!("once"), json!("once"), Value::Null]);
}

#[tokio::test]
async fn what_is_late_arrives_when_its_sender_is_gone() {
    let pair = Pair::of(Service::DynamoDb);
    let gate = Gate::shut();
    let late = pair.proxy.once(is_write, Deed::late(&gate));
    tokio::select! {
        answer = pair.write() => panic!("{answer:?}"),
        () = late.struck() => {}
    }
    assert!(pair.tokens().is_empty());
    gate.open();
    while pair.proxy.passages(is_write)[0].answers.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(pair.tokens().len(), 1);
}

#[tokio::test]
async fn nothing_is_heard_of_what_is_hushed_or_swallowed() {
    let pair = Pair::of(Service::DynamoDb);
    for (deed, arrived) in [(Deed::swallow(), 0), (Deed::hush(), 1)] {
        let strike = pair.proxy.once(is_write, deed);
        tokio::select! {
            answer = pair.write() => panic!("{answer:?}"),
            () = strike.struck() => {}
        }
        assert_eq!(pair.tokens().len(), arrived);
    }
}

#[tokio::test]
async fn a_refusal_is_the_tables_own_and_tells_which_step() {
    let pair = Pair::of(Service::DynamoDb);
    let conflict = Fault::canceled(1, "TransactionConflict");
    pair.proxy.once(is_write, Deed::refuse(conflict));
    let (status, body) = pair.write().await.unwrap();
    let codes: Vec<&Value> = body["CancellationReasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| &reason["Code"])
        .collect();
    assert_eq!((status, codes), (400, vec![&json!("None"), &json!("TransactionConflict")]));
    let faults = [
        (Fault::throttled(), 400, "ThrottlingException"),
        (Fault::invalid(), 400, "ValidationException"),
        (Fault::in_progress(), 400, "TransactionInProgressException"),
        (Fault::mismatch(), 400, "IdempotentParameterMismatchException"),
        (Fault::internal(), 500, "InternalServerError"),
    ];
    for (fault, status, name) in faults {
        pair.proxy.once(is_write, Deed::refuse(fault));
        let (told, body) = pair.write().await.unwrap();
        assert_eq!(told, status);
        assert!(body["__type"].as_str().unwrap().ends_with(&format!("#{name}")), "{body}");
    }
    assert!(pair.tokens().is_empty());
}

#[tokio::test]
async fn an_upstream_is_asked_next_where_it_was_asked_first() {
    let pair = Pair::of(Service::Upstream);
    let (_, body) = pair.send(Service::Upstream).await.unwrap();
    assert_eq!(body["ask"], format!("{}/next", pair.proxy.url(Service::Upstream)));
}
