//! One run: a seed, a world, faults for a while, then none, until everything has ended.

use std::{collections::BTreeMap, time::Duration};

use aws_lambda_events::sqs::SqsEvent;
use domain::{
    audit::{Books, Violation},
    ids::{CreditId, JobId, UserId},
    job::Status,
    money::MicroUsd,
};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::json;
use testkit::CrashPoint;
use tokio::{
    task::spawn_local,
    time::{sleep, sleep_until},
};

use crate::{
    api::Api,
    callers::{Callers, Shape},
    chance::Chance,
    check::check,
    cloud::{Cloud, Message},
    functions::{Functions, limit},
    process::Ended,
    sight::{Sight, Sights},
    time::{Time, paused, skewed},
    trace::Trace,
    upstream::Orders,
    weather::Weather,
};

/// How often the sweep runs, as the template says.
const SWEEP: Duration = Duration::from_mins(1);
/// The longest that a job may live, as the template says, and what the sweep needs to end it.
const LIFE: Duration = Duration::from_mins(30 + 6);

/// How long what was given back is remembered.
const RETENTION: Duration = Duration::from_hours(90 * 24);

/// What a run found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The weather of the run.
    pub weather: &'static str,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// What came down, and why.
    pub panics: Vec<String>,
    /// What was seen.
    pub sights: Sights,
    /// Where processes died, and how often.
    pub crashes: BTreeMap<CrashPoint, u64>,
    /// How many writes were audited.
    pub commits: u64,
    /// How many jobs there were.
    pub jobs: usize,
    /// What happened, if that was wanted.
    pub trace: Vec<String>,
}

impl Report {
    /// Everything that was wrong, a line each.
    #[must_use]
    pub fn wrong(&self) -> Vec<String> {
        let violations = self
            .violations
            .iter()
            .map(|found| format!("{} {}: {}", found.invariant, found.user, found.what));
        violations.chain(self.panics.iter().map(|why| format!("it came down: {why}"))).collect()
    }
}

/// Runs a seed.
///
/// # Panics
/// If the simulation itself cannot go on.
#[must_use]
pub fn run(seed: u64, wants_trace: bool) -> Report {
    paused(seed, simulate(seed, wants_trace))
}

async fn simulate(seed: u64, wants_trace: bool) -> Report {
    let mut chance = Chance::new(seed);
    let weather = Weather::draw(&mut chance);
    let time = Time::begin();
    let trace = Trace::new(time, wants_trace);
    trace.say(|| format!("seed {seed}: {weather:?}"));
    let cloud = Cloud::new(time, weather.clone(), chance.fork(), trace.clone()).unwrap();
    let orders = Orders::new(chance.fork());
    let functions = Functions::new(&cloud, &orders, chance.fork());
    let stage = Stage { cloud: cloud.clone(), functions: functions.clone() };

    let shape = shape(&mut chance, &weather);
    let users = stage.open_accounts(shape, &mut chance).await;
    stage.start(&mut chance);
    // A chance of its own: what else a seed decides does not depend on who complains.
    let (operator, complaints) = (stage.clone(), Chance::new(!seed));
    stage.spawn(async move { operator.give_back(complaints).await });
    let callers = Callers::new(Api::new(&functions), &cloud, chance.fork());
    let ordering = callers.run(&users, shape);
    let clearing = async {
        sleep_until(time.instant(weather.clears)).await;
        cloud.state().weather = weather.cleared();
        trace.say(|| "the weather clears up".to_owned());
    };
    tokio::join!(ordering, clearing);
    stage.settle().await;

    let mut report = report(seed, &weather, &cloud);
    let books: Vec<Books> = cloud.state().ledger.books().cloned().collect();
    // The last looks, when nothing goes wrong any more.
    for books in &books {
        for job in &books.jobs {
            callers.look(&books.user, job.id).await;
        }
    }
    let taken = orders.taken();
    report.violations.extend(check(&cloud, &callers.record(), &taken, weather.is_fair()));
    report.panics = cloud.panics();
    report.trace = trace.lines();
    if cloud.queue().given_up() > 0 {
        report.sights.see(Sight::DeadLetter);
    }
    report
}

/// What has been found when every job has ended, or should have.
fn report(seed: u64, weather: &Weather, cloud: &Cloud) -> Report {
    let state = cloud.state();
    Report {
        seed,
        weather: weather.name,
        violations: state.ledger.violations.clone(),
        panics: Vec::new(),
        sights: state.ledger.sights.clone(),
        crashes: state.crashes.clone(),
        commits: state.ledger.commits,
        jobs: state.ledger.books().map(|books| books.jobs.len()).sum(),
        trace: Vec::new(),
    }
}

