//! Tables in memory, and the few jobs and users that the scenarios are about.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Region, retry::RetryConfig, timeout::TimeoutConfig},
    operation::create_table::builders::CreateTableFluentBuilder,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
        KeyType, Projection, ProjectionType, ScalarAttributeType,
    },
};
use domain::{
    audit::{Violation, audit},
    fingerprint::Fingerprint,
    hold::Hold,
    idempotency::IdempotencyKey,
    ids::{CreditId, Entropy, JobId, UserId},
    job::{Delivered, Ending, Fence, Image, Job, Run, State, Upstream},
    ledger::Balance,
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
};
use standins::{Standins, Storage};
use store::{
    Acceptance, Accepted, Claimed, Credited, FinishError, Finished, Guard, KeyClaim, Store, Tables,
};
use tokio::task::JoinSet;

/// When all of it happens.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// What a job of [`job`] holds: two pictures at half of it.
pub(crate) const HOLD: u64 = 75_000;

const LEASE: Duration = Duration::from_secs(90);
const RUN_LIMIT: Duration = Duration::from_secs(300);
const GRACE: Duration = Duration::from_secs(120);
const RETENTION: Duration = Duration::from_secs(90 * 86_400);

/// So many seconds after [`NOW`].
pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub(crate) fn usd(micros: u64) -> MicroUsd {
    MicroUsd::try_from(micros).unwrap()
}

pub(crate) fn user() -> UserId {
    "demo".parse().unwrap()
}

/// Not random at all, but another for each number.
pub(crate) fn entropy(n: u32) -> Entropy {
    let [a, b, c, d] = n.to_be_bytes();
    [0, 0, 0, 0, 0, 0, a, b, c, d]
}

pub(crate) fn order(prompt: &str) -> Order {
    let draft = Draft {
        model: "recraft-v3".to_owned(),
        prompt: prompt.to_owned(),
        n: Some(2),
        ..Draft::default()
    };
    Order::agree(draft).unwrap()
}

/// The `n`th job of the user, asked for at [`NOW`]. Later ones sort later; its shard is `n % 16`.
pub(crate) fn job(n: u32) -> Job {
    let order = order("a cat");
    let hold = Hold::new(usd(HOLD / 2), order.n).unwrap();
    Job {
        id: JobId::new(NOW.plus(Duration::from_millis(n.into())), &entropy(n)),
        user: user(),
        order,
        upstream: Upstream::Sandbox,
        hold,
        created_at: NOW,
        deadline: after(900),
        expires_at: after(1_800),
        state: State::Pending,
    }
}

/// The request for a job, without an idempotency key.
pub(crate) fn bare(job: &Job) -> Acceptance<'_> {
    Acceptance { job, key: None }
}

/// The request for a job, under a key that lives for an hour.
pub(crate) fn keyed<'a>(job: &'a Job, key: &str) -> Acceptance<'a> {
    let key = IdempotencyKey::try_from(key.to_owned()).unwrap();
    let claim = KeyClaim {
        digest: key.digest(),
        fingerprint: Fingerprint::of(&job.order).unwrap(),
        expires_at: job.created_at.plus(Duration::from_hours(1)),
    };
    Acceptance { job, key: Some(claim) }
}

/// A success with so many pictures.
pub(crate) fn delivered(pictures: usize) -> Ending {
    let picture = |place| Image {
        key: format!("pictures/{place}.png"),
        width: 1_024,
        height: 768,
        content_type: "image/png".to_owned(),
        seed: Some(7),
    };
    Ending::Succeeded(Delivered::new((0..pictures).map(picture).collect()).unwrap())
}

/// Does all of them at once and waits for them.
pub(crate) async fn at_once<F>(attempts: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    attempts.into_iter().collect::<JoinSet<_>>().join_all().await
}

/// How many of the results are this one.
pub(crate) fn count<T: PartialEq>(results: &[T], wanted: &T) -> usize {
    results.iter().filter(|result| *result == wanted).count()
}

