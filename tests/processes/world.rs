//! A stack on which nothing runs by itself: its tables, queue and bucket, an upstream that is played, and
//! whoever has the functions run against them.

mod caller;
mod queue;

use std::{thread, time::Duration};

use aws_sdk_sqs::config::timeout::TimeoutConfig;
use domain::{
    ids::{CreditId, JobId, UserId},
    job::{Job, State, Status},
    ledger::EntryKind,
    time::Timestamp,
};
use futures_util::future::join_all;
use local::{Constraints, Options, Stack, TemplateSource, UpstreamVariables, template::TEMPLATE};
use runtime::{Clock, Entropy, Environment};
use serde_json::{Value, json};
use store::{Grant, Store, Tables};
use testkit::{Plan, Upstream, play};

pub(crate) use caller::{Answer, Caller};
pub(crate) use queue::event;

use crate::program::{Function, Program};

/// The longest that is waited for anything. It takes a fraction of that; a busy machine may need more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// What an invocation has that goes to its end.
pub(crate) const LONG: Duration = Duration::from_mins(1);
/// What an invocation has that dies after it may have sent an order: just enough for one to be sent, because
/// its lease must end before another may go on.
pub(crate) const ORDERING: Duration = Duration::from_secs(24);
/// What an invocation has that dies and sends no order.
pub(crate) const SHORT: Duration = Duration::from_secs(4);
/// What a request has, as in the template.
pub(crate) const REQUEST: Duration = Duration::from_secs(10);
/// The price of the order.
pub(crate) const PRICE: u64 = 81_000;
/// What each user has paid.
const CREDIT: u64 = 6_000_000;
/// How long after its end a job may be open before the audit objects.
const SLACK: Duration = Duration::from_mins(1);
/// As short as they can be, so that who comes next comes soon.
const HASTE: [(&str, &str); 4] = [
    ("LeaseMarginSeconds", "0"),
    ("RevisitSeconds", "1"),
    ("ReannounceSeconds", "1"),
    ("GraceSeconds", "1"),
];
/// The events of the template that would have functions run by themselves.
const EVENTS: [&str; 2] =
    ["      Events:\n        Jobs:\n", "      Events:\n        EveryMinute:\n"];

/// A stack of one's own.
pub(crate) struct World {
    pub(crate) upstream: Upstream,
    stack: Option<Stack>,
    store: Store,
    sqs: aws_sdk_sqs::Client,
    queue: String,
    entropy: Entropy,
}

impl World {
    pub(crate) async fn start() -> World {
        World::with(&[]).await
    }

