//! Rows of the tables, as DynamoDB hands them over: read as what they are, or said to be unreadable.
//! Whatever can be read can be judged, shown and audited.

use std::{
    ops::Deref,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{Region, retry::RetryConfig},
};
use aws_smithy_http_client::test_util::infallible_client_fn;
use bolero::check;
use domain::{
    audit::{History, Snapshot, audit},
    ids::{JobId, UserId},
    job::{Job, State},
    order::IMAGES_MAX,
    schedule,
    time::Timestamp,
};
use http::Response;
use serde_json::{Value, json};
use store::{Claimed, Lease, Store, StoreError, Tables};
use tokio::runtime::Runtime;
use web::Links;

use crate::{corpus, mutation::Input};

const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_000);
const JOB: &str = "019dc414-f17b-7101-8101-010101010101";

/// Tables that hand over one row, whatever they are asked for.
struct Table {
    row: Arc<Mutex<Value>>,
    store: Store,
    runtime: Runtime,
    user: UserId,
    job: JobId,
}

impl Table {
    fn new() -> AssertUnwindSafe<Self> {
        let row = Arc::new(Mutex::new(Value::Null));
        let given = Arc::clone(&row);
        let http = infallible_client_fn(move |request| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let row = given.lock().unwrap().clone();
            let body = match target.rsplit('.').next().unwrap() {
                "GetItem" => json!({ "Item": row }),
                "Query" => json!({ "Items": [row] }),
                "UpdateItem" => json!({ "Attributes": row }),
                other => panic!("{other}"),
            };
            Response::builder().status(200).body(body.to_string()).unwrap()
        });
        let config = Config::builder()
            .behavior_version_latest()
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::from_keys("local", "local", None))
            .endpoint_url("http://table.test")
            .http_client(http)
            .retry_config(RetryConfig::disabled());
        let tables = Tables {
            jobs: "jobs".into(),
            ledger: "ledger".into(),
            keys: "keys".into(),
            webhooks: "webhooks".into(),
        };
        AssertUnwindSafe(Self {
            row,
            store: Store::new(Client::from_conf(config.build()), tables),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            user: "demo".parse().unwrap(),
            job: JOB.parse().unwrap(),
        })
    }

    /// Reads a row in every way in which rows are read. Whether it was of use to any of them.
    fn read(&self, row: Value) -> bool {
        *self.row.lock().unwrap() = row;
        self.runtime.block_on(async {
            let job = known(self.store.job(&self.user, &self.job).await).flatten();
            job.iter().for_each(sound);
            let listed = known(self.store.jobs(&self.user, None, 20, None).await);
            listed.iter().flat_map(|page| &page.rows).for_each(sound);
            let claimed = known(self.claim().await);
            let entries = known(self.store.entries(&self.user, 20, None).await);
            let entries = entries.map(|page| page.rows).unwrap_or_default();
            serde_json::to_string(&web::transactions(&entries, None)).unwrap();
            let balance = known(self.store.balance(&self.user).await).flatten();
            let balance =
                balance.map(|found| serde_json::to_string(&web::balance(&found)).unwrap());
            let key = known(self.store.key(&"0123456789AB".parse().unwrap()).await).flatten();
            let due = self.store.due(0, NOW, 1, None).await.map(|page| page.rows.len());

            if let Ok((books, _)) = self.store.books(&self.user).await {
                let snapshot = Snapshot { books, now: NOW, slack: Duration::ZERO };
                let told = audit(&snapshot, &History::default());
                assert!(!told.is_empty(), "one row alone is no books");
            }
            let read = [job.is_some(), claimed.is_some(), !entries.is_empty(), balance.is_some()];
            read.contains(&true) || key.is_some() || due.is_ok_and(|rows| rows > 0)
        })
    }

    async fn claim(&self) -> Result<(), StoreError> {
        let lease = Lease { until: NOW, holder: "0".repeat(16) };
        let minute = Duration::from_mins(1);
        let claim = self.store.claim((&self.user, &self.job), NOW, &lease, minute, minute);
        if let Claimed::Begun(job, run) | Claimed::Resumed(job, run) = claim.await? {
            assert!(matches!(&job.state, State::Processing(of) if *of == run));
            sound(&job);
        }
        Ok(())
    }
}

/// What was read. That it cannot be read is the other answer there is.
fn known<T>(read: Result<T, StoreError>) -> Option<T> {
    match read {
        Ok(found) => Some(found),
        Err(StoreError::Unreadable(_) | StoreError::Unknown(_)) => None,
        Err(other) => panic!("{other:?}"),
    }
}

/// A job that was read is one that there can be.
fn sound(job: &Job) {
    let n = job.order.n;
    assert!((1..=IMAGES_MAX).contains(&n.get()));
    assert_eq!(Some(job.hold.amount()), job.hold.price().checked_mul(n.get().into()));
    let urls = job.state.images().iter().map(|image| image.key.clone()).collect();
    let links = Links { urls, expires_at: NOW };
    let (body, _) = web::job(job, &links);
    serde_json::to_string(&body).unwrap();
    let _looked = schedule::look(job, NOW, Duration::from_mins(1));
    if let State::Processing(run) = &job.state {
        let _visited = schedule::visit(job, run, NOW, Duration::from_mins(1));
    }
}

#[test]
fn a_row_is_read_as_what_it_is_or_said_to_be_unreadable() {
    let (seeds, table) = (corpus::seeds("rows"), Table::new());
    for seed in &seeds {
        let row: Value = serde_json::from_slice(seed).unwrap();
        // Keys of callers, events and references are read by the audit alone.
        let sk = row["sk"]["S"].as_str().unwrap_or_default().to_owned();
        let alone = ["key#", "event#", "ref#"].iter().any(|begin| sk.starts_with(begin));
        assert!(table.read(row) || alone, "{sk} is of no use");
    }
    check!().with_type::<Input>().with_iterations(800).for_each(|input| {
        let row: Option<Value> = serde_json::from_slice(&input.bytes(&seeds)).ok();
        if let Some(row) = row.filter(|row| values(row).all(is_attribute)) {
            table.deref().read(row);
        }
    });
}

fn values(of: &Value) -> impl Iterator<Item = &Value> {
    let members = of.as_object().into_iter().flat_map(|members| members.values());
    members.chain(of.as_array().into_iter().flatten())
}

/// Whether a value is one that there can be in a table. `serde_dynamo` panics at a type that it does not
/// know, of which DynamoDB has had none since 2014.
fn is_attribute(value: &Value) -> bool {
    let Some((kind, value)) = value.as_object().and_then(|members| members.iter().next()) else {
        return false;
    };
    match kind.as_str() {
        "S" | "N" | "B" | "BOOL" | "NULL" | "SS" | "NS" | "BS" => !value.is_null(),
        "L" | "M" => values(value).all(is_attribute),
        _ => false,
    }
}
