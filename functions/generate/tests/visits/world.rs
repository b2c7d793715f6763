//! Tables, pictures, a worker with a scripted upstream, and a clock that stands still until it is
//! put forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    hold::Hold,
    ids::{CreditId, Entropy, JobId, UserId},
    job::{Job, Run, State, Status},
    ledger::EntryKind,
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
    upstream::Upstream,
};
use generate::App;
use lambda_runtime::{Context, LambdaEvent};
use local::{Constraints, Options, Stack};
use providers::Providers;
use runtime::{Clock, Environment, Host, aws::Aws, metrics::Sink};
use serde_json::{Value, json};
use store::{Acceptance, Accepted, Credited, Store, Tables};
use testkit::Counts;

use crate::script::{Asked, Say, Script, Tell};

/// When it begins.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Who orders.
const USER: &str = "demo";
/// What there is to spend: enough for ten jobs to run at a time.
pub(crate) const CREDIT: u64 = 5_000_000;
/// What one picture costs. Every job orders two.
pub(crate) const PRICE: u64 = 37_500;
/// What every job holds.
pub(crate) const HOLD: u64 = 75_000;
/// How long an invocation lasts.
const INVOCATION: Duration = Duration::from_mins(1);
/// Later than the lease of an invocation that begins now.
pub(crate) const LEASE_OVER: Duration = Duration::from_secs(91);
/// Later than the upstream of a job that begins now may take, grace included.
pub(crate) const OVERDUE: Duration = Duration::from_secs(451);
/// Later than a job that is accepted now may last.
pub(crate) const EXPIRED: Duration = Duration::from_secs(1_801);

/// All of it.
pub(crate) struct World {
    stack: Stack,
    store: Store,
    app: App,
    pub(crate) script: Arc<Script>,
    pub(crate) counts: Counts,
    now_ms: Arc<AtomicU64>,
    jobs: AtomicU32,
    users: AtomicU32,
}

impl World {
    /// One user with money, whose jobs no worker but the test's hears of.
    pub(crate) async fn start() -> Self {
        let now_ms = Arc::new(AtomicU64::new(NOW.millis()));
        let clock = clock(&now_ms);
        let options = Options {
            constraints: Constraints::Ignored,
            sweep_every: Some(Duration::from_hours(1)),
            clock: clock.clone(),
            ..Options::default()
        };
        let stack = Stack::start(options).await.unwrap();
        stack.pause_queue();
        let table = |id| stack.tables().get(id).unwrap().clone();
        let tables = Tables {
            jobs: table("JobsTable"),
            ledger: table("LedgerTable"),
            keys: table("KeysTable"),
            webhooks: table("WebhooksTable"),
        };
        let store = Store::new(stack.aws().unwrap().dynamodb(), tables);
        let (script, counts) = (Arc::new(Script::default()), Counts::default());
        let app = App::new(
            stack.environment("GenerateFunction").unwrap(),
            Host::system().with_clock(clock).with_counts(Some(Sink::new(counts.taker()))),
        )
        .unwrap();
        let app = app.with_providers(Providers::with_sandbox(script.clone()));
        let world = Self {
            stack,
            store,
            app,
            script,
            counts,
            now_ms,
            jobs: AtomicU32::default(),
            users: AtomicU32::default(),
        };
        world.open_account(USER.parse().unwrap()).await;
        world
    }

    /// One more user with money.
    pub(crate) async fn customer(&self) -> UserId {
        let user = format!("user-{}", self.users.fetch_add(1, Ordering::SeqCst));
        self.open_account(user.parse().unwrap()).await
    }

    async fn open_account(&self, user: UserId) -> UserId {
        assert!(self.store.open_account(&user).await.unwrap());
        let credit = (CreditId::new(NOW, &Entropy::default()), usd(CREDIT));
        let credited = self.store.credit(&user, credit, "payment", NOW).await.unwrap();
        assert_eq!(credited, Credited::Now);
        user
    }

    /// One more worker like the first, that finds other variables.
    pub(crate) fn elsewhere(&self, change: impl FnOnce(Environment) -> Environment) -> App {
        let host = Host::system().with_clock(clock(&self.now_ms));
        let host = host.with_counts(Some(Sink::new(self.counts.taker())));
        let environment = self.stack.environment("GenerateFunction").unwrap().clone();
        let app = App::new(&change(environment), host).unwrap();
        app.with_providers(Providers::with_sandbox(self.script.clone()))
    }