/// Fails unless the books of all users are in order.
pub(crate) async fn audit_clean(store: &Store) {
    let (mut users, mut from) = (BTreeSet::new(), None);
    loop {
        let (page, next) = store.users(from).await.unwrap();
        users.extend(page);
        from = next;
        if from.is_none() {
            break;
        }
    }
    assert!(!users.is_empty(), "there is nothing to audit");
    for user in users {
        assert_eq!(violations(store, &user).await, []);
    }
}

/// What is wrong with the books of a user.
pub(crate) async fn violations(store: &Store, user: &UserId) -> Vec<Violation> {
    let (books, _) = store.books(user).await.unwrap();
    audit(&books, NOW, Duration::ZERO)
}

/// A row as it lies in a table.
pub(crate) type Row = HashMap<String, AttributeValue>;

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The three tables, empty or nearly so.
pub(crate) struct World {
    pub(crate) store: Store,
    client: Client,
    _standins: Standins,
}

impl World {
    /// Tables without rows.
    pub(crate) async fn empty() -> Self {
        let standins = Standins::start(Storage::Memory).unwrap();
        let client = client(&standins.endpoints().dynamodb);
        create_tables(&client).await;
        let tables = Tables { jobs: "jobs".into(), ledger: "ledger".into(), keys: "keys".into() };
        Self { store: Store::new(client.clone(), tables), client, _standins: standins }
    }

    /// Tables with one user, who has so much to spend.
    pub(crate) async fn with(micros: u64) -> Self {
        let world = Self::empty().await;
        assert!(world.store.open_account(&user()).await.unwrap());
        let credited = world.credit(&user(), 0, micros).await;
        assert_eq!(credited, Credited::Now);
        world
    }

    /// The `n`th credit of a user.
    pub(crate) async fn credit(&self, user: &UserId, n: u32, micros: u64) -> Credited {
        let id = CreditId::new(NOW, &entropy(n));
        let reference = format!("payment {n}");
        self.store.credit(user, (id, usd(micros)), &reference, NOW).await.unwrap()
    }

    pub(crate) async fn balance(&self) -> Balance {
        self.store.balance(&user()).await.unwrap().unwrap()
    }

    /// The job as it is now.
    pub(crate) async fn look(&self, job: &Job) -> Job {
        self.store.job(&job.user, &job.id).await.unwrap().unwrap()
    }

    /// The `n`th job, accepted.
    pub(crate) async fn accepted(&self, n: u32) -> Job {
        let job = job(n);
        assert_eq!(self.store.accept(&bare(&job)).await.unwrap(), Accepted::Now);
        job
    }