    /// With other values for parameters of the template.
    pub(crate) async fn with(parameters: &[(&str, &str)]) -> World {
        // Fails if another scenario has installed it already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let upstream = Upstream::start();
        play::bfl(&upstream, Plan { polls_before_ready: 0, ..Plan::default() });
        let variables =
            [("BFL_API_KEY", Plan::default().key), ("BFL_BASE_URL", upstream.url().into())];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let parameter = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let options = Options {
            template: TemplateSource::Text(quiet()),
            parameters: HASTE.iter().chain(parameters).copied().map(parameter).collect(),
            upstreams: UpstreamVariables::of(&Environment::from_iter(variables)),
            constraints: Constraints::Ignored,
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
        let aws = stack.aws().unwrap();
        // Whoever looks on has more patience than what is looked at.
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(PATIENCE)
            .operation_timeout(PATIENCE)
            .build();
        let dynamodb = aws.dynamodb().config().to_builder().timeout_config(patience.clone());
        let store = Store::new(aws_sdk_dynamodb::Client::from_conf(dynamodb.build()), tables);
        let sqs = aws.sqs().config().to_builder().timeout_config(patience).build();
        let sqs = aws_sdk_sqs::Client::from_conf(sqs);
        let queue = stack.queue_url("JobsQueue").unwrap().to_owned();
        let entropy = Entropy::system();
        World { upstream, stack: Some(stack), store, sqs, queue, entropy }
    }

    pub(crate) fn stack(&self) -> &Stack {
        self.stack.as_ref().unwrap()
    }

    pub(crate) fn now() -> Timestamp {
        Clock::system().now()
    }

    /// A new user with money and a key.
    pub(crate) async fn user(&self, name: &str) -> Caller {
        let user: UserId = name.parse().unwrap();
        self.store.open_account(&user).await.unwrap();
        let id = CreditId::new(World::now(), &self.entropy.bytes().unwrap());
        let amount = CREDIT.try_into().unwrap();
        self.store.credit(&user, (id, amount), "payment", World::now()).await.unwrap();
        let caller = Caller::new(user, &self.entropy);
        let (grant, now) = (Grant::default(), World::now());
        assert!(self.store.add_key(&caller.user, &caller.key, &grant, now).await.unwrap());
        caller
    }

    /// A function, running.
    pub(crate) async fn program(&self, function: Function) -> Program {
        Program::start(self, function).await
    }

    /// What is stored of a job.
    pub(crate) async fn job(&self, caller: &Caller, job: &JobId) -> Job {
        self.store.job(&caller.user, job).await.unwrap().unwrap()
    }

    /// The jobs that a user has.
    pub(crate) async fn jobs(&self, caller: &Caller) -> Vec<JobId> {
        let (books, _) = self.store.books(&caller.user).await.unwrap();
        books.jobs.into_iter().map(|facts| facts.id).collect()
    }

    /// What is held of a user's money, and what was charged.
    pub(crate) async fn held_and_charged(&self, caller: &Caller) -> (u64, u64) {
        let balance = self.store.balance(&caller.user).await.unwrap().unwrap();
        (balance.held.micros(), balance.charged.micros())
    }

    /// What was charged and what released for a job, each time that it was resolved.
    pub(crate) async fn resolutions(&self, caller: &Caller, job: &JobId) -> Vec<(u64, u64)> {
        let (books, _) = self.store.books(&caller.user).await.unwrap();
        let resolution = |kind| match kind {
            EntryKind::Resolution { job: of, figures } if of == *job => {
                Some((figures.charged.micros(), figures.released.micros()))
            }
            EntryKind::Credit { .. }
            | EntryKind::Hold { .. }
            | EntryKind::Resolution { .. }
            | EntryKind::Reversal { .. } => None,
        };
        books.entries.into_iter().filter_map(|entry| resolution(entry.kind)).collect()
    }

    /// How many orders the upstream has.
    pub(crate) fn orders(&self) -> usize {
        self.upstream.seen("POST", "*").len()
    }

    /// How many objects there are for a job.
    pub(crate) async fn objects(&self, job: &JobId) -> usize {
        let s3 = self.stack().s3().unwrap();
        let bucket = &self.stack().buckets()["ImagesBucket"];
        let listed = s3.list_objects_v2().bucket(bucket).prefix(format!("jobs/{job}/"));
        listed.send().await.unwrap().contents().len()
    }

    /// Runs the sweep, which must manage.
    pub(crate) async fn sweep(sweep: &Program) -> Value {
        let report = sweep.invoke(&json!({}), LONG).await.answer();
        assert_eq!(report["failed"], 0, "{report}");
        report
    }

    /// Has the sweep and a worker do their work, both fresh and unharmed, until these jobs have ended.
    pub(crate) async fn run(&self, caller: &Caller, jobs: &[JobId]) {
        let (worker, sweep) =
            tokio::join!(self.program(Function::Generate), self.program(Function::Sweep));
        self.run_with(&worker, &sweep, caller, jobs).await;
    }

    pub(crate) async fn run_with(
        &self,
        worker: &Program,
        sweep: &Program,
        caller: &Caller,
        jobs: &[JobId],
    ) {
        eventually("the jobs have ended", async || {
            World::sweep(sweep).await;
            for message in self.messages().await {
                self.hand_over(worker, &message).await;
            }
            let ended = join_all(jobs.iter().map(|job| self.has_ended(caller, job))).await;
            ended.into_iter().all(|ended| ended).then_some(())
        })
        .await;
        // Whatever rings now changes nothing.
        for message in self.messages().await {
            self.hand_over(worker, &message).await;
        }
    }

    pub(crate) async fn has_ended(&self, caller: &Caller, job: &JobId) -> bool {
        self.job(caller, job).await.state.status().is_terminal()
    }

    /// Waits until nobody has the job.
    pub(crate) async fn is_free(&self, caller: &Caller, job: &JobId) {
        eventually("nobody has the job", async || {
            let State::Processing(run) = self.job(caller, job).await.state else { return Some(()) };
            run.lease_until.is_none_or(|until| World::now() >= until).then_some(())
        })
        .await;
    }

    /// The job ended so and was resolved once, at the price or at nothing; its pictures are kept, once.
    pub(crate) async fn is_settled(&self, caller: &Caller, job: &JobId) -> Status {
        let state = self.job(caller, job).await.state;
        let (status, pictures) = (state.status(), state.images().len());
        let charged = if status == Status::Succeeded { PRICE } else { 0 };
        let resolutions = self.resolutions(caller, job).await;
        assert_eq!(resolutions, [(charged, PRICE.checked_sub(charged).unwrap())], "{state:?}");
        if status == Status::Succeeded {
            assert_eq!((pictures, self.objects(job).await), (1, 1));
        }
        status
    }

    /// The end of every scenario: the books are in order, nobody asked the upstream for what it does not
    /// take, and the stack stops.
    pub(crate) async fn finish(mut self) {
        let report = self.store.audit(World::now(), SLACK, |_| {}).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
        assert_eq!(self.upstream.violations(), [""; 0]);
        self.stack.take().unwrap().stop().await.unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.stack.is_none() || thread::panicking(), "a scenario ends without an audit");
    }
}

/// The template, without what has functions run by themselves.
fn quiet() -> String {
    EVENTS.iter().fold(TEMPLATE.to_owned(), |text, event| {
        let (before, after) = text.split_once(event).unwrap();
        let (_, after) = after.split_once("\n\n").unwrap();
        format!("{before}\n{after}")
    })
}

/// Asks until there is an answer, for as long as [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    testkit::eventually(what, PATIENCE, ask).await
}
