//! Keys, good and bad, against the embedded DynamoDB.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use domain::{api_key, scope::Scope, time::Timestamp};
use serde_json::{Value, json};
use standins::{Standins, Storage};
use store::Grant;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

/// A function and the tables behind it, which end together.
struct World {
    app: App,
    store: Store,
    _standins: Standins,
}

fn variables(standins: &Standins) -> Environment {
    [
        ("AWS_REGION", standins::REGION),
        ("AWS_ACCESS_KEY_ID", standins::ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", standins::SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", &standins.endpoints().dynamodb),
        ("KEYS_TABLE", "keys"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect()
}

impl World {
    async fn new() -> Self {
        let standins = Standins::start(Storage::Memory).unwrap();
        let environment = variables(&standins);
        let client = Aws::new(&environment, &Host::system()).unwrap().dynamodb();
        create_keys_table(&client).await;
        let tables = store::Tables { keys: "keys".to_owned(), ..store::Tables::default() };
        let store = Store::new(client, tables);
        let app = App::new(&environment, &Host::system()).unwrap();
        Self { app, store, _standins: standins }
    }

    /// A key of the user `demo` that is in the table.
    async fn key(&self) -> ApiKey {
        let key = mint(1, 2);
        let demo = "demo".parse().unwrap();
        assert!(self.store.add_key(&demo, &key, &Grant::default(), NOW).await.unwrap());
        key
    }

    /// The decision about a header, as the gateway gets it.
    async fn decide(&self, authorization: &str) -> Value {
        let decision = authorize(&self.app, request(authorization)).await.unwrap();
        serde_json::to_value(decision).unwrap()
    }
}

async fn create_keys_table(client: &aws_sdk_dynamodb::Client) {
    let attribute = |name: &str, kind| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
    };
    let part = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
    };
    let by_user = GlobalSecondaryIndex::builder()
        .index_name("user")
        .key_schema(part("user_id", KeyType::Hash))
        .key_schema(part("created_at_ms", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::All).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name("keys")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("user_id", ScalarAttributeType::S))
        .attribute_definitions(attribute("created_at_ms", ScalarAttributeType::N))
        .key_schema(part("pk", KeyType::Hash))
        .global_secondary_indexes(by_user)
        .send()
        .await
        .unwrap();
}

/// The key whose id follows from one number and whose secret from another.
fn mint(id: u8, secret: u8) -> ApiKey {
    let mut entropy = [secret; api_key::ENTROPY_BYTES];
    entropy[..12].fill(id);
    ApiKey::mint(api_key::Environment::Test, &entropy)
}

/// What the gateway asks about a request with this header.
fn request(authorization: &str) -> ApiGatewayV2CustomAuthorizerV2Request {
    serde_json::from_value(json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/GET/v1/jobs/x",
        "identitySource": [authorization],
        "routeKey": "GET /v1/jobs/{id}",
        "rawPath": "/v1/jobs/x",
        "rawQueryString": "",
        "headers": { "authorization": authorization, "host": "api.example.com" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef1234",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": "GET",
                "path": "/v1/jobs/x",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "GET /v1/jobs/{id}",
            "stage": "$default",
            "time": "25/Apr/2026:10:00:00 +0000",
            "timeEpoch": 1_777_111_200_000_u64,
        },
        "pathParameters": { "id": "x" },
    }))
    .unwrap()
}

/// Let through, as nobody.
fn nobody() -> Value {
    json!({ "isAuthorized": true, "context": { "refusal": "invalid_api_key" } })
}

fn bearer(key: &ApiKey) -> String {
    format!("Bearer {}", key.reveal())
}

