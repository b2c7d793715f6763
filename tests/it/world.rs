//! A stack with everything that a scenario needs: users with keys and money, a clock that can be
//! put forward, a look into the tables, and an audit at the end.

mod api;
pub(crate) mod described;
mod usd;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    thread,
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName as Name;
use domain::{
    api_key::{ApiKey, Environment},
    ids::{CreditId, JobId, UserId},
    job::{Job, State},
    time::Timestamp,
};
use local::{Constraints, Options, Stack, TemplateSource};
use runtime::{Clock, Entropy, Metric, metrics::Sink};
use serde_json::{Value, json};
use store::{Grant, Reversed, Store, Tables};
use testkit::Counts;

pub(crate) use api::{Answer, Api, Caller, answer, id_of};
pub(crate) use usd::{Balance, Usd, sum, usd};

/// Invocations of the worker so short that an unfinished job is soon put down: the others wait
/// until a world ends, and a job of many visits has its visits within seconds.
pub(crate) const BRISK: [(&str, &str); 3] =
    [("GenerateTimeoutSeconds", "2"), ("LeaseMarginSeconds", "1"), ("RevisitSeconds", "1")];

/// The longest that a scenario waits for anything. It takes a fraction of that; a busy machine may
/// need more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How long after its end a job may be open before the audit objects: the sweep runs when a
/// scenario says so.
const SLACK: Duration = Duration::from_mins(1);

/// A stack of one's own.
pub(crate) struct World {
    stack: Option<Stack>,
    store: Store,
    clock: Clock,
    offset_ms: Arc<AtomicI64>,
    entropy: Entropy,
    api: Api,
    counts: Counts,
}

impl World {
    /// As it is deployed, but that the sweep runs when it is told to.
    pub(crate) async fn start() -> World {
        World::with(&[]).await
    }

    /// With other values for parameters of the template, whether it allows them or not.
    pub(crate) async fn with(parameters: &[(&str, &str)]) -> World {
        World::of(TemplateSource::Builtin, parameters).await
    }

    /// From another template.
    pub(crate) async fn of(template: TemplateSource, parameters: &[(&str, &str)]) -> World {
        // Fails if another scenario has installed it already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let (offset_ms, counts) = (Arc::new(AtomicI64::new(0)), Counts::default());
        let clock = clock(Arc::clone(&offset_ms));
        let parameter = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let options = Options {
            template,
            parameters: parameters.iter().map(parameter).collect(),
            constraints: Constraints::Ignored,
            sweep_every: Some(Duration::from_hours(1)),
            clock: clock.clone(),
            counts: Some(Sink::new(counts.taker())),
            ..Options::default()
        };
        let stack = Stack::start(options).await.unwrap();
        let table = |id: &str| stack.tables()[id].clone();
        let tables = Tables {
            jobs: table("JobsTable"),
            ledger: table("LedgerTable"),
            keys: table("KeysTable"),
            webhooks: table("WebhooksTable"),
        };
        let store = Store::new(stack.aws().unwrap().dynamodb(), tables);
        let (entropy, api) = (Entropy::system(), Api::new(stack.url()));
        World { stack: Some(stack), store, clock, offset_ms, entropy, api, counts }
    }

    /// The stack.
    pub(crate) fn stack(&self) -> &Stack {
        self.stack.as_ref().unwrap()
    }

    /// What the functions count.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The tables, as the operator's commands have them.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The API, for whoever has no key.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// A new user with this much money, as a caller with a key.
    pub(crate) async fn user(&self, name: &str, dollars: &str) -> Caller {
        let user: UserId = name.parse().unwrap();
        self.store.open_account(&user).await.unwrap();
        self.credit(&user, dollars).await;
        self.key_for(&user).await
    }

    /// The user as a caller with one more key.
    pub(crate) async fn key_for(&self, user: &UserId) -> Caller {
        self.key_with(user, &Grant::default()).await
    }

