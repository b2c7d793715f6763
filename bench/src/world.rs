//! What the functions find: a stack on which nothing runs by itself, users with money, and events as the gateway
//! and the queue hand them over.

use std::collections::BTreeMap;

use anyhow::Context as _;
use domain::{
    api_key::{ApiKey, Environment as KeyEnvironment},
    ids::{CreditId, JobId, UserId},
    job::State,
    money::MicroUsd,
    scope::Scopes,
    time::Timestamp,
    webhook::EventId,
};
use local::{Constraints, Options, Stack, TemplateSource, template::TEMPLATE};
use runtime::{Clock, Entropy, notices::Notice, queue::Bell};
use serde::Serialize;
use serde_json::{Value, json};
use store::{Grant, Store, Tables};

use crate::tls::Tls;

/// What a function finds beside the variables that the template gives it.
const GIVEN: [&str; 4] =
    ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "LOCAL_STACK"];
/// What each user has: enough for the longest queue that there is.
const CREDIT: u64 = 2_000_000_000;
/// The events of the template that would have functions run by themselves.
const EVENTS: [&str; 3] = [
    "      Events:\n        Jobs:\n",
    "      Events:\n        EveryMinute:\n",
    "      Events:\n        Notices:\n",
];

/// A stack, who looks at it, and TLS before it for those who are measured.
pub(crate) struct World {
    stack: Stack,
    pub(crate) tls: Tls,
    endpoints: Endpoints,
    store: Store,
    entropy: Entropy,
    users: u32,
}

/// Where the stand-ins are behind TLS.
struct Endpoints {
    dynamodb: String,
    sqs: String,
    s3: String,
    eventbridge: String,
}

/// A user with money and a key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    key: ApiKey,
    orders: u32,
}

impl World {
    pub(crate) async fn start() -> anyhow::Result<World> {
        let options = Options {
            template: TemplateSource::Text(quiet()?),
            parameters: BTreeMap::from([("LogLevel".to_owned(), "info".to_owned())]),
            constraints: Constraints::Enforced,
            ..Options::default()
        };
        let stack = Stack::start(options).await?;
        let table = |id: &str| stack.tables().get(id).cloned().context("a table is missing");
        let tables = Tables {
            jobs: table("JobsTable")?,
            ledger: table("LedgerTable")?,
            keys: table("KeysTable")?,
            webhooks: table("WebhooksTable")?,
        };
        let store = Store::new(stack.aws()?.dynamodb(), tables);
        // What is between a function and the stand-ins on one machine, a guard of its rights, is left out: it takes
        // time that is not the function's.
        let mut tls = Tls::new()?;
        let at = stack.endpoints();
        let endpoints = Endpoints {
            dynamodb: tls.before(&at.dynamodb).await?,
            sqs: tls.before(&at.sqs).await?,
            s3: tls.before(&at.s3).await?,
            eventbridge: tls.before(&at.eventbridge).await?,
        };
        Ok(World { stack, tls, endpoints, store, entropy: Entropy::system(), users: 0 })
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.stack.stop().await
    }

    /// The variables of a function.
    pub(crate) fn variables(&self, function: &str) -> anyhow::Result<Vec<(String, String)>> {
        let of = self.stack.template().functions.get(function).context("no such function")?;
        let all = self.stack.environment(function)?;
        let secure = &self.endpoints;
        let more = [
            ("AWS_ENDPOINT_URL_DYNAMODB", secure.dynamodb.clone()),
            ("AWS_ENDPOINT_URL_SQS", secure.sqs.clone()),
            ("AWS_ENDPOINT_URL_S3", secure.s3.clone()),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", secure.eventbridge.clone()),
            ("AWS_CA_BUNDLE", self.tls.own()?),
            ("AWS_LAMBDA_FUNCTION_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "bench".to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "bench".to_owned()),
        ];
        let given = GIVEN.into_iter().filter_map(|name| Some((name, all.get(name)?.to_owned())));
        let given = given.chain(more).map(|(name, value)| (name.to_owned(), value));
        let all = of.environment.clone().into_iter().chain(given);
        // The addresses of the queues as well.
        let bare = &self.stack.endpoints().sqs;
        Ok(all.map(|(name, value)| (name, value.replace(bare, &secure.sqs))).collect())
    }

    /// A new user, with money and a key.
    pub(crate) async fn user(&mut self) -> anyhow::Result<Caller> {
        self.users = self.users.saturating_add(1);
        let user: UserId = format!("user-{}", self.users).parse()?;
        let now = Clock::system().now();
        self.store.open_account(&user).await?;
        let id = CreditId::new(now, &self.entropy.bytes()?);
        self.store.credit(&user, (id, MicroUsd::try_from(CREDIT)?), "payment", now).await?;
        let key = ApiKey::mint(KeyEnvironment::Test, &self.entropy.bytes()?);
        self.store.add_key(&user, &key, &Grant::default(), now).await?;
        Ok(Caller { user, key, orders: 0 })
    }

    /// Whether somebody was told of this.
    pub(crate) async fn is_told(&self, user: &UserId, event: &EventId) -> anyhow::Result<bool> {
        Ok(self.store.is_told(user, event).await?)
    }

    /// When a job ended, with pictures.
    pub(crate) async fn ended(&self, user: &UserId, job: &JobId) -> anyhow::Result<Timestamp> {
        let job = self.store.job(user, job).await?.context("the job is gone")?;
        let State::Succeeded { at, .. } = job.state else {
            anyhow::bail!("it has no pictures: {:?}", job.state)
        };
        Ok(at)
    }
}

impl Caller {
    /// How often it has ordered something.
    pub(crate) fn orders(&self) -> u32 {
        self.orders
    }