    /// A run of the sweep, that finds other variables.
    pub(crate) async fn sweep(&self, change: impl FnOnce(Environment) -> Environment) {
        let clock = clock(&self.now_ms);
        let environment = change(self.stack.environment("SweepFunction").unwrap().clone());
        let app = sweep::App::new(&environment, Host::system().with_clock(clock)).unwrap();
        let mut context = Context::default();
        context.deadline = self.now().plus(INVOCATION).millis();
        sweep::handle(&app, LambdaEvent::new(Value::Null, context)).await.unwrap();
    }

    /// One more worker on the same tables, with these upstreams and this clock.
    pub(crate) fn worker(&self, providers: Providers, clock: Clock) -> App {
        let environment = self.stack.environment("GenerateFunction").unwrap();
        App::new(environment, Host::system().with_clock(clock)).unwrap().with_providers(providers)
    }

    /// The time of the worker.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    /// Puts the worker's clock forward.
    pub(crate) fn forward(&self, by: Duration) {
        self.now_ms.fetch_add(by.as_millis().try_into().unwrap(), Ordering::SeqCst);
    }

    /// A new job for two pictures, with what the upstream will say about it.
    pub(crate) async fn job(
        &self,
        says: impl IntoIterator<Item = Say>,
        tells: impl IntoIterator<Item = Tell>,
    ) -> Job {
        let draft = Draft {
            model: "recraft-v3".to_owned(),
            prompt: "a cat".to_owned(),
            n: Some(2),
            ..Draft::default()
        };
        let job = self.accept(USER.parse().unwrap(), Upstream::Sandbox, draft).await;
        self.script.add(&job, says, tells);
        job
    }

    /// A new job of a user, for an upstream.
    pub(crate) async fn accept(&self, user: UserId, upstream: Upstream, draft: Draft) -> Job {
        let mut entropy = Entropy::default();
        let n = self.jobs.fetch_add(1, Ordering::SeqCst);
        // From the end: of the first bytes, some bits are the version's.
        entropy.iter_mut().rev().zip(n.to_le_bytes()).for_each(|(byte, from)| *byte = from);
        let order = Order::agree(draft).unwrap();
        let now = self.now();
        let job = Job {
            id: JobId::new(now, &entropy),
            user,
            hold: Hold::new(usd(PRICE), order.n).unwrap(),
            order,
            upstream,
            turn: None,
            created_at: now,
            deadline: now.plus(Duration::from_mins(15)),
            expires_at: now.plus(Duration::from_mins(30)),
            state: State::Pending,
        };
        let accepted = self.store.accept(&Acceptance { job: &job, key: None }).await;
        assert_eq!(accepted.unwrap(), Accepted::Now);
        job
    }

    /// One invocation for one job, which goes well.
    pub(crate) async fn visit(&self, job: &Job) {
        self.visit_for(job, INVOCATION).await;
    }

    /// The same, with so much time.
    pub(crate) async fn visit_for(&self, job: &Job, time: Duration) {
        assert_eq!(self.invoke(vec![message("one", &bell(job))], time).await, [""; 0]);
    }

    /// One invocation for these messages. The ids of those that come back.
    pub(crate) async fn batch(&self, messages: Vec<Value>) -> Vec<String> {
        self.invoke(messages, INVOCATION).await
    }

    async fn invoke(&self, messages: Vec<Value>, time: Duration) -> Vec<String> {
        invoke(&self.app, messages, self.now().plus(time)).await
    }

    /// When the sweep looks at a job.
    pub(crate) async fn due(&self, job: &Job) -> Timestamp {
        let (books, _) = self.store.books(&job.user).await.unwrap();
        let found = books.jobs.into_iter().find(|facts| facts.id == job.id);
        found.unwrap().due_at.unwrap()
    }

    /// What is stored of a job.
    pub(crate) async fn look(&self, job: &Job) -> Job {
        self.store.job(&job.user, &job.id).await.unwrap().unwrap()
    }

    /// The run of a job that is still open, with its hold standing.
    pub(crate) async fn open(&self, job: &Job) -> Run {
        assert_eq!(self.resolutions(job).await, []);
        let state = self.look(job).await.state;
        let State::Processing(run) = state else { panic!("{state:?}") };
        run
    }

    /// The run of a job that is open and in nobody's hands.
    pub(crate) async fn put_down(&self, job: &Job) -> Run {
        let run = self.open(job).await;
        assert_eq!(run.lease_until, None);
        run
    }

