//! One busy account: orders come at a given rate, each is held, made and settled, and all of them meet on the
//! account's balance. Transactions take 10 to 25 ms and conflict as they do on AWS; nothing else goes wrong.

use std::{sync::Arc, sync::Mutex, time::Duration};

use domain::{
    audit::{History, Snapshot, audit},
    ids::{CreditId, JobId, UserId},
    job::{Delivered, Ending, Image},
    money::MicroUsd,
};
use serde_json::json;
use store::{Claimed, FinishError, Finished, Guard, Lease, Store};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    api::{Api, Heard},
    chance::Chance,
    cloud::Cloud,
    functions::Functions,
    time::{Time, paused},
    trace::Trace,
    upstream::Orders,
    weather::Weather,
};

/// How long the upstream takes.
const MAKING: Duration = Duration::from_millis(800);
/// After what time a worker that found the account busy comes back, as the template says.
const REVISIT: Duration = Duration::from_secs(5);

/// After how many commits the books are audited: each time takes as long as there are jobs.
const AUDIT_EVERY: u64 = 100;

/// What a busy account could do.
#[derive(Clone, Debug, Default)]
pub struct Contention {
    /// How many orders came in a second.
    pub rate: u32,
    /// How many came in all.
    pub orders: usize,
    /// How many were accepted at the first request.
    pub accepted: usize,
    /// How many were told that the account is busy.
    pub busy: usize,
    /// How many were settled.
    pub settled: usize,
    /// From the request to the answer of those that were accepted, shortest first.
    pub accepting: Vec<Duration>,
    /// From the pictures to the settlement, shortest first.
    pub settling: Vec<Duration>,
    /// Transactions that met another one.
    pub conflicts: u64,
    /// Transactions that were written.
    pub commits: u64,
    /// How long it took until everything was settled.
    pub took: Duration,
    /// In how many pockets the balance was in the end.
    pub pockets: usize,
    /// What must not be.
    pub violations: Vec<String>,
}

impl Contention {
    /// How many jobs a second were accepted and settled.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a figure to look at, not money")]
    pub fn jobs_per_second(&self) -> f64 {
        let settled = u32::try_from(self.settled).unwrap_or(u32::MAX);
        f64::from(settled) / self.took.as_secs_f64()
    }
}

/// The longest of the shortest so many in a hundred.
#[must_use]
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// Places so many orders on one account, `rate` of them a second; all at once, if that is zero.
///
/// # Panics
/// If the simulation itself cannot go on.
#[must_use]
pub fn contend(seed: u64, rate: u32, orders: u32) -> Contention {
    paused(seed, run(seed, rate, orders))
}

async fn run(seed: u64, rate: u32, orders: u32) -> Contention {
    let mut chance = Chance::new(seed);
    let time = Time::begin();
    let trace = Trace::new(time, false);
    let cloud = Cloud::new(time, Weather::default(), chance.fork(), trace).unwrap();
    let functions = Functions::new(&cloud, &Orders::new(chance.fork()), chance.fork());
    let user: UserId = "busy".parse().unwrap();
    let store = functions.operator();
    store.open_account(&user).await.unwrap();
    let mut entropy = domain::ids::Entropy::default();
    chance.fill(&mut entropy);
    let credit = (CreditId::new(time.now(), &entropy), MicroUsd::constant(5_000_000_000));
    store.credit(&user, credit, "payment", time.now()).await.unwrap();
    let before = {
        let mut state = cloud.state();
        state.audit_every = AUDIT_EVERY;
        state.ledger.commits
    };

    let account = Account {
        api: Api::new(&functions),
        store: functions.worker(),
        cloud: cloud.clone(),
        user,
        found: Arc::default(),
    };
    let mut calls = JoinSet::new();
    let begun = Instant::now();
    for number in 0..orders {
        let gap = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
        let even = gap.saturating_mul(number);
        let jitter = chance.millis(0..=u64::try_from(gap.as_millis()).unwrap_or(0));
        let at = begun.checked_add(even.saturating_add(jitter)).unwrap_or(begun);
        let account = account.clone();
        calls.spawn_local(async move {
            sleep_until(at).await;
            Box::pin(account.order(number)).await;
        });
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
    let mut found = account.found.lock().unwrap().clone();
    found.took = begun.elapsed();
    found.rate = rate;
    found.orders = usize::try_from(orders).unwrap_or(usize::MAX);
    found.accepting.sort_unstable();
    found.settling.sort_unstable();
    let (books, _) = store.books(&account.user).await.unwrap();
    let pockets = store.pockets(&account.user).await.unwrap();
    found.pockets = pockets.map_or(0, |pockets| pockets.iter().count());
    let snapshot = Snapshot { books, now: time.now(), slack: Duration::ZERO };
    let mut wrong = audit(&snapshot, &History::default());
    let state = cloud.state();
    found.commits = state.ledger.commits.saturating_sub(before);
    found.conflicts = state.conflicts;
    wrong.extend(state.ledger.violations.iter().cloned());
    found.violations =
        wrong.iter().map(|found| format!("{} {}", found.invariant, found.what)).collect();
    found
}

#[derive(Clone)]
struct Account {
    api: Api,
    store: Store,
    cloud: Cloud,
    user: UserId,
    found: Arc<Mutex<Contention>>,
}

impl Account {
    async fn order(&self, number: u32) {
        let body = json!({ "model": "recraft-v3", "prompt": "a cat", "n": 1 });
        let asked = Instant::now();
        let heard = self.api.post(&self.user, Some(&format!("key-{number}")), &body).await;
        let Heard::Answer(answer) = heard else { return };
        let Some(shown) = answer.job() else {
            let known = ["account_busy", "queue_full"].contains(&answer.code());
            assert!(known, "{}", answer.body);
            let mut found = self.found.lock().unwrap();
            found.busy = found.busy.saturating_add(1);
            return;
        };
        {
            let mut found = self.found.lock().unwrap();
            found.accepted = found.accepted.saturating_add(1);
            found.accepting.push(asked.elapsed());
        }
        sleep(MAKING).await;
        self.settle(shown.id).await;
    }

    /// What a worker does with a job whose pictures are made.
    async fn settle(&self, id: JobId) {
        let now = self.cloud.time().now();
        let lease = Lease { until: now.plus(Duration::from_mins(2)), holder: id.to_string() };
        let name = (&self.user, &id);
        let minute = Duration::from_mins(1);
        let claimed = self.store.claim(name, now, &lease, minute, minute).await.unwrap();
        let Claimed::Begun(job, run) = claimed else { panic!("{claimed:?}") };
        let image = Image {
            key: runtime::images::key(&id, 0),
            width: 16,
            height: 16,
            content_type: "image/png".to_owned(),
            seed: None,
        };
        let ending = Ending::Succeeded(Delivered::new(vec![image]).unwrap());
        let made = Instant::now();
        loop {
            let now = self.cloud.time().now();
            let guard = Guard::Fence(run.fence);
            match self.store.finish(&job, guard, &ending, now, Duration::from_hours(24)).await {
                Ok(Finished::Now) => break,
                Err(FinishError::Store(store::StoreError::Busy)) => sleep(REVISIT).await,
                other => panic!("{other:?}"),
            }
        }
        let mut found = self.found.lock().unwrap();
        found.settled = found.settled.saturating_add(1);
        found.settling.push(made.elapsed());
    }
}