    /// The `n`th job, accepted and claimed.
    pub(crate) async fn begun(&self, n: u32) -> (Job, Run) {
        let job = self.accepted(n).await;
        match self.claim(&job, NOW).await {
            Claimed::Begun(job, run) => (job, run),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn claim(&self, job: &Job, now: Timestamp) -> Claimed {
        let name = (&job.user, &job.id);
        self.store.claim(name, now, now.plus(LEASE), RUN_LIMIT, GRACE).await.unwrap()
    }

    /// Ends a job at [`NOW`], under a fence.
    pub(crate) async fn finish(&self, job: &Job, fence: Fence, ending: &Ending) -> Finished {
        self.try_finish(job, Guard::Fence(fence), ending, NOW).await.unwrap()
    }

    pub(crate) async fn try_finish(
        &self,
        job: &Job,
        guard: Guard,
        ending: &Ending,
        now: Timestamp,
    ) -> Result<Finished, FinishError> {
        self.store.finish(job, guard, ending, now, RETENTION).await
    }

    /// All rows of both tables, by table, user and sort key: to see that nothing has changed.
    pub(crate) async fn rows(&self) -> Vec<(String, Row)> {
        let mut rows = Vec::new();
        for table in ["jobs", "ledger"] {
            let found = self.client.scan().table_name(table).send().await.unwrap();
            for row in found.items.unwrap() {
                rows.push((format!("{table} {:?} {:?}", row["pk"], row["sk"]), row));
            }
        }
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows
    }

    /// A row of either table.
    pub(crate) async fn row(&self, table: &str, user: &UserId, sk: &str) -> Option<Row> {
        let get = self.client.get_item().table_name(table).set_key(Some(key(user, sk)));
        get.consistent_read(true).send().await.unwrap().item
    }

    /// Writes a row as no code of ours would.
    pub(crate) async fn put(&self, table: &str, user: &UserId, sk: &str, row: Row) {
        let row = row.into_iter().chain(key(user, sk)).collect();
        self.client.put_item().table_name(table).set_item(Some(row)).send().await.unwrap();
    }

    /// Changes an attribute of a row as no code of ours would; `None` takes it away.
    pub(crate) async fn tamper(
        &self,
        (table, user, sk): (&str, &UserId, &str),
        attribute: &str,
        value: Option<AttributeValue>,
    ) {
        let mut row = self.row(table, user, sk).await.unwrap();
        assert!(row.remove(attribute).is_some(), "{sk} has no {attribute}");
        row.extend(value.map(|value| (attribute.to_owned(), value)));
        self.put(table, user, sk, row).await;
    }

    /// Takes a row away as no code of ours would.
    pub(crate) async fn delete(&self, table: &str, user: &UserId, sk: &str) {
        assert!(self.row(table, user, sk).await.is_some(), "there is no {sk}");
        let delete = self.client.delete_item().table_name(table);
        delete.set_key(Some(key(user, sk))).send().await.unwrap();
    }
}

fn key(user: &UserId, sk: &str) -> Row {
    HashMap::from([("pk".to_owned(), text(user.as_str())), ("sk".to_owned(), text(sk))])
}

fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new(standins::REGION))
        .credentials_provider(Credentials::from_keys("local", "local", None))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_mins(1)).build());
    Client::from_conf(config.build())
}

/// The tables as template.yaml has them.
async fn create_tables(client: &Client) {
    let (s, n) = (ScalarAttributeType::S, ScalarAttributeType::N);
    let jobs = table(client, "jobs", &[("pk", &s), ("sk", &s)])
        .attribute_definitions(definition("due_shard", &n))
        .attribute_definitions(definition("due_at_ms", &n))
        .global_secondary_indexes(index(
            "due",
            ["due_shard", "due_at_ms"],
            ProjectionType::KeysOnly,
        ));
    let ledger = table(client, "ledger", &[("pk", &s), ("sk", &s)]);
    let keys = table(client, "keys", &[("pk", &s)])
        .attribute_definitions(definition("user_id", &s))
        .attribute_definitions(definition("created_at_ms", &n))
        .global_secondary_indexes(index("user", ["user_id", "created_at_ms"], ProjectionType::All));
    for table in [jobs, ledger, keys] {
        table.send().await.unwrap();
    }
}

fn table(
    client: &Client,
    name: &str,
    key: &[(&str, &ScalarAttributeType)],
) -> CreateTableFluentBuilder {
    let names: Vec<&str> = key.iter().map(|(name, _)| *name).collect();
    let definitions = key.iter().map(|(name, kind)| definition(name, kind)).collect();
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(&names)))
        .set_attribute_definitions(Some(definitions))
}

fn definition(name: &str, kind: &ScalarAttributeType) -> AttributeDefinition {
    let definition = AttributeDefinition::builder().attribute_name(name);
    definition.attribute_type(kind.clone()).build().unwrap()
}

fn schema(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(name, kind): (&&str, KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(kind).build().unwrap()
    };
    names.iter().zip(kinds).map(element).collect()
}

fn index(name: &str, key: [&str; 2], projected: ProjectionType) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(schema(&key)))
        .projection(Projection::builder().projection_type(projected).build())
        .build()
        .unwrap()
}