    /// The job has ended so, resolved once at this charge.
    pub(crate) async fn ended(&self, job: &Job, status: Status, charged: u64) -> Job {
        let found = self.look(job).await;
        assert_eq!(found.state.status(), status, "{:?}", found.state);
        let released = HOLD.checked_sub(charged).unwrap();
        assert_eq!(self.resolutions(job).await, [(usd(charged), usd(released))]);
        found
    }

    /// How often the upstream was asked for a job to begin, how far it was, and to stop.
    pub(crate) fn asked(&self, job: &Job, submits: u32, polls: u32, cancels: u32) {
        assert_eq!(self.script.asked(job), Asked { submits, polls, cancels });
        assert!(self.script.is_said(job));
    }

    /// The way to the stand-ins.
    pub(crate) fn aws(&self) -> Aws {
        self.stack.aws().unwrap()
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        self.stack.s3().unwrap()
    }

    /// A table by its name in the template.
    pub(crate) fn table(&self, id: &str) -> &str {
        self.stack.tables().get(id).unwrap()
    }

    /// Where the pictures are kept.
    pub(crate) fn bucket(&self) -> String {
        self.stack.buckets().get("ImagesBucket").unwrap().clone()
    }

    /// A picture as it is kept.
    pub(crate) async fn kept(&self, key: &str) -> Vec<u8> {
        self.kept_as(key).await.1
    }

    /// What a picture is kept as, and the picture.
    pub(crate) async fn kept_as(&self, key: &str) -> (String, Vec<u8>) {
        let s3 = self.s3();
        let found = s3.get_object().bucket(self.bucket()).key(key).send().await.unwrap();
        let content_type = found.content_type().unwrap().to_owned();
        (content_type, found.body.collect().await.unwrap().to_vec())
    }

    /// The books are in order, with so much charged and held in all, and the stack stops.
    pub(crate) async fn finish(self, charged: u64, held: u64) {
        assert_eq!(self.balance(&USER.parse().unwrap()).await, (charged, held));
        self.close().await;
    }

    /// What was charged to a user, and what is held.
    pub(crate) async fn balance(&self, user: &UserId) -> (u64, u64) {
        let balance = self.store.balance(user).await.unwrap().unwrap();
        (balance.charged.micros(), balance.held.micros())
    }

    /// The books are in order, and the stack stops.
    pub(crate) async fn close(self) {
        let report = self.store.audit(self.now(), Duration::ZERO, |_| {}).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
        self.stop().await;
    }

    /// The stack stops, whatever the books are like.
    pub(crate) async fn stop(self) {
        self.stack.stop().await.unwrap();
    }

    /// What was charged and released for a job, each time that it was resolved.
    pub(crate) async fn resolutions(&self, job: &Job) -> Vec<(MicroUsd, MicroUsd)> {
        let (books, _) = self.store.books(&job.user).await.unwrap();
        let mut found = Vec::new();
        for entry in books.entries {
            if let EntryKind::Resolution { job: id, figures } = entry.kind
                && id == job.id
            {
                found.push((figures.charged, figures.released));
            }
        }
        found
    }
}

/// A clock that shows what this says.
fn clock(now_ms: &Arc<AtomicU64>) -> Clock {
    let told = Arc::clone(now_ms);
    Clock::new(move || Timestamp::from_millis(told.load(Ordering::SeqCst)))
}

/// One invocation of a worker for these messages. The ids of those that come back.
pub(crate) async fn invoke(app: &App, messages: Vec<Value>, deadline: Timestamp) -> Vec<String> {
    let event = serde_json::from_value(json!({ "Records": messages })).unwrap();
    let mut context = Context::default();
    context.deadline = deadline.millis();
    let response = generate::handle(app, LambdaEvent::new(event, context)).await;
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// What rings for a job.
pub(crate) fn bell(job: &Job) -> String {
    json!({ "v": 1, "user_id": job.user.as_str(), "job_id": job.id.to_string() }).to_string()
}

/// A message as SQS hands it to Lambda.
pub(crate) fn message(id: &str, body: &str) -> Value {
    json!({
        "messageId": id,
        "receiptHandle": "AQEB",
        "body": body,
        "attributes": { "ApproximateReceiveCount": "1" },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:jobs",
        "awsRegion": "us-east-1",
    })
}

pub(crate) fn usd(micros: u64) -> MicroUsd {
    MicroUsd::try_from(micros).unwrap()
}