fn shape(chance: &mut Chance, weather: &Weather) -> Shape {
    let crowd = chance.permille(60);
    let users = usize::try_from(chance.number(1..=3)).unwrap_or(1);
    let orders = if crowd { chance.number(12..=24) } else { chance.number(1..=6) };
    let longest = if crowd { Duration::from_secs(5) } else { weather.clears };
    let span = chance.millis(0..=u64::try_from(longest.as_millis()).unwrap_or(0));
    Shape { users: if crowd { 1 } else { users }, orders, span }
}

/// Everything that runs by itself.
#[derive(Clone)]
struct Stage {
    cloud: Cloud,
    functions: Functions,
}

impl Stage {
    fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        drop(spawn_local(self.cloud.clone().attend(work)));
    }

    async fn open_accounts(&self, shape: Shape, chance: &mut Chance) -> Vec<UserId> {
        let store = self.functions.operator();
        let mut users = Vec::new();
        for number in 0..shape.users {
            let user: UserId = format!("user-{number}").parse().unwrap();
            store.open_account(&user).await.unwrap();
            let most = shape.orders.saturating_mul(150_000);
            // So rich that the pockets of the balance are halved where orders meet.
            let most = if chance.permille(300) { most.saturating_add(20_000_000) } else { most };
            let amount = if chance.permille(400) { chance.number(0..=most) } else { most };
            let payments = chance.number(1..=2);
            for payment in 1..=payments {
                let amount = MicroUsd::try_from(amount.div_euclid(payments)).unwrap();
                let top_up = TopUp { user: user.clone(), amount, number: payment };
                if payment == 1 {
                    self.top_up(&top_up, chance).await;
                } else {
                    let (stage, mut chance) = (self.clone(), chance.fork());
                    self.spawn(async move {
                        sleep(chance.millis(0..=100_000)).await;
                        stage.top_up(&top_up, &mut chance).await;
                    });
                }
            }
            users.push(user);
        }
        users
    }

    /// An operator tops an account up, and presses the button again.
    async fn top_up(&self, top_up: &TopUp, chance: &mut Chance) {
        let store = self.functions.operator();
        let reference = format!("payment-{}", top_up.number);
        for _ in 0..chance.number(1..=2) {
            let mut entropy = domain::ids::Entropy::default();
            chance.fill(&mut entropy);
            let now = self.cloud.time().now();
            let credit = (CreditId::new(now, &entropy), top_up.amount);
            // Too busy is an answer too: an operator tries again.
            drop(store.credit(&top_up.user, credit, &reference, now).await);
        }
    }

    /// In some runs somebody complains now and then, and the operator gives the charge of a job back, and
    /// presses the button again.
    async fn give_back(&self, mut chance: Chance) {
        if !chance.permille(200) {
            return;
        }
        let store = self.functions.operator();
        loop {
            sleep(chance.millis(5_000..=120_000)).await;
            let paid: Vec<(UserId, JobId)> = {
                let state = self.cloud.state();
                let of = |books: &Books| {
                    let paid = books.jobs.iter().filter(|job| job.status == Status::Succeeded);
                    paid.map(|job| (books.user.clone(), job.id)).collect::<Vec<_>>()
                };
                state.ledger.books().flat_map(of).collect()
            };
            let Some((user, job)) = paid.get(chance.index(paid.len())) else { continue };
            let Ok(charge) = store.charge(user, job).await else { continue };
            for _ in 0..chance.number(1..=2) {
                let now = self.cloud.time().now();
                // Too busy or unknown is an answer too: the operator may try again.
                drop(store.reverse(&charge, "a complaint", now, RETENTION).await);
            }
        }
    }

    /// Starts the workers, and the sweep.
    fn start(&self, chance: &mut Chance) {
        for _ in 0..chance.number(1..=3) {
            let (stage, chance) = (self.clone(), chance.fork());
            self.spawn(async move { stage.work(chance).await });
        }
        for _ in 0..chance.number(1..=2) {
            let (stage, chance) = (self.clone(), chance.fork());
            self.spawn(async move { stage.sweep(chance).await });
        }
        let (stage, mut chance) = (self.clone(), chance.fork());
        self.spawn(async move {
            loop {
                sleep(chance.millis(60_000..=900_000)).await;
                stage.cloud.queue().redrive();
            }
        });
    }

    /// One environment of the worker, and those that replace it.
    async fn work(&self, mut chance: Chance) {
        let (mut process, mut app) = self.functions.generate();
        loop {
            let batch = usize::try_from(chance.number(1..=3)).unwrap_or(1);
            let off = self.cloud.state().weather.no_work;
            let now = self.cloud.time().since_begin();
            if let Some((_, until)) = off.filter(|(from, until)| *from <= now && now < *until) {
                sleep_until(self.cloud.time().instant(until)).await;
            }
            let messages = self.cloud.queue().receive(batch).await;
            let limit = limit("GenerateFunction");
            let event = batch_event(&messages);
            let mut context = Context::default();
            let deadline = self.cloud.time().now().plus(limit);
            context.deadline = skewed(deadline, process.ahead_ms()).millis();
            let work = generate::handle(&app, LambdaEvent::new(event, context));
            match process.invoke(limit, work).await {
                Ended::Answered(response) => self.answer(&process, &messages, &response),
                Ended::Died | Ended::TimedOut => process.kill(),
            }
            if process.is_dead() {
                (process, app) = self.functions.generate();
            }
        }
    }

    /// The batch is answered, unless the process dies before anybody hears it.
    fn answer(
        &self,
        process: &crate::process::Process,
        messages: &[Message],
        response: &aws_lambda_events::sqs::SqsBatchResponse,
    ) {
        let settled = process.has_settled();
        let points: &[CrashPoint] = if settled { &[CrashPoint::Cp11] } else { &[] };
        if self.cloud.may_die(process, points) {
            return;
        }
        let failed: Vec<u64> = response
            .batch_item_failures
            .iter()
            .map(|failure| failure.item_identifier.parse().unwrap())
            .collect();
        let (back, done): (Vec<u64>, Vec<u64>) =
            messages.iter().map(|message| message.id).partition(|id| failed.contains(id));
        self.cloud.queue().delete(done);
        self.cloud.queue().give_back(back);
        self.cloud.may_die(process, &[CrashPoint::Cp12]);
    }

    /// The schedule. A sweep that has nothing to find is left out.
    async fn sweep(&self, mut chance: Chance) {
        let (mut process, mut app) = self.functions.sweep();
        loop {
            // Every minute on the minute, so that two of them overlap.
            let begun = self.cloud.time().since_begin();
            let minutes = begun.as_secs().div_euclid(SWEEP.as_secs()).saturating_add(1);
            let next = SWEEP.saturating_mul(u32::try_from(minutes).unwrap_or(u32::MAX));
            let jitter = chance.millis(0..=40);
            sleep_until(self.cloud.time().instant(next.saturating_add(jitter))).await;
            let now = self.cloud.time().since_begin();
            let off = self.cloud.state().weather.no_sweep;
            let is_off = off.is_some_and(|(from, until)| from <= now && now < until);
            if is_off || !self.cloud.has_due() {
                continue;
            }
            let limit = limit("SweepFunction");
            let mut context = Context::default();
            let deadline = self.cloud.time().now().plus(limit);
            context.deadline = skewed(deadline, process.ahead_ms()).millis();
            let work = sweep::handle(&app, LambdaEvent::new(json!({}), context));
            match process.invoke(limit, work).await {
                Ended::Answered(_) => {
                    if process.has_settled() {
                        self.cloud.may_die(&process, &[CrashPoint::Sp4]);
                    }
                }
                Ended::Died | Ended::TimedOut => process.kill(),
            }
            if process.is_dead() {
                (process, app) = self.functions.sweep();
            }
        }
    }

    /// Waits until every job has ended, and everything that was late has come.
    async fn settle(&self) {
        let begun = self.cloud.time().since_begin();
        loop {
            let open = self.cloud.state().ledger.open_jobs();
            let waited = self.cloud.time().since_begin().saturating_sub(begun);
            if open == 0 || waited > LIFE {
                break;
            }
            sleep(Duration::from_secs(10)).await;
        }
        sleep(Duration::from_mins(5)).await;
    }
}

/// Money that came in.
#[derive(Clone, Debug)]
struct TopUp {
    user: UserId,
    amount: MicroUsd,
    number: u64,
}

fn batch_event(messages: &[Message]) -> SqsEvent {
    let records: Vec<_> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id.to_string(),
                "receiptHandle": "simulated",
                "body": message.body,
                "attributes": {},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:jobs",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}