    /// The user as a caller with one more key, which opens this much.
    pub(crate) async fn key_with(&self, user: &UserId, grant: &Grant) -> Caller {
        let key = ApiKey::mint(Environment::Test, &self.entropy.bytes().unwrap());
        assert!(self.store.add_key(user, &key, grant, self.clock.now()).await.unwrap());
        Caller::new(self.api.clone(), user.clone(), key)
    }

    /// Money comes in.
    pub(crate) async fn credit(&self, user: &UserId, dollars: &str) {
        let now = self.clock.now();
        let id = CreditId::new(now, &self.entropy.bytes().unwrap());
        let (amount, reference) = (dollars.parse().unwrap(), format!("payment-{id}"));
        self.store.credit(user, (id, amount), &reference, now).await.unwrap();
    }

    /// The operator gives the charge of a job back.
    pub(crate) async fn give_back(&self, caller: &Caller, job: &str) {
        let charge = self.store.charge(&caller.user, &job.parse().unwrap()).await.unwrap();
        let retention = Duration::from_hours(90 * 24);
        let given = self.store.reverse(&charge, "a complaint", self.now(), retention).await;
        assert_eq!(given.unwrap(), Reversed::Now);
    }

    /// What time the functions have.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The clock of the functions and of the gateway.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Puts the clock of the functions and of the gateway forward.
    pub(crate) fn forward(&self, by: Duration) {
        self.offset_ms.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// Puts the clock of the functions and of the gateway back.
    pub(crate) fn back(&self, by: Duration) {
        self.offset_ms.fetch_sub(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// Runs the sweep, which must manage.
    pub(crate) async fn sweep(&self) -> Value {
        let report = self.stack().sweep_now().await.unwrap();
        assert_eq!(report["failed"], 0, "{report}");
        report
    }

    /// Sweeps again and again until the job has ended.
    pub(crate) async fn sweep_until_ended(&self, caller: &Caller, job: &str) -> Answer {
        eventually("the job has ended", async || {
            self.sweep().await;
            caller.ended(job).await
        })
        .await
    }

    /// What is stored of a job.
    pub(crate) async fn stored(&self, caller: &Caller, job: &str) -> Job {
        let id: JobId = job.parse().unwrap();
        self.store.job(&caller.user, &id).await.unwrap().unwrap()
    }

    /// Waits until a worker has begun the job and put it down, unfinished. It sweeps as well, for a
    /// worker that a busy machine kept from putting down in time.
    pub(crate) async fn put_down(&self, caller: &Caller, job: &str) {
        eventually("the job is put down", async || {
            match self.stored(caller, job).await.state {
                State::Processing(run) if run.lease_until.is_none() => return Some(()),
                State::Pending | State::Processing(_) => {}
                ended @ (State::Succeeded { .. }
                | State::Failed { .. }
                | State::Expired { .. }
                | State::Refunded { .. }) => panic!("{ended:?}"),
            }
            self.stack().sweep_now().await.unwrap();
            None
        })
        .await;
    }

    /// The message that rings for a job.
    pub(crate) fn bell(caller: &Caller, job: &str) -> String {
        json!({ "v": 1, "user_id": caller.user.as_str(), "job_id": job }).to_string()
    }

    /// Sends a message to the queue of jobs.
    pub(crate) async fn send(&self, body: &str) {
        let url = self.stack().queue_url("JobsQueue").unwrap();
        let sqs = self.stack().aws().unwrap().sqs();
        sqs.send_message().queue_url(url).message_body(body).send().await.unwrap();
    }

    /// Waits until the queue of jobs has no messages, hidden ones included.
    pub(crate) async fn drained(&self) {
        let url = self.stack().queue_url("JobsQueue").unwrap();
        let sqs = self.stack().aws().unwrap().sqs();
        eventually("the queue is empty", async || {
            let asked = sqs.get_queue_attributes().queue_url(url).attribute_names(Name::All);
            let told = asked.send().await.unwrap().attributes.unwrap();
            let counts = [
                Name::ApproximateNumberOfMessages,
                Name::ApproximateNumberOfMessagesDelayed,
                Name::ApproximateNumberOfMessagesNotVisible,
            ];
            counts.iter().all(|count| told[count] == "0").then_some(())
        })
        .await;
    }

    /// Every row of every table by its key, to see whether anything has changed. Without what is told of it, which goes
    /// on meanwhile: the table of webhooks, and when an event is looked after.
    pub(crate) async fn rows(&self) -> BTreeMap<String, Value> {
        let mut rows = BTreeMap::new();
        for id in self.stack().tables().keys().filter(|id| *id != "WebhooksTable") {
            rows.extend(self.rows_of(id).await);
        }
        rows
    }

    /// Every row of a table by its key, but for when an event or a delivery is looked after.
    pub(crate) async fn rows_of(&self, id: &str) -> BTreeMap<String, Value> {
        let (client, table) = (self.stack().aws().unwrap().dynamodb(), &self.stack().tables()[id]);
        let (mut rows, mut from) = (BTreeMap::new(), None);
        loop {
            let scan = client.scan().table_name(table).consistent_read(true);
            let page = scan.set_exclusive_start_key(from).send().await.unwrap();
            for item in page.items.unwrap_or_default() {
                let mut row: Value = serde_dynamo::from_item(item).unwrap();
                let sk = row["sk"].as_str().unwrap_or_default();
                if sk.starts_with("event#") || sk.starts_with("delivery#") {
                    let row = row.as_object_mut().unwrap();
                    row.remove("due_shard");
                    row.remove("due_at_ms");
                }
                rows.insert(format!("{table} {} {}", row["pk"], row["sk"]), row);
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                return rows;
            }
        }
    }

    /// The row of a job, as it is stored.
    pub(crate) async fn row(&self, job: &str) -> Value {
        let rows = self.rows().await;
        let found = rows.into_values().find(|row| row["sk"] == format!("job#{job}"));
        found.unwrap()
    }

    /// Changes a text of a job's row by hand, past all conditions.
    pub(crate) async fn tamper(&self, caller: &Caller, job: &str, name: &str, text: &str) {
        let client = self.stack().aws().unwrap().dynamodb();
        let update = client.update_item().table_name(&self.stack().tables()["JobsTable"]);
        let (pk, sk) = (caller.user.as_str().to_owned(), format!("job#{job}"));
        let update = update.key("pk", AttributeValue::S(pk)).key("sk", AttributeValue::S(sk));
        let update = update.update_expression("SET #name = :text");
        let update = update.expression_attribute_names("#name", name);
        let update =
            update.expression_attribute_values(":text", AttributeValue::S(text.to_owned()));
        update.send().await.unwrap();
    }

    /// Nothing has changed in any table.
    pub(crate) async fn is_as_before(&self, before: &BTreeMap<String, Value>) {
        let after = self.rows().await;
        assert!(!before.is_empty() && after.len() == before.len());
        for (key, row) in after {
            assert_eq!(Some(&row), before.get(&key));
        }
    }

    /// The end of every scenario: the books are in order, and the stack stops.
    pub(crate) async fn finish(mut self) {
        for (service, name, split) in self.counts.seen() {
            let metric = Metric::ALL.into_iter().find(|metric| metric.name() == name).unwrap();
            assert!(metric.services().contains(&service.as_str()), "{service} counts {name}");
            assert_eq!(metric.split_by(), split, "{name}");
        }
        let audited = eventually("nobody moves money any more", async || {
            let report = self.store.audit(self.now(), SLACK, |_| {}).await.unwrap();
            report.moving.is_empty().then_some(report)
        });
        let report = audited.await;
        assert_eq!(report.violations, []);
        assert!(report.rows > 0 && report.is_clean(), "{report:?}");
        self.stack.take().unwrap().stop().await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.stack.is_none() || thread::panicking(), "a scenario ends without an audit");
    }
}

/// The machine's clock, so many milliseconds ahead.
fn clock(offset_ms: Arc<AtomicI64>) -> Clock {
    let system = Clock::system();
    Clock::new(move || {
        let offset = offset_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(system.now().millis().saturating_add_signed(offset))
    })
}

/// Asks until there is an answer, for as long as [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    testkit::eventually(what, PATIENCE, ask).await
}
