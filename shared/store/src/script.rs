//! A table for tests that gives the answers it is told to, and remembers what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{
        HttpClient, Region,
        retry::{RetryConfig, RetryPartition},
        timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::test_util::infallible_client_fn;
use domain::{
    hold::Hold,
    ids::JobId,
    job::{Job, State},
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
    upstream::Upstream,
};
use http::Response;
use serde_json::{Value, json};

use crate::{Store, Tables};

/// How often the clients of [`Script::client`] and [`client`] send a call that may have got lost.
pub(crate) const ATTEMPTS: u32 = 3;

/// Something that was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// How many calls there were before.
    pub(crate) place: usize,
    /// The call's name.
    pub(crate) call: String,
    /// What came with it.
    pub(crate) body: Value,
}

impl Asked {
    /// Whether it is the reading of the pockets of a balance.
    pub(crate) fn is_of_pockets(&self) -> bool {
        let condition = self.body["KeyConditionExpression"].as_str();
        self.call == "Query" && condition.is_some_and(|text| text.contains(":balance"))
    }
}

/// A status and a body.
pub(crate) type Answer = (u16, Value);

/// The table.
pub(crate) struct Script {
    answer: Box<dyn Fn(&Asked) -> Answer + Send + Sync>,
    asked: Mutex<Vec<Asked>>,
}

impl Script {
    /// Answers each call as the function says.
    pub(crate) fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), asked: Mutex::default() })
    }

    /// Gives these answers one after the other, and the last one for ever.
    pub(crate) fn of<const N: usize>(answers: [Answer; N]) -> Arc<Self> {
        let answer = move |asked: &Asked| answers.get(asked.place).or(answers.last()).cloned();
        Self::new(move |asked| answer(asked).unwrap())
    }

    /// A client that asks this table.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let script = self.clone();
        client(infallible_client_fn(move |request| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let call = target.rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let mut so_far = script.asked.lock().unwrap();
            let asked = Asked { place: so_far.len(), call, body };
            let (status, body) = (script.answer)(&asked);
            so_far.push(asked);
            Response::builder().status(status).body(body.to_string()).unwrap()
        }))
    }

    /// A store on this table.
    pub(crate) fn store(self: &Arc<Self>) -> Store {
        let tables = Tables {
            jobs: "jobs".into(),
            ledger: "ledger".into(),
            keys: "keys".into(),
            webhooks: "webhooks".into(),
        };
        Store::new(self.client(), tables)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A client on any transport, with the SDK's own retries and a second for each attempt.
pub(crate) fn client(http: impl HttpClient + 'static) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1));
    // The SDK draws its pauses at random, up to seconds; here they must not use up the time that is ours.
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(Duration::from_millis(1))
        .with_max_backoff(Duration::from_millis(10));
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::from_keys("local", "local", None))
        .endpoint_url("http://table.test")
        .http_client(http)
        // Its own, so that no other test uses up what it may spend on trying again.
        .retry_partition(RetryPartition::custom("script").build())
        .retry_config(retries)
        .timeout_config(timeouts.build());
    Client::from_conf(config.build())
}

/// The answer to a call that worked.
pub(crate) fn done() -> Answer {
    (200, json!({}))
}

/// An order for a cat of a user called demo, pending.
pub(crate) fn job(n: u8) -> Job {
    let draft = Draft { model: "recraft-v3".into(), prompt: "a cat".into(), ..Draft::default() };
    let order = Order::agree(draft).unwrap();
    let now = Timestamp::from_millis(1_800_000_000_000);
    Job {
        id: JobId::new(now, &[n; 10]),
        user: "demo".parse().unwrap(),
        hold: Hold::new(MicroUsd::constant(100), order.n).unwrap(),
        order,
        upstream: Upstream::Sandbox,
        turn: None,
        created_at: now,
        deadline: now,
        expires_at: now,
        state: State::Pending,
    }
}

/// An error answer.
pub(crate) fn error(status: u16, code: &str) -> Answer {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    (status, json!({ "__type": kind, "message": "scripted" }))
}

/// A canceled transaction, with a reason for each of its writes.
pub(crate) fn canceled<const N: usize>(reasons: [Value; N]) -> Answer {
    let (status, mut body) = error(400, "TransactionCanceledException");
    body["CancellationReasons"] = reasons.into_iter().collect();
    (status, body)
}

/// A reason for a cancellation.
pub(crate) fn reason(code: &str) -> Value {
    json!({ "Code": code, "Message": "scripted" })
}

/// A condition that did not hold, and the row it met.
pub(crate) fn refused(item: &Value) -> Value {
    json!({ "Code": "ConditionalCheckFailed", "Item": item })
}
