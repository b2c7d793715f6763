//! Tables in memory, with shorthands for what is done to them.

use std::{collections::HashMap, fmt::Display, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Region, retry::RetryConfig, timeout::TimeoutConfig},
    types::{AttributeValue, PutRequest, WriteRequest},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use domain::{
    ids::{CreditId, UserId},
    job::{Ending, Fence, Job, Run},
    ledger::Balance,
    time::Timestamp,
};
use standins::{Standins, Storage};
use store::{Accepted, Claimed, Credited, FinishError, Finished, Guard, Store, Tables};

use crate::{
    capacity::Meter,
    meeting::meeting,
    schema::create_tables,
    support::{NOW, bare, entropy, job, usd, user},
};

pub(crate) const LEASE: Duration = Duration::from_secs(90);
pub(crate) const RUN_LIMIT: Duration = Duration::from_mins(5);
pub(crate) const GRACE: Duration = Duration::from_mins(2);
pub(crate) const RETENTION: Duration = Duration::from_hours(90 * 24);

/// A row as it lies in a table.
pub(crate) type Row = HashMap<String, AttributeValue>;

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

/// The four tables, empty or nearly so.
pub(crate) struct World {
    pub(crate) store: Store,
    client: Client,
    _standins: Standins,
}

impl World {
    /// Tables without rows.
    pub(crate) async fn empty() -> Self {
        Self::over(aws_smithy_http_client::Builder::new().build_http()).await
    }

    /// Tables with one user, who has so much to spend, and a meter on the way to them.
    pub(crate) async fn metered(micros: u64) -> (Self, Meter) {
        let meter = Meter::default();
        let http = aws_smithy_http_client::Builder::new().build_http();
        let world = Self::over(meter.on(http)).await;
        assert!(world.store.open_account(&user()).await.unwrap());
        assert_eq!(world.credit(&user(), 0, micros).await, Credited::Now);
        (world, meter)
    }

    /// Tables with one user, who has so much to spend; of the requests that say this, so many meet on the way to them.
    pub(crate) async fn meeting(micros: u64, count: usize, says: &'static str) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let world = Self::over(meeting(count, says, http)).await;
        assert!(world.store.open_account(&user()).await.unwrap());
        assert_eq!(world.credit(&user(), 0, micros).await, Credited::Now);
        world
    }

    /// Tables without rows, reached this way.
    async fn over(http: SharedHttpClient) -> Self {
        let standins = Standins::start(Storage::Memory).unwrap();
        let client = client(&standins.endpoints().dynamodb, http);
        create_tables(&client).await;
        let tables = Tables {
            jobs: "jobs".into(),
            ledger: "ledger".into(),
            keys: "keys".into(),
            webhooks: "webhooks".into(),
        };
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

    /// The `n`th job, accepted, with the turn that it got or without.
    pub(crate) async fn accepted(&self, n: u32) -> Job {
        let job = job(n);
        assert_eq!(self.store.accept(&bare(&job)).await.unwrap(), Accepted::Now);
        self.look(&job).await
    }

    /// The `n`th job, accepted and claimed.
    pub(crate) async fn begun(&self, n: u32) -> (Job, Run) {
        let job = self.accepted(n).await;
        self.claimed(&job).await
    }

    /// A job that was accepted, claimed.
    pub(crate) async fn claimed(&self, job: &Job) -> (Job, Run) {
        let claimed = self.claim(job, NOW).await;
        let Claimed::Begun(job, run) = claimed else { panic!("{claimed:?}") };
        (job, run)
    }

    pub(crate) async fn claim(&self, job: &Job, now: Timestamp) -> Claimed {
        let name = (&job.user, &job.id);
        self.store.claim(name, now, &lease(now), RUN_LIMIT, GRACE).await.unwrap()
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

    /// All rows of both tables, by table and key: to see that nothing has changed.
    pub(crate) async fn rows(&self) -> Vec<(String, Row)> {
        let mut rows = Vec::new();
        for table in ["jobs", "ledger"] {
            for row in self.scan(table).await {
                rows.push((format!("{table} {:?} {:?}", row.get("pk"), row.get("sk")), row));
            }
        }
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        rows
    }

    /// Writes rows as no code of ours would, with their keys.
    pub(crate) async fn put_all(&self, table: &str, rows: Vec<Row>) {
        // As many as one request takes.
        for some in rows.chunks(25) {
            let put = |row: &Row| {
                let put = PutRequest::builder().set_item(Some(row.clone())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            };
            let writes = some.iter().map(put).collect();
            let written = self.client.batch_write_item().request_items(table, writes);
            let left = written.send().await.unwrap().unprocessed_items.unwrap_or_default();
            assert!(left.is_empty());
        }
    }

    /// All rows of a table, in no order.
    pub(crate) async fn scan(&self, table: &str) -> Vec<Row> {
        let scan = self.client.scan().table_name(table).consistent_read(true);
        scan.send().await.unwrap().items.unwrap()
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

fn client(endpoint: &str, http: SharedHttpClient) -> Client {
    let config = Config::builder()
        .behavior_version_latest()
        .region(Region::new(standins::REGION))
        .credentials_provider(Credentials::from_keys("local", "local", None))
        .endpoint_url(endpoint)
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_mins(1)).build());
    Client::from_conf(config.build())
}

/// A lease that nobody else has.
pub(crate) fn lease(now: Timestamp) -> store::Lease {
    static HOLDERS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let holder = HOLDERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    store::Lease { until: now.plus(LEASE), holder: holder.to_string() }
}