    fn request(&self, method: &str, path: &str, lambda: &Value) -> Value {
        json!({
            "version": "2.0",
            "routeKey": format!("{method} {path}"),
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "authorization": format!("Bearer {}", self.key.reveal()),
                "content-type": "application/json",
                "host": "api.example.com",
            },
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
                "routeKey": format!("{method} {path}"),
                "stage": "$default",
            },
            "isBase64Encoded": false,
        })
    }

    /// What the authorizer says of the caller.
    fn context(&self) -> Value {
        let (key_id, scopes) = (self.key.id().to_string(), Scopes::all().to_string());
        json!({ "user_id": self.user.as_str(), "key_id": key_id, "scopes": scopes })
    }

    /// An order for one picture under a key of its own; the sandbox takes so long for it.
    pub(crate) fn order(&mut self, delay_ms: u32) -> Value {
        self.orders = self.orders.saturating_add(1);
        let mut event = self.request("POST", "/v1/images/generations", &self.context());
        let body = json!({
            "model": "flux-1.1-ultra",
            "prompt": "a lighthouse in a storm, seen from the sea, oil on canvas",
            "idempotency_key": format!("order-{}", self.orders),
            "extra": { "sandbox": { "delay_ms": delay_ms } },
        });
        put(&mut event, "body", body.to_string().into());
        event
    }

    /// Asks for a job.
    pub(crate) fn look(&self, job: &JobId) -> Value {
        let mut event = self.request("GET", &format!("/v1/jobs/{job}"), &self.context());
        put(&mut event, "pathParameters", json!({ "id": job.to_string() }));
        event
    }

    /// Cancels a job.
    pub(crate) fn cancel(&self, job: &JobId) -> Value {
        let mut event = self.request("POST", &format!("/v1/jobs/{job}/cancel"), &self.context());
        put(&mut event, "pathParameters", json!({ "id": job.to_string() }));
        event
    }

    /// Asks for the endpoints.
    pub(crate) fn endpoints(&self) -> Value {
        self.request("GET", "/v1/webhooks/endpoints", &self.context())
    }

    /// What the gateway asks of the authorizer.
    pub(crate) fn authorize(&self) -> Value {
        let mut event = self.request("GET", "/v1/jobs", &Value::Null);
        put(&mut event, "type", "REQUEST".into());
        put(&mut event, "identitySource", json!([format!("Bearer {}", self.key.reveal())]));
        let route = "arn:aws:execute-api:us-east-1:000000000000:api/$default/GET/v1";
        put(&mut event, "routeArn", route.into());
        event
    }
}

fn put(event: &mut Value, name: &str, value: Value) {
    if let Some(object) = event.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The job that an order was answered with.
pub(crate) fn accepted(answer: &Value) -> anyhow::Result<JobId> {
    anyhow::ensure!(answer.get("statusCode") == Some(&202.into()), "not accepted: {answer}");
    let body = answer.get("body").and_then(Value::as_str).context("no body")?;
    let body: Value = serde_json::from_str(body)?;
    Ok(body.get("id").and_then(Value::as_str).context("no job")?.parse()?)
}

/// A batch of messages, as Lambda hands it to the worker.
pub(crate) fn batch(jobs: &[(UserId, JobId)]) -> anyhow::Result<Value> {
    let bell = |(user, job): &(UserId, JobId)| record(*job, &Bell::new(user.clone(), *job));
    let records: anyhow::Result<Vec<Value>> = jobs.iter().map(bell).collect();
    Ok(json!({ "Records": records? }))
}

/// That a job was canceled, as Lambda hands it to whoever tells of it.
pub(crate) fn notice(user: &UserId, event: EventId) -> anyhow::Result<Value> {
    Ok(json!({ "Records": [record(event.job, &Notice::event(user.clone(), event))?] }))
}

/// A message of a queue, about a job.
fn record(job: JobId, body: &impl Serialize) -> anyhow::Result<Value> {
    Ok(json!({
        "messageId": job.to_string(),
        "receiptHandle": job.to_string(),
        "body": serde_json::to_string(body)?,
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
        "awsRegion": "us-east-1",
    }))
}

/// The template, without what has functions run by themselves.
fn quiet() -> anyhow::Result<String> {
    EVENTS.iter().try_fold(TEMPLATE.to_owned(), |text, event| {
        let cut = text.split_once(event).and_then(|(before, after)| {
            let (_, after) = after.split_once("\n\n")?;
            Some(format!("{before}\n{after}"))
        });
        cut.context("the template has no such event")
    })
}