#[tokio::test]
async fn a_good_key_names_its_user() {
    let world = World::new().await;
    let key = world.key().await;
    let demo = json!({
        "isAuthorized": true,
        "context": {
            "user_id": "demo",
            "key_id": key.id().as_str(),
            "scopes": "jobs:write jobs:read account:read webhooks:write",
        },
    });
    assert_eq!(world.decide(&bearer(&key)).await, demo);
    // The scheme may be spelt in any case, as in every other API, and spaces do no harm.
    for spelling in ["bearer", "BEARER", " Bearer ", "Bearer  "] {
        let header = format!("{spelling} {} ", key.reveal());
        assert_eq!(world.decide(&header).await, demo, "{spelling}");
    }
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_refused() {
    let world = World::new().await;
    let good = world.key().await;
    let text = good.reveal();
    let mut mistyped = text.to_owned();
    let last = mistyped.pop().unwrap();
    mistyped.push(if last == 'x' { 'y' } else { 'x' });

    let unknown = mint(3, 2);
    let guessed = mint(1, 3);
    assert_eq!(guessed.id(), good.id());
    let elsewhere = text.replace("hf_test_", "hf_live_");
    for header in [
        bearer(&unknown),
        bearer(&guessed),
        format!("Bearer {mistyped}"),
        format!("Bearer {elsewhere}"),
        format!("Bearer {}", text.to_uppercase()),
        format!("Bearer {text} {text}"),
        format!("Bearer {}", good.id()),
        format!("Bearer {}", good.hash().0),
        format!("Basic {text}"),
        format!("Bearer{text}"),
        text.to_owned(),
        String::new(),
        " ".to_owned(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {}", "x".repeat(10_000)),
        "Bearer \u{e9}".to_owned(),
    ] {
        assert_eq!(world.decide(&header).await, nobody(), "{header}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let world = World::new().await;
    let key = world.key().await;
    assert_ne!(world.decide(&bearer(&key)).await, nobody());
    assert!(world.store.revoke_key(key.id(), NOW).await.unwrap());
    assert_eq!(world.decide(&bearer(&key)).await, nobody());
}

#[tokio::test]
async fn a_key_opens_what_it_was_granted_until_its_time_is_up() {
    let world = World::new().await;
    let key = mint(1, 2);
    let scopes = [Scope::JobsRead, Scope::AccountRead].into_iter().collect();
    let grant = Grant { scopes, expires_at: Some(NOW.plus(Duration::from_mins(1))) };
    assert!(world.store.add_key(&"demo".parse().unwrap(), &key, &grant, NOW).await.unwrap());
    let decide = async |seconds| {
        let now = NOW.plus(Duration::from_secs(seconds));
        let app = App { clock: Clock::new(move || now), ..world.app.clone() };
        let decision = authorize(&app, request(&bearer(&key))).await.unwrap();
        serde_json::to_value(decision).unwrap()
    };
    assert_eq!(decide(59).await["context"]["scopes"], "jobs:read account:read");
    assert_eq!(decide(60).await, nobody());
}

#[tokio::test]
async fn without_a_header_nobody_asks() {
    let world = World::new().await;
    let mut request = request("");
    request.headers.clear();
    let decision = authorize(&world.app, request).await.unwrap();
    assert_eq!(serde_json::to_value(decision).unwrap(), nobody());
}

/// A decision is kept for a minute, so there must be none where the keys could not be asked.
#[tokio::test]
async fn where_the_keys_cannot_be_read_nothing_is_decided() {
    let standins = Standins::start(Storage::Memory).unwrap();
    let app = App::new(&variables(&standins), &Host::system()).unwrap();
    assert!(authorize(&app, request(&bearer(&mint(1, 2)))).await.is_err());
    // What cannot be a key is refused without asking.
    let refused = authorize(&app, request("Bearer x")).await.unwrap();
    assert_eq!(serde_json::to_value(refused).unwrap(), nobody());
}

#[tokio::test]
async fn a_key_is_not_shown() {
    let world = World::new().await;
    let key = world.key().await;
    let decision = authorize(&world.app, request(&bearer(&key))).await.unwrap();
    let sent = serde_json::to_string(&decision).unwrap();
    let shown = format!("{decision:?} {:?} {key:?} {sent}", world.app);
    let secret = key.reveal().rsplit('_').next().unwrap();
    assert!(!shown.contains(secret) && !shown.contains(&key.hash().0), "{shown}");
}

/// Where the log goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_key_is_logged_good_or_not() {
    let log = Log::default();
    let to = log.clone();
    // The SDK and its stand-in are kept to warnings by the product.
    let filter = EnvFilter::try_new("off,authorize=trace,store=trace,runtime=trace").unwrap();
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || to.clone());
    // While there is only one, whoever logs first on a thread without it decides for all that nobody
    // listens there. A second one that hears nothing has everybody asked.
    let deaf = tracing_subscriber::fmt().with_max_level(LevelFilter::OFF).finish();
    let deaf = tracing::Dispatch::new(deaf);
    let guard = tracing::subscriber::set_default(logger.finish());

    let world = World::new().await;
    let (good, revoked) = (world.key().await, mint(3, 4));
    let demo = "demo".parse().unwrap();
    assert!(world.store.add_key(&demo, &revoked, &Grant::default(), NOW).await.unwrap());
    assert!(world.store.revoke_key(revoked.id(), NOW).await.unwrap());
    let presented = [good, revoked, mint(8, 1), mint(8, 2)];
    for key in &presented {
        world.decide(&bearer(key)).await;
        world.decide(&format!("Bearer {}x", key.reveal())).await;
    }
    drop((guard, deaf));
    let heard = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(heard.contains("an API key was refused"), "nothing was heard: {heard}");
    for key in presented {
        let secret = key.reveal().rsplit('_').next().unwrap();
        assert!(!heard.contains(secret) && !heard.contains(&key.hash().0), "{heard}");
    }
}

#[test]
fn a_function_without_its_table_does_not_start() {
    let started = App::new(&Environment::default(), &Host::system());
    assert!(started.is_err());
}
